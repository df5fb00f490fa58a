"""`shotsmith import` and `shotsmith compare`: work on many examples."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..domain.errors import InvalidParameter, NotFound
from .output import EncoderOption, Json, console, emit, engine, keyed, progress_bar

if TYPE_CHECKING:
    from ..engine import Added, Engine


def import_(
    format: Annotated[str, typer.Argument(help="imagefolder, jsonl, csv or a plugin's format.")],
    source: Annotated[Path, typer.Argument(help="The directory or file to read.")],
    pool: Annotated[str, typer.Option("--pool", "-p", help="Where to; created when it does not exist.")],
    kind: Annotated[str, typer.Option(help="Task family of a new pool.")] = "classification",
    instruction: Annotated[str, typer.Option(help="Instruction of a new pool.")] = "",
    label: Annotated[
        list[str] | None, typer.Option("--label", help="Closed label space of a new pool; repeat it.")
    ] = None,
    on_conflict: Annotated[
        str, typer.Option(help="An id that exists with other content: error, skip or replace.")
    ] = "error",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="An option of the format, NAME=VALUE.")
    ] = None,
    encoder: EncoderOption = None,
    as_json: Json = False,
) -> None:
    """Import examples. A killed or failed import is simply run again: what is stored already stays as it is."""
    from ..importers import open_importer

    if on_conflict not in ("error", "skip", "replace"):
        raise InvalidParameter(
            "not a way to solve conflicts",
            field="--on-conflict",
            value=on_conflict,
            mend="error, skip or replace",
        )
    importer = open_importer(format, source, **keyed(option or [], "--option"))
    with engine(encoder=encoder) as opened:
        created = _ensure_pool(opened, pool, kind, instruction, label or [])
        total = importer.total()

        def report(added: Added) -> None:
            if as_json:
                emit({"event": "stored", **asdict(added), "seen": added.total, "of": total})
            else:
                bar.update(task, completed=added.total)

        bar = progress_bar(disable=as_json)
        task = bar.add_task("import", total=total)
        with bar:
            done = opened.add_all(pool, importer.read(), on_conflict=on_conflict, progress=report)  # type: ignore[arg-type]
        size = opened.pool(pool).size
    skipped = getattr(importer, "skipped", 0)
    if as_json:
        emit(
            {
                "event": "done",
                **asdict(done),
                "pool": pool,
                "size": size,
                "created": created,
                "ignored": skipped,
            }
        )
        return
    parts = [f"{count:,} {what}" for what, count in asdict(done).items() if count]
    ignored = f", {skipped:,} other files ignored" if skipped else ""
    console().print(
        f"{', '.join(parts) or 'nothing to import'}{ignored}; pool [bold]{pool}[/] holds {size:,}"
    )


def _ensure_pool(opened: Engine, pool: str, kind: str, instruction: str, labels: list[str]) -> bool:
    from ..schemas import PoolIn

    try:
        opened.pool(pool)
    except NotFound:
        fields = {"name": pool, "kind": kind, "instruction": instruction, "labels": labels}
        opened.create_pool(**PoolIn.read(fields, "pool").model_dump(exclude={"encoder"}))
        return True
    return False


def compare(
    pool: Annotated[str, typer.Option("--pool", "-p", help="The pool; its held-out split is the test.")],
    split: Annotated[str, typer.Option(help="Which split is held out.")] = "test",
    selector: Annotated[
        list[str] | None,
        typer.Option("--selector", "-s", help="A selector to compare; repeat it.", show_default="rices"),
    ] = None,
    shots: Annotated[
        list[int] | None,
        typer.Option("-k", "--shots", help="Shots to try; repeat it.", show_default="1 2 4 8 16"),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Who answers.", show_default="offline/knn-vote")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many held-out queries.")] = None,
    order: Annotated[str, typer.Option(help="Prompt order.")] = "similar_last",
    dialect: Annotated[str, typer.Option(help="How prompts are laid out.")] = "chat",
    seed: Annotated[int, typer.Option(help="Seeds draws and resamples.")] = 0,
    report: Annotated[Path | None, typer.Option(help="Also write a self-contained HTML report here.")] = None,
    as_json: Json = False,
) -> None:
    """Compare selectors and shot counts on held-out examples, beside zero-shot, random, majority and kNN vote."""
    from ..experiments import run_comparison

    run_comparison(
        engine,
        pool,
        split=split,
        selectors=selector or ["rices"],
        shots=shots or [1, 2, 4, 8, 16],
        model=model,
        limit=limit,
        order=order,
        dialect=dialect,
        seed=seed,
        report=report,
        as_json=as_json,
    )
