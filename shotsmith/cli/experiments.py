"""`shotsmith experiment`: files in, numbers that can be believed out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import Json, console, engine, progress_console, settings, writable
from .watching import watching

if TYPE_CHECKING:
    from ..experiments.arms import Arm
    from ..experiments.runs import Planned
    from ..experiments.trials import Findings

app = typer.Typer(help="Plan, run and report experiments.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="The experiment file, YAML or JSON.")]
Name = Annotated[str, typer.Argument(help="The run's name.")]


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of experiment files."""
    from ..experiments.design import experiment_schema

    typer.echo(json.dumps(experiment_schema(), indent=2, ensure_ascii=False))


@app.command("plan")
def plan(file: FileArgument, as_json: Json = False) -> None:
    """Check an experiment file and tell what it takes: calls, tokens, money and time. Nothing is asked."""
    from ..experiments.design import ExperimentFile
    from ..experiments.runs import planned

    with engine() as opened:
        found = planned(opened, ExperimentFile.load(file))
        if as_json:
            typer.echo(
                json.dumps({**found.estimates.as_dict(), "items": len(found.items), "notes": found.notes})
            )
        else:
            _show_plan(found)
        found.passes()


@app.command("run")
def run(
    file: FileArgument,
    partial: Annotated[
        bool, typer.Option("--partial", help="Begin although the budget will not suffice.")
    ] = False,
    executor: Annotated[
        str | None,
        typer.Option(help='"local" (this process), "process" or "ray".', show_default="as set, else local"),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes or Ray tasks.", show_default="one a core")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run an experiment, or go on with it: what was answered is never asked again."""
    from ..engine import Engine
    from ..experiments.design import ExperimentFile
    from ..experiments.executors import open_executor
    from ..experiments.runs import planned, run_experiment

    read = ExperimentFile.load(file)
    chosen = settings(executor=executor)
    where = open_executor(chosen.executor, processes, address=chosen.ray_address)
    with Engine(chosen, serving=where.elsewhere) as opened:
        if not as_json:
            _show_plan(planned(opened, read))
        try:
            with watching(silent=as_json) as watch:
                found = run_experiment(opened, read, partial=partial, executor=where, watch=watch)
        except KeyboardInterrupt:
            progress_console().print("paused: what was answered is kept, and the same command goes on")
            raise typer.Exit(130) from None
        _show(found, opened.runs.get(read.name).facts, as_json=as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List runs, the newest first."""
    from ..experiments.trials import Spent

    with engine() as opened:
        runs = opened.runs.all()
        counts = {one.uid: opened.runs.count(one.uid) for one in runs}
    if as_json:
        rows = [
            {"name": one.name, "state": one.state, "message": one.message, "outcomes": counts[one.uid]}
            for one in runs
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    from rich.table import Table

    table = Table("name", "pool", "state", "outcomes", "calls", "USD", "", box=None, header_style="bold")
    for one in runs:
        spent = Spent.sum(Spent(**sitting) for sitting in one.spent.values())
        table.add_row(
            one.name,
            str(one.file.get("pool", "")),
            one.state,
            f"{counts[one.uid]:,}",
            f"{spent.calls:,}",
            f"{spent.usd:.4f}",
            one.message,
        )
    console().print(table)


@app.command("show")
def show(name: Name, as_json: Json = False) -> None:
    """Show what a run found so far."""
    from ..experiments.runs import findings

    with engine() as opened:
        plan, found = findings(opened, name)
        _show(found, opened.runs.get(name).facts, as_json=as_json)
    if not as_json:
        _noted(plan.notes)


@app.command("report")
def report(
    name: Name,
    out: Annotated[Path, typer.Option(help="The HTML file.", show_default="NAME.html")] = Path(),
) -> None:
    """Write what a run found so far as one self-contained HTML page."""
    from ..experiments.report import Account, render_findings
    from ..experiments.runs import findings

    path = out if out.name else Path(f"{name}.html")
    writable("--out", path)
    with engine() as opened:
        plan, found = findings(opened, name)
        page = render_findings(Account(plan.bench, found, name=name, notes=plan.notes))
    path.write_text(page, encoding="utf-8")
    console().print(f"report: {path}", markup=False, soft_wrap=True)


@app.command("export")
def export(
    name: Name,
    out: Annotated[Path, typer.Option(help="A file that ends in .csv, .jsonl or .parquet.")],
    manifests: Annotated[
        bool, typer.Option("--manifests/--no-manifests", help="Rebuild the manifest of every prompt.")
    ] = True,
    spreadsheet: Annotated[
        bool, typer.Option("--spreadsheet", help="Keep spreadsheets from reading texts as formulas.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Write every prediction of a run, with the manifest that rebuilds its prompt."""
    from ..experiments.exporting import export_predictions
    from ..experiments.runs import findings
    from ..progress import progress

    with engine() as opened, progress(progress_console(), "writing") as tick:
        plan, found = findings(opened, name)
        done = export_predictions(
            out,
            plan.bench,
            found,
            manifests=manifests,
            spreadsheet=spreadsheet,
            overwrite=overwrite,
            progress=tick,
        )
    console().print(f"{done.rows:,} predictions: {done.path}", markup=False, soft_wrap=True)
    _noted([*plan.notes, *done.notes])


@app.command("delete")
def delete(name: Name) -> None:
    """Remove a run and its outcomes. The answers stay in the call ledger, so running it again costs nothing."""
    from ..experiments.runs import delete_run

    with engine() as opened:
        delete_run(opened, name)
    console().print(f"run {name} is deleted", markup=False)


def _show_plan(found: Planned) -> None:
    from rich.markup import escape
    from rich.table import Table

    out, takes = console(), found.estimates
    several = len({one.arm.model for one in takes.arms}) > 1
    heads = ["arm", *(["model"] if several else []), "calls", "tokens a prompt", "USD", ""]
    table = Table(*heads, box=None, header_style="bold")
    for one in takes.arms:
        table.add_row(
            escape(one.arm.name),
            *([escape(one.arm.model)] if several else []),
            f"{one.calls:,}",
            "" if one.input_tokens is None else f"{one.input_tokens:,}",
            "?" if one.usd is None else f"{one.usd:.4f}",
            escape(one.problem),
        )
    out.print(table)
    usd = "an unknown price" if takes.usd is None else f"about ${takes.usd:,.4f}"
    pace = "as measured" if takes.known_pace else f"assuming {takes.call_ms / 1000:.0f} s a call"
    out.print(
        f"{len(found.items):,} items, {len(found.arms):,} arms, {takes.calls:,} calls, "
        f"{takes.input_tokens:,} input tokens, {usd}, {takes.minutes:,.1f} minutes {pace}",
        soft_wrap=True,
        highlight=False,
    )
    _noted(found.notes)


def _show(found: Findings, facts: Mapping[str, Any], *, as_json: bool) -> None:
    metrics = found.metrics or (found.metric,)
    rows = [_row(found, arm, metrics) for arm in found.arms]
    if as_json:
        told = {"metric": found.metric, "items": len(found.items), "arms": rows}
        told |= {"search": facts["search"]} if "search" in facts else {}
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    from rich.markup import escape
    from rich.table import Table

    several = len({row["model"] for row in rows if row["model"]}) > 1
    heads = ["arm", *(["model"] if several else []), *metrics, "unreadable", "errors"]
    table = Table(*heads, box=None, header_style="bold")
    for row in rows:
        first = "not asked about every item"
        if row["score"] is not None:
            first = f"{row['score']:.3f} \\[{row['low']:.3f}, {row['high']:.3f}]"
        others = ["" if row[name] is None else f"{row[name]:.3f}" for name in metrics[1:]]
        counts = [str(row.get(name, "")) for name in ("unreadable", "errors")]
        table.add_row(
            escape(row["arm"]), *([escape(row["model"])] if several else []), first, *others, *counts
        )
    console().print(table)
    for model, best in facts.get("search", {}).items():
        console().print(f"{model}: {best['verdict']}", markup=False, soft_wrap=True)


def _row(found: Findings, arm: Arm, metrics: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"arm": arm.name, "model": arm.model, "group": arm.group}
    if not found.complete(arm):
        return {**told, "score": None, **dict.fromkeys(metrics[1:])}
    mean = found.mean(arm)
    outcomes = [one for of_seed in found.of_arm(arm) for one in of_seed]
    return {
        **told,
        "score": mean.value,
        "low": mean.low,
        "high": mean.high,
        **{name: found.value(arm, name) for name in metrics[1:]},
        "unreadable": sum(one.answer is None for one in outcomes),
        "errors": sum(bool(one.error) for one in outcomes),
    }


def _noted(notes: Sequence[str]) -> None:
    for note in notes:
        console().print(f"note: {note}", style="yellow", markup=False, soft_wrap=True)
