"""`shotsmith advise`: which regime a task is in, and which recipe to use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..domain.errors import InvalidParameter
from .asking import read_recipe
from .output import Json, console, engine, writable
from .watching import watching

if TYPE_CHECKING:
    from ..experiments.advisor import Advice
    from ..prompts.parsing import Task


def advise(
    pool: Annotated[str, typer.Option("--pool", "-p", help="The pool; its held-out split is the test.")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Who is advised on.", show_default="offline/knn-vote")
    ] = None,
    max_calls: Annotated[int | None, typer.Option(min=1, help="Calls it may make at most.")] = None,
    max_usd: Annotated[float | None, typer.Option(min=0, help="US dollars it may spend at most.")] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0.01, help="Minutes it may take.")] = None,
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe", "-r", help="What all arms have in common: order, dialect, images. Text, or a file."
        ),
    ] = "rices",
    shots: Annotated[
        list[int] | None,
        typer.Option("-k", "--shots", help="Shots to try; repeat it.", show_default="doubling from 1"),
    ] = None,
    split: Annotated[str, typer.Option(help="Which split is held out.")] = "test",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many held-out queries.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of arms that draw.")] = 1,
    margin: Annotated[
        float, typer.Option(min=0, max=0.5, help="Points that do not matter, as a share: 0.02 is two.")
    ] = 0.02,
    metric: Annotated[
        str | None,
        typer.Option(help="By which score arms are told apart.", show_default="the task's usual one"),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Items in work at the same time.")] = 8,
    save: Annotated[Path | None, typer.Option(help="Write the advised recipe here, as YAML.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report here.")] = None,
    as_json: Json = False,
) -> None:
    """Find out whether demonstrations help, similar ones or all of them, and at what price; save the recipe.

    It asks in stages and stops as soon as the verdict is clear. Answers are kept in the call ledger: the same command
    again, or one with a larger budget, pays for what is new alone.
    """
    from ..domain.recipes import Recipe
    from ..experiments.advisor import Margins
    from ..experiments.advisor import advise as run
    from ..experiments.bench import Bench
    from ..experiments.report import Account, render_findings
    from ..experiments.trials import Meter, Spending, Trials

    for name, path in (("--save", save), ("--report", report)):
        writable(name, path)
    base = Recipe.read(read_recipe(recipe), "recipe")
    budget = Spending(calls=max_calls, usd=max_usd, minutes=max_minutes)
    with engine() as opened:
        bench = Bench(opened, pool, split=split, model=model, seed=base.seed)
        metrics = (_better_when_higher(metric, bench.task),) if metric else ()
        with watching(silent=as_json) as watch:
            trials = Trials(
                bench,
                seeds=tuple(range(seeds)),
                workers=workers,
                meter=Meter(budget),
                metrics=metrics,
                watch=watch,
            )
            items = bench.items[:limit]
            found = run(trials, base=base, margins=Margins(delta=margin), shots=shots, items=items)
        if save is not None and found.arm.recipe is not None:
            save.write_text(_yaml(found), encoding="utf-8")
        if report is not None:
            known = trials.found([point.arm for point in found.points], items)
            report.write_text(render_findings(Account(bench, known, found)), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
        return
    show(found)
    if save is not None:
        said = (
            f"recipe: {save}" if found.arm.recipe else "no recipe is saved: nothing is shown and nobody asked"
        )
        console().print(said, markup=False, soft_wrap=True)
    if report is not None:
        console().print(f"report: {report}", markup=False, soft_wrap=True)


def show(found: Advice) -> None:
    """Advice for people: the verdict, what to use and why, and what else was tried."""
    from rich.table import Table

    out = console()
    leading = f", leaning to {found.leading}" if found.leading else ""
    out.print(f"[bold]{found.regime}[/]{leading}: use {found.arm.name}", soft_wrap=True)
    for line in found.why:
        out.print(line, markup=False, soft_wrap=True)
    if found.needed is not None:
        out.print(f"{found.needed:,} held-out items would decide it", markup=False, soft_wrap=True)
    table = Table("arm", "score", "USD a 1,000", "p95, ms", "items", box=None, header_style="bold")
    for point in found.points:
        score = f"{point.score.value:.3f} [{point.score.low:.3f}, {point.score.high:.3f}]"
        usd = "?" if point.usd is None else f"{point.usd:,.3f}"
        name = f"[bold]{point.arm.name}[/]" if point.best else point.arm.name
        table.add_row(name, score, usd, f"{point.p95_ms:,.0f}", f"{point.items:,}")
    out.print(table)
    for one in found.evidence:
        where = f" by {one.modality}" if one.modality else ""
        numbers = f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"
        out.print(f"{one.name}{where}: {numbers}; {one.says}", markup=False, soft_wrap=True, highlight=False)
    spent = found.spent
    out.print(
        f"{spent.calls + spent.repeated:,} calls ({spent.repeated:,} of them from the ledger, ${spent.usd:,.4f}) "
        f"instead of {found.grid_calls:,}",
        markup=False,
        soft_wrap=True,
    )
    for note in found.notes:
        out.print(f"note: {note}", style="yellow", markup=False, soft_wrap=True)


def _better_when_higher(name: str, task: Task) -> str:
    from ..experiments.metrics import metric

    if metric(name, task).better == "lower":
        raise InvalidParameter(
            "arms are told apart by scores of which more is better",
            field="--metric",
            value=name,
            mend="Name another one",
        )
    return name


def _yaml(found: Advice) -> str:
    import yaml

    assert found.arm.recipe is not None
    head = [f"# {found.regime}: {found.arm.name}", *(f"# {line}" for line in found.why)]
    recipe = found.arm.recipe.model_copy(update={"evaluation": False})
    return "\n".join(
        [*head, yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)]
    )
