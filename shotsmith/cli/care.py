"""`shotsmith suspects`, `coverage` and `label-next`: care for the data of a pool."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from .output import Json, console, engine, keyed

Pool = Annotated[str, typer.Option("--pool", "-p", help="Whose examples.")]
_SHOWN = 20


def suspects(
    pool: Pool,
    log: Annotated[
        Path | None,
        typer.Option(help="Answers given with its examples shown: what `shotsmith compare --json` printed."),
    ] = None,
    neighbours: Annotated[int, typer.Option(min=1, help="How many nearest examples are asked.")] = 10,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = _SHOWN,
    as_json: Json = False,
) -> None:
    """List examples whose labels look wrong, the most suspect first: nothing is changed."""
    from ..experiments.care import pool_suspects, read_log

    entries = read_log(log) if log else []
    with engine() as opened:
        found = pool_suspects(opened, pool, neighbours=neighbours, log=entries)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found[:limit]], ensure_ascii=False))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "", "id", "label", "rather", "score", "others nearby", "margin", box=None, header_style="bold"
    )
    if entries:
        table.add_column("influence")
    for one in found[:limit]:
        cells = [
            "?" if one.flagged else "",
            escape(one.id),
            escape(", ".join(one.labels)),
            escape(one.suggested),
            f"{one.score:.3f}",
            f"{one.disagreement:.0%}",
            f"{one.margin:+.2f}",
        ]
        if entries:
            cells.append("–" if one.influence is None else f"{one.influence:+.3f}")
        table.add_row(*cells)
    flagged = sum(one.flagged for one in found)
    console().print(table)
    console().print(f"{flagged:,} of {len(found):,} labels are worth a look (?)", style="dim")


def coverage(
    pool: Pool,
    few: Annotated[int, typer.Option(min=1, help="Fewer distinct training examples make a label thin.")] = 5,
    as_json: Json = False,
) -> None:
    """Count examples by label and fold; tell labels without training examples, copies and leaks across folds."""
    from ..experiments.care import pool_copies, pool_coverage

    with engine() as opened:
        counted, alike = pool_coverage(opened, pool, few=few), pool_copies(opened, pool)
    if as_json:
        sets = [{**asdict(one), "leak": one.leak, "contradiction": one.contradiction} for one in alike]
        gaps = {"missing": counted.missing, "thin": counted.thin, "imbalance": counted.imbalance}
        typer.echo(json.dumps({**asdict(counted), **gaps, "copies": sets}, ensure_ascii=False))
        return
    from rich.markup import escape
    from rich.table import Table

    out = console()
    table = Table("label", *counted.splits, "distinct", "groups", box=None, header_style="bold")
    for row in counted.labels:
        counts = [f"{row.splits.get(split, 0):,}" for split in counted.splits]
        table.add_row(escape(row.label), *counts, f"{row.distinct:,}", f"{row.groups:,}")
    out.print(table)
    for what, labels in (
        ("no training example", counted.missing),
        (f"fewer than {few} distinct ones", counted.thin),
    ):
        if labels:
            out.print(f"{what}: {', '.join(labels)}", style="yellow", markup=False)
    for kept in alike[:_SHOWN]:
        what = "leak, " if kept.leak else "contradiction, " if kept.contradiction else ""
        shown = ", ".join(kept.ids[:4]) + (" …" if len(kept.ids) > 4 else "")
        out.print(f"{what}{kept.kind}: {shown} ({', '.join(kept.splits)})", markup=False)
    leaks = sum(kept.leak for kept in alike)
    out.print(f"{len(alike):,} sets of copies, {leaks:,} of them across folds", style="dim")


def label_next(
    format: Annotated[str, typer.Argument(help="As for `shotsmith import`.")],
    source: Annotated[Path, typer.Argument(help="Examples without labels.")],
    pool: Pool,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 10,
    regime: Annotated[
        Literal["NO-ICL", "KNN", "SSL", "ASL", "HYBRID", "INCONCLUSIVE"],
        typer.Option(help="What the advisor found."),
    ] = "SSL",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="An option of the format, NAME=VALUE.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List which examples to label next, the most useful first. Nothing is stored."""
    from ..experiments.care import pool_label_next
    from ..importers import open_importer

    importer = open_importer(format, source, **keyed(option or [], "--option"))
    with engine() as opened:
        found = pool_label_next(opened, pool, importer.read(), count, regime)
    if as_json:
        typer.echo(json.dumps([{"id": one.id, "where": one.where} for one in found], ensure_ascii=False))
        return
    for one in found:
        typer.echo(one.id or one.where)
