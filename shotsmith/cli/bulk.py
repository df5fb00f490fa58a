"""`shotsmith import` and `shotsmith compare`: work on many examples."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..domain.errors import NotFound, ShotsmithError
from ..progress import progress
from .output import EncoderOption, Json, console, emit, engine, keyed, progress_console, writable

if TYPE_CHECKING:
    from ..engine import Added, Engine


def import_(
    format: Annotated[
        str, typer.Argument(help="imagefolder, jsonl, csv, vqa, coco, arrow, ...: see docs/importers.md.")
    ],
    source: Annotated[Path, typer.Argument(help="The directory or file to read.")],
    pool: Annotated[str, typer.Option("--pool", "-p", help="Where to; created when it does not exist.")],
    kind: Annotated[str, typer.Option(help="Task family of a new pool.")] = "classification",
    instruction: Annotated[str, typer.Option(help="Instruction of a new pool.")] = "",
    label: Annotated[
        list[str] | None, typer.Option("--label", help="Closed label space of a new pool; repeat it.")
    ] = None,
    on_conflict: Annotated[
        Literal["error", "skip", "replace"],
        typer.Option(help="What to do with an id that exists with other content."),
    ] = "error",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="An option of the format, NAME=VALUE.")
    ] = None,
    encoder: EncoderOption = None,
    as_json: Json = False,
) -> None:
    """Import examples. A killed or failed import is simply run again: what is stored already stays as it is."""
    from ..importers import open_importer

    importer = open_importer(format, source, **keyed(option or [], "--option"))
    with engine(encoder=encoder) as opened:
        created = _ensure_pool(opened, pool, kind, instruction, label or [])
        total = importer.total()

        with progress(progress_console(), "importing", silent=as_json) as tick:

            def report(added: Added) -> None:
                tick(added.total, total)
                if as_json:
                    emit({"event": "stored", **asdict(added), "seen": added.total, "of": total})

            try:
                done = opened.add_all(pool, importer.read(), on_conflict=on_conflict, progress=report)
            except ShotsmithError:
                if created and not opened.pool(pool).size:
                    opened.delete_pool(pool)
                raise
        lists = getattr(importer, "lists", {})
        if lists:
            opened.import_neighbours(pool, format, lists)
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
                "lists": len(lists),
            }
        )
        return
    parts = [f"{count:,} {what}" for what, count in asdict(done).items() if count]
    ignored = f", {skipped:,} other files ignored" if skipped else ""
    console().print(
        f"{', '.join(parts) or 'nothing to import'}{ignored}; pool [bold]{pool}[/] holds {size:,}"
    )
    if lists:
        console().print(
            f"{len(lists):,} queries bring their own demonstrations: --selector neighbours(name={format})",
            markup=False,
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
        typer.Option(
            "--selector",
            "-s",
            help='A selector to compare, e.g. "rices(modality=text)|balanced"; repeat it.',
            show_default="rices",
        ),
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
    from ..experiments import arms_table, headline, illustrate, render
    from ..experiments import compare as run

    writable("--report", report)
    with engine() as opened:
        with progress(progress_console(), "asking", silent=as_json) as tick:
            found = run(
                opened,
                pool,
                split=split,
                selectors=selector or ["rices"],
                shots=shots or [1, 2, 4, 8, 16],
                order=order,
                dialect=dialect,
                model=model,
                limit=limit,
                seed=seed,
                progress=tick,
            )
        if report is not None:
            samples = illustrate(opened, found)
            shown = found.featured or found.arms[0]
            query = opened.query_of(pool, found.items[0])
            prompt = opened.prompt(opened.select(pool, query, shown.arm.recipe))
            report.write_text(render(found, samples, prompt=prompt), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
        return
    out = console()
    out.print(arms_table(found))
    for line in headline(found):
        out.print(line, markup=False)
    for note in found.notes:
        out.print(f"note: {note}", style="yellow", markup=False)
    if report is not None:
        out.print(f"report: {report}", markup=False, soft_wrap=True)
