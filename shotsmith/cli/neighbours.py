"""`shotsmith neighbours ...`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..domain.errors import InvalidParameter
from ..domain.neighbours import Imported
from .output import Json, console, engine

app = typer.Typer(help="Import and list neighbour lists that another program computed.", no_args_is_help=True)

Pool = Annotated[str, typer.Option("--pool", "-p", help="Whose examples the lists name.")]
Template = "as a template: test/{}, COCO_val2014_{:012}.jpg."


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="JSON, JSON Lines, .npy or .npz.")],
    pool: Pool,
    name: Annotated[
        str | None,
        typer.Option("--name", "-n", help="What the lists are called.", show_default="the key"),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Which lists of a file that has several, e.g. SI.")] = None,
    format: Annotated[
        Literal["lists", "records", "keyed", "matrix"] | None,
        typer.Option(help="Insist on a shape.", show_default="what the content looks like"),
    ] = None,
    query_id: Annotated[
        str, typer.Option(help=f"How the file's query ids become ids of the pool, {Template}")
    ] = "{}",
    example_id: Annotated[
        str, typer.Option(help=f"How the file's example ids become ids of the pool, {Template}")
    ] = "{}",
    query_ids: Annotated[
        Path | None,
        typer.Option(help="A text file with one query id a line, for files that give row numbers."),
    ] = None,
    example_ids: Annotated[
        Path | None,
        typer.Option(help="A text file with one example id a line, for files that give row numbers."),
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out ids that the pool does not have.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import neighbour lists in place of those that had the name: all of them or, if one is bad, none."""
    from ..importers.neighbour_lists import read_lists

    found = read_lists(
        source,
        format=format,
        key=key,
        query_id=query_id,
        example_id=example_id,
        query_ids=query_ids,
        example_ids=example_ids,
    )
    called = name or found.key
    if called is None:
        raise InvalidParameter("the lists need a name", field="--name", mend="Give one, e.g. --name SI")
    with engine() as opened:
        done = opened.import_neighbours(pool, called, found.lists, skip_unknown=skip_unknown)
    if as_json:
        from ..schemas import NeighboursOut

        counts = NeighboursOut.of(done).model_dump()
        typer.echo(json.dumps({"pool": pool, "name": called, **counts, "without": found.without}))
        return
    out = console()
    out.print(f"Imported {done.lists:,} lists with {done.ids:,} ids as [bold]{called}[/] into pool {pool}")
    for line in _remarks(done, found.without):
        out.print(line, style="dim")


@app.command("list")
def list_(pool: Pool, as_json: Json = False) -> None:
    """List the names of imported neighbour lists."""
    with engine() as opened:
        names = opened.neighbour_lists(pool)
    if as_json:
        typer.echo(json.dumps(names))
        return
    from rich.table import Table

    table = Table("name", "lists", box=None, header_style="bold")
    for name, count in names.items():
        table.add_row(name, f"{count:,}")
    console().print(
        table if names else "None yet: `shotsmith neighbours import FILE --pool NAME` imports some."
    )


def _remarks(done: Imported, without: int) -> list[str]:
    counts = {
        "queries are no examples of the pool: they can be asked with that id and their content": done.new_queries,
        "queries of the file have no such list": without,
        "ids left out that stood earlier in their list": done.repeated,
        "ids left out that were the query's own": done.itself,
        "ids left out that the pool does not have": done.unknown,
        "lists left out of which nothing was left": done.emptied,
    }
    return [f"{count:,} {what}" for what, count in counts.items() if count]
