"""`shotsmith recipe` and `shotsmith selectors`: what can be written, and what is meant."""

from __future__ import annotations

import json
import re
from typing import Annotated

import typer

from .asking import read_recipe
from .output import Json, console

_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")

app = typer.Typer(help="Read, check and translate recipes.", no_args_is_help=True)


@app.command("show")
def show(
    recipe: Annotated[str, typer.Argument(help="The text form, or a JSON or YAML file.")],
    as_json: Json = False,
) -> None:
    """Check a recipe and show it whole: as text, and as YAML or JSON with every default."""
    import yaml

    from ..domain.recipes import Recipe
    from ..selectors import build

    read = Recipe.read(read_recipe(recipe), "recipe")
    build(read.selector)
    if as_json:
        typer.echo(json.dumps({"text": read.text, **read.model_dump(mode="json")}, ensure_ascii=False))
        return
    typer.echo(f"# {read.text}")
    typer.echo(yaml.safe_dump(read.model_dump(mode="json"), sort_keys=False, allow_unicode=True), nl=False)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of recipes, with the parameters of every selector, plugins included."""
    from ..selectors.schema import recipe_schema

    typer.echo(json.dumps(recipe_schema(), indent=2, ensure_ascii=False))


def selectors(
    name: Annotated[str | None, typer.Argument(help="Only this one, with its parameters.")] = None,
    as_json: Json = False,
) -> None:
    """List selectors and stages, or tell everything about one."""
    from ..domain.recipes import ALIASES
    from ..schemas import SelectorOut
    from ..selectors import describe
    from ..selectors.catalogue import load

    if name is not None:
        name = ALIASES.get(name, name)
        load(name)
    found = [SelectorOut.model_validate(entry) for entry in describe() if name in (None, entry.name)]
    if as_json:
        typer.echo(json.dumps([one.model_dump() for one in found], ensure_ascii=False))
        return
    from rich.table import Table

    out = console()
    if name is None:
        table = Table("name", "kind", "what it does", box=None, header_style="bold")
        for one in found:
            table.add_row(one.name, "stage" if one.stage else "selector", one.summary)
        out.print(table)
        return
    (one,) = found
    out.print(f"{one.name}, a {'stage' if one.stage else 'selector'}. {one.summary}", markup=False)
    if one.details:
        out.print(one.details, markup=False)
    for what, text in one.card.model_dump().items() if one.card else ():
        out.print(f"{what}: {_unlinked(text)}", markup=False)
    for known in one.parameters:
        default = "required" if known.required else f"default {json.dumps(known.default)}"
        out.print(f"  {known.name} ({known.type}, {default}): {known.description}", markup=False)


def _unlinked(text: str) -> str:
    return _LINK.sub(r"\1", text)
