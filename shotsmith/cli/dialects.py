"""`shotsmith dialects`: what dialects there are, and one selection laid out in several of them, side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..domain.errors import InvalidParameter
from .asking import Asked
from .output import EncoderOption, Json, console, engine

if TYPE_CHECKING:
    from rich.text import Text

    from ..domain.messages import Message
    from ..domain.selections import Prompt

_NARROWEST = 38


def dialects(
    dialect: Annotated[
        list[str] | None,
        typer.Option(
            "--dialect",
            "-d",
            help="Show this one, e.g. collage(columns=4); repeat it.",
            show_default="all that show images",
        ),
    ] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", "-p", help="Lay out a prompt of this pool in each dialect.")
    ] = None,
    image: Annotated[
        list[Path] | None, typer.Option("--image", "-i", help="The query's image; repeat for several.")
    ] = None,
    text: Annotated[str, typer.Option("--text", "-t", help="The query's text.")] = "",
    id: Annotated[
        str | None, typer.Option("--id", help="Ask this example of the pool, without its answer.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", "-r", help="As text, or a JSON or YAML file; options win.")
    ] = None,
    selector: Annotated[
        str | None,
        typer.Option("--selector", "-s", help="Which examples to take.", show_default="rices"),
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", "--shots", help="How many demonstrations.", show_default="8")
    ] = None,
    encoder: EncoderOption = None,
    as_json: Json = False,
) -> None:
    """List dialects and their options; with --pool, lay out the same demonstrations in several, side by side."""
    if pool is None:
        if image or text or id is not None or recipe or selector or k is not None:
            raise InvalidParameter(
                "a query needs a pool to take demonstrations from",
                field="--pool",
                mend="Name one, or leave the query out to list the dialects",
            )
        _list(dialect or [], as_json=as_json)
        return
    asked = Asked(pool, image=image, text=text, id=id, recipe=recipe, selector=selector, k=k, encoder=encoder)
    prompts = _prompts(asked, dialect or [])
    if as_json:
        from ..schemas import PromptOut

        shown = [
            {"dialect": name, **PromptOut.of(prompt).model_dump(mode="json")}
            for name, prompt in prompts.items()
        ]
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        _side_by_side(prompts)


def _list(wanted: list[str], *, as_json: bool) -> None:
    from ..prompts.dialects import describe, open_dialect

    for text in wanted:
        open_dialect(text)
    names = {text.partition("(")[0].strip() for text in wanted}
    found = [one for one in describe() if not names or one.name in names]
    if as_json:
        from dataclasses import asdict

        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False))
        return
    out = console()
    for one in found:
        out.print(f"[bold]{one.name}[/]  ", end="")
        out.print(one.summary, markup=False)
        for option in one.options:
            default = json.dumps(option.default)
            out.print(
                f"  {option.name} ({option.type}, default {default}): {option.description}", markup=False
            )


def _prompts(asked: Asked, wanted: list[str]) -> dict[str, Prompt]:
    """The same selection in each dialect, by its text form."""
    from ..domain.recipes import Recipe
    from ..prompts.dialects import open_dialect

    recipe = asked.to_recipe()
    texts = [Recipe.read({"dialect": text}).dialect for text in wanted or _without_a_model()]
    for text in texts:
        open_dialect(text)
    with engine(encoder=asked.encoder) as opened:
        chosen = opened.select(asked.pool, asked.query(opened), recipe)
        return {
            text: opened.prompt(replace(chosen, recipe=recipe.model_copy(update={"dialect": text})))
            for text in texts
        }


def _without_a_model() -> list[str]:
    """Those that ask no model for summaries, which may cost money."""
    from ..prompts.dialects import describe, open_dialect

    return [one.name for one in describe() if getattr(open_dialect(one.name), "shot_summary", None) is None]


def _side_by_side(prompts: dict[str, Prompt]) -> None:
    from rich.columns import Columns
    from rich.markup import escape
    from rich.panel import Panel

    out = console()
    beside = max(1, min(len(prompts), out.width // _NARROWEST))
    width = out.width // beside - 1
    panels = [
        Panel(_laid_out(prompt.messages), title=escape(text), subtitle=_totals(prompt), width=width)
        for text, prompt in prompts.items()
    ]
    out.print(Columns(panels, padding=(0, 1, 0, 0)))


def _totals(prompt: Prompt) -> str:
    counts = prompt.manifest["counts"]
    return f"{counts['turns']} turns, {counts['images']} images, {counts['text_characters']:,} characters"


def _laid_out(messages: tuple[Message, ...]) -> Text:
    from rich.text import Text

    from ..domain.messages import AudioPart, TextPart

    lines = Text()
    for message in messages:
        lines.append(f"{message.role}\n", style="bold")
        for part in message.parts:
            if isinstance(part, TextPart):
                lines.append(f"{part.text}\n")
            else:
                size = (
                    f"{part.seconds:.1f} s"
                    if isinstance(part, AudioPart)
                    else f"{part.width} x {part.height}"
                )
                lines.append(f"[{part.mime} {size}]\n", style="dim")
    lines.rstrip()
    return lines
