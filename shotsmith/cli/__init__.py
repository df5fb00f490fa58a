"""The command line: `shotsmith --help`. Every command takes `--json` where a machine may read along."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..domain.errors import ShotsmithError
from . import (
    advising,
    augmenting,
    batches,
    bulk,
    care,
    dialects,
    experiments,
    exporting,
    neighbours,
    planning,
    pools,
    queries,
    recipes,
    upkeep,
)
from .asking import with_query
from .output import fail, session

app = typer.Typer(
    name="shotsmith",
    help="Chooses, orders and renders the demonstrations that a vision-language model should see.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(pools.app, name="pool")
app.add_typer(neighbours.app, name="neighbours")
app.command("import")(bulk.import_)
app.add_typer(recipes.app, name="recipe")
app.command("selectors")(recipes.selectors)
app.command("dialects")(dialects.dialects)
app.command("select")(with_query(queries.select))
app.command("prompt")(with_query(queries.prompt))
app.command("ask")(with_query(queries.ask))
app.command("ask-many")(batches.ask_many)
app.command("compare")(bulk.compare)
app.command("advise")(advising.advise)
app.add_typer(experiments.app, name="experiment")
app.command("hybrid")(planning.hybrid)
app.command("suspects")(care.suspects)
app.command("coverage")(care.coverage)
app.command("label-next")(care.label_next)
app.command("augment")(augmenting.augment)
app.command("export")(exporting.export)
app.command("serve")(upkeep.serve)
app.command("doctor")(upkeep.doctor)
app.command("demo")(upkeep.demo)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"shotsmith {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where everything is kept. [env: SHOTSMITH_DATA_DIR; default: .shotsmith]"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    session.data_dir = data_dir


def main() -> None:
    """Run the command line; a deliberate error is one line on stderr and an exit code, never a traceback."""
    try:
        app()
    except ShotsmithError as error:
        fail(error, as_json="--json" in sys.argv)
        sys.exit(error.exit_code)
