"""`shotsmith select`, `prompt` and `ask`: each goes one step further than the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .asking import Asked
from .output import Json, console, engine, keyed

if TYPE_CHECKING:
    from ..schemas import SelectionOut


def select(asked: Asked, as_json: Json = False) -> None:
    """Choose and order demonstrations for a query."""
    from ..schemas import SelectionOut

    with engine(encoder=asked.encoder) as opened:
        selection = SelectionOut.of(opened.select(asked.pool, asked.query(opened), asked.to_recipe()))
    if as_json:
        typer.echo(selection.model_dump_json(indent=2))
    else:
        _show(selection)


def prompt(
    asked: Asked,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Whose limits are kept and whose tokens are counted."),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="What it takes of each limit, what was done to fit, and what is wrong."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the prompt a model would receive. With --json, the messages in the OpenAI shape and the manifest."""
    from ..prompts.summary import summarise
    from ..schemas import PromptOut
    from .explaining import explained

    with engine(encoder=asked.encoder) as opened:
        selection = opened.select(asked.pool, asked.query(opened), asked.to_recipe())
        built = opened.prompt(selection, model=model)
    if as_json:
        typer.echo(PromptOut.of(built).model_dump_json(indent=2))
    elif explain:
        out = console()
        for part in explained(built.manifest):
            out.print(part)
    else:
        typer.echo(summarise(built))


def ask(
    asked: Asked,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help='For example "openai/gpt-5-mini".', show_default="offline/knn-vote"
        ),
    ] = None,
    api_base: Annotated[str | None, typer.Option(help="Another endpoint than the provider's own.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--set", help="A sampling parameter, NAME=VALUE, e.g. temperature=0.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Choose demonstrations, ask a model, and show its answer with usage and cost."""
    from ..schemas import AnswerOut

    recipe, parameters = asked.to_recipe(), keyed(parameter or [], "--set")
    with engine(encoder=asked.encoder, model_api_base=api_base) as opened:
        selection = opened.select(asked.pool, asked.query(opened), recipe)
        told = [] if as_json else opened.prompt(selection, model=model).manifest["lint"]
        for one in told:
            if one["level"] != "advice":
                typer.echo(f"{one['level']}: {one['what']}. {one['mend']}.", err=True)
        given = opened.answer(selection, model=model, parameters=parameters)
    answer = AnswerOut.of(given.reply, given.parsed, given.selection, given.prompt)
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
        return
    from rich.markup import escape

    out = console()
    read = "could not be read as a label" if answer.answer is None else escape(answer.answer)
    out.print(f"[bold]{read}[/]  [dim]{escape(answer.text) if answer.text != answer.answer else ''}[/]")
    usage = answer.usage
    tokens = (
        f"{usage.input_tokens:,} + {usage.output_tokens:,} tokens, " if usage.input_tokens is not None else ""
    )
    if usage.hit_rate:
        tokens += f"{usage.hit_rate:.0%} of the prompt from the cache, "
    cost = "unknown cost" if answer.cost_usd is None else f"${answer.cost_usd:.6f}"
    if answer.usage.saved_usd:
        cost += f" (${answer.usage.saved_usd:.6f} saved by the cache)"
    origin = "from the ledger" if answer.from_ledger else f"{answer.latency_ms:,.0f} ms"
    out.print(f"{answer.model}: {tokens}{cost}, {origin}", style="dim")
    for note in answer.notes:
        out.print(f"note: {escape(note)}", style="yellow")
    _show(answer.selection)


def _show(selection: SelectionOut) -> None:
    from rich.markup import escape
    from rich.table import Table

    # Where all came the same short way, the way says nothing.
    ways = {shot.stage for shot in selection.demonstrations}
    staged = len(ways) > 1 or any(" > " in way for way in ways)
    head = ("id", "label", "score", "rank", *["stage"][:staged], "reason")
    table = Table(*head, box=None, header_style="bold")
    for shot in selection.demonstrations:
        score = "" if shot.score is None else f"{shot.score:.4f}"
        shown = shot.label or shot.answer
        cells = (shot.id, shown[:40], score, str(shot.rank), *[shot.stage][:staged], shot.reason)
        table.add_row(*(escape(cell) for cell in cells))
    out = console()
    if selection.demonstrations:
        out.print(table)
    out.print(
        f"{len(selection.demonstrations)} of {selection.eligible:,} eligible examples, pool {selection.pool} "
        f"version {selection.pool_version}",
        style="dim",
    )
    if selection.removed:
        kept_out = ", ".join(
            f"{removal.id} ({removal.reason}: {removal.detail})" for removal in selection.removed[:5]
        )
        more = f" and {len(selection.removed) - 5} more" if len(selection.removed) > 5 else ""
        out.print(f"kept out by the leak guard: {escape(kept_out)}{more}", style="dim")
    for flag in selection.flags:
        out.print(f"note: {escape(flag)}", style="yellow")
