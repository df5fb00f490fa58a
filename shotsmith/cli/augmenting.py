"""`shotsmith augment`: examples that a model makes up from real ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ..progress import progress
from .output import EncoderOption, Json, console, engine, keyed, progress_console

if TYPE_CHECKING:
    from ..experiments.augmentation import Augmented


def augment(
    pool: Annotated[str, typer.Option("--pool", "-p", help="Whose training examples others are made from.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Examples that are kept, at most.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Who writes and judges.")],
    max_calls: Annotated[int, typer.Option(min=0, help="Calls at most; refused where they may not suffice.")],
    max_usd: Annotated[
        float | None, typer.Option(min=0, help="US dollars at most, as estimated.", show_default="any")
    ] = None,
    candidates: Annotated[
        int | None, typer.Option(min=2, help="Examples that are written.", show_default="twice the count")
    ] = None,
    shots: Annotated[int, typer.Option(min=1, help="Real examples that the writer sees.")] = 4,
    raters: Annotated[
        int, typer.Option(min=1, max=30, help="Wordings in which each one is judged; their mean counts.")
    ] = 3,
    references: Annotated[int, typer.Option(min=0, help="Real examples that it is judged beside.")] = 4,
    source: Annotated[
        list[str] | None,
        typer.Option(help="Make them from this example; repeat it.", show_default="any training example"),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--set", help="A sampling parameter of the writer, NAME=VALUE, e.g. temperature=0.7."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seeds every draw.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Calls at the same time.")] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what it would take.")] = False,
    encoder: EncoderOption = None,
    as_json: Json = False,
) -> None:
    """Let a model make up training examples from real ones, and keep the better half of them, marked as synthetic."""
    from ..experiments.augmentation import Augmentation
    from ..experiments.augmentation import augment as run

    settings = Augmentation.read(
        {
            "count": count,
            "candidates": candidates,
            "shots": shots,
            "raters": raters,
            "references": references,
            "seed": seed,
        }
    )
    with (
        engine(encoder=encoder) as opened,
        progress(progress_console(), "asking", silent=as_json or dry_run) as tick,
    ):
        found = run(
            opened,
            pool,
            settings,
            model=model,
            max_calls=max_calls,
            max_usd=max_usd,
            sources=source,
            parameters=keyed(parameter or [], "--set"),
            dry_run=dry_run,
            workers=workers,
            progress=tick,
        )
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
        return
    for line in _lines(found):
        console().print(line, markup=False, soft_wrap=True)


def _lines(found: Augmented) -> list[str]:
    forecast, settings = found.forecast, found.settings
    price = "an unknown price" if forecast.usd is None else f"${forecast.usd:.4f}"
    lines = [f"note: {note}" for note in found.notes]
    if found.unusable:
        lines.append(f"note: {found.unusable:,} training examples have no text that could be put differently")
    if found.added is None:
        return [
            f"{settings.written:,} candidates from {found.sources:,} real examples, the better half kept, "
            f"{settings.count:,} at most",
            f"up to {forecast.calls:,} calls, {forecast.input_tokens:,} + {forecast.output_tokens:,} tokens, {price}",
            *lines,
        ]
    spent, added = found.spent, found.added
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in found.dropped.items())
    middle = "" if found.median is None else f", median {found.median:.2f}"
    return [
        f"{settings.written:,} asked for, {found.rated:,} rated{middle}",
        f"dropped: {dropped or 'none'}; {found.unread:,} judgements could not be read",
        *(f"{one.score:.2f}  {one.example.id}  from {one.sources[0]}" for one in found.kept[:20]),
        f"{len(found.kept):,} kept, {added.added:,} of them new in pool {found.pool} (run {found.run})",
        f"{spent.calls:,} calls, {spent.repeated:,} answered by the ledger, ${spent.usd:.6f}"
        + (f", {spent.unpriced:,} calls without a known price" if spent.unpriced else ""),
        *lines,
    ]
