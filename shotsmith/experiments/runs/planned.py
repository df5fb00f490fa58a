"""An experiment before it is run: read, checked and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from ...domain.errors import Conflict, InvalidParameter
from ...domain.runs import Run
from ...engine import Engine
from ...storage.database import now
from ..arms import Arm
from ..bench import Bench
from ..design import INSTRUCTIONS, Estimates, ExperimentFile, arms_of, bench_of, check, estimate, items_of
from ..trials import Findings, Spent, SqlKeep, Trials
from .owners import idle
from .searching import affordable

_MAY_CHANGE = ("budget", "workers", "patience_minutes")


@dataclass(frozen=True)
class Planned:
    """An experiment before it is run.

    Attributes:
        file: What was asked for.
        bench: Where it is asked.
        arms: All of them, baselines first.
        items: The frozen test fold.
        estimates: What is still to be asked takes.
        notes: What should be known before it runs.
        run: The run that it goes on with; None for a new one.
        spent: What that run has spent.
    """

    file: ExperimentFile
    bench: Bench
    arms: tuple[Arm, ...]
    items: tuple[str, ...]
    estimates: Estimates = field(default_factory=Estimates)
    notes: tuple[str, ...] = ()
    run: Run | None = None
    spent: Spent = field(default_factory=Spent)

    def searches(self, arm: Arm) -> bool:
        """Whether an arm is asked about as much as a search for the best one needs."""
        return self.file.search != "all" and arm.group == INSTRUCTIONS

    @property
    def gridded(self) -> tuple[Arm, ...]:
        """The arms that are asked about every item."""
        return tuple(arm for arm in self.arms if not self.searches(arm))

    def passes(self) -> None:
        """Refuse to pass the budget.

        Raises:
            InvalidParameter: What is missing costs, takes or lasts more than is left of it.
        """
        limit, needs = self.file.budget, self.estimates
        told = [
            ("calls", limit.calls, self.spent.calls + needs.calls, f"{needs.calls:,} calls"),
            ("usd", limit.usd, self.spent.usd + (needs.usd or 0.0), f"about ${needs.usd or 0.0:,.4f}"),
            ("minutes", limit.minutes, needs.minutes, f"about {needs.minutes:,.1f} minutes"),
        ]
        for name, allowed, wanted, words in told:
            if allowed is not None and wanted > allowed:
                already = f" after {self.spent.calls:,} calls and ${self.spent.usd:,.4f}" if self.run else ""
                raise InvalidParameter(
                    f"the experiment takes {words}{already}, more than its budget",
                    field=f"budget.{name}",
                    value=allowed,
                    mend="Raise the budget, name fewer arms, shots or seeds, lower test.limit, or run it with "
                    "--partial to spend what there is",
                )


def planned(engine: Engine, file: ExperimentFile) -> Planned:
    """Read, check and count; nothing is asked and nothing written.

    Raises:
        NotFound: No such pool.
        InvalidInput: Something in the file cannot be; it names the field.
        Conflict: A run of that name has another file, or the pool changed since it began.
    """
    plan = read(engine, file)
    notes = check(file, plan.bench, plan.arms, plan.items)
    affordable(file, plan.arms, plan.items)
    known = SqlKeep(engine.runs, plan.run.uid).known() if plan.run else set()
    shares = {arm.key: file.search_share for arm in plan.arms if plan.searches(arm)}
    counted = estimate(
        plan.bench, plan.arms, plan.items, file.seeds, workers=file.workers, known=known, shares=shares
    )
    prices = [one.usd for one in counted.arms if one.usd is not None and one.calls and not one.problem]
    if plan.run is None and file.budget.usd is not None and min(prices, default=0.0) > file.budget.usd:
        raise InvalidParameter(
            f"the budget does not buy one arm: the cheapest takes about ${min(prices):,.4f}",
            field="budget.usd",
            value=file.budget.usd,
            mend="Raise it, or lower test.limit",
        )
    return replace(plan, estimates=counted, notes=tuple(notes))


def read(engine: Engine, file: ExperimentFile) -> Planned:
    """The same without checks and estimates, for files that were planned before."""
    bench = bench_of(engine, file)
    items = items_of(file, bench)
    run = engine.runs.find(file.name)
    if run is not None:
        _same(run, file, bench, items)
    spent = spent_by(run) if run else Spent()
    return Planned(file, bench, arms_of(file, bench), items, run=run, spent=spent)


def findings(engine: Engine, name: str) -> tuple[Planned, Findings]:
    """What a run found so far. Where the pool changed since it began, the plan's notes say what that means.

    Raises:
        NotFound: No such run, or its pool is gone.
        Conflict: None of its items is in the pool any more.
    """
    run = engine.runs.get(name)
    file = ExperimentFile.read(run.file)
    bench = bench_of(engine, file)
    asked = run.facts["items"]
    items = tuple(item for item in asked if item in bench.examples)
    if not items:
        raise Conflict(
            "none of the items that were asked is held out any more",
            field="pool",
            value=file.pool,
            mend="Import them again",
        )
    notes = []
    if run.facts["pool_version"] != bench.pool.version:
        gone = f"; {len(asked) - len(items)} of its items are gone" if len(items) < len(asked) else ""
        notes.append(
            f"the pool changed since the run began: answers are scored by what it says now, and an arm that shows all "
            f"examples is another one{gone}"
        )
    plan = Planned(file, bench, arms_of(file, bench), items, notes=tuple(notes), run=run, spent=spent_by(run))
    trials = Trials(bench, SqlKeep(engine.runs, run.uid), seeds=file.seeds, metrics=file.metrics)
    return plan, trials.found(plan.arms, plan.items)


def spent_by(run: Run) -> Spent:
    """What all sittings of a run have spent."""
    return Spent.sum(Spent(**one) for one in run.spent.values())


def new_run(plan: Planned) -> Run:
    """The run of a plan, not kept yet."""
    moment = now()
    pool = plan.bench.pool
    facts: dict[str, Any] = {
        "pool_uid": pool.uid,
        "pool_version": pool.version,
        "encoder_id": pool.encoder_id,
        "items": list(plan.items),
        "arms": {arm.key: arm.name for arm in plan.arms},
    }
    return Run(uuid4().hex, plan.file.name, _identity(plan.file, plan.bench), facts, moment, moment)


def delete_run(engine: Engine, name: str) -> None:
    """Remove a run with its outcomes; the answers stay in the ledger.

    Raises:
        NotFound: No such run.
        Busy: Somebody is at it.
    """
    idle(engine.runs.get(name))
    engine.runs.delete(name)


def _identity(file: ExperimentFile, bench: Bench) -> dict[str, Any]:
    """The file as it is kept: with the models that were asked, whatever the default is next time."""
    return {**file.model_dump(mode="json"), "models": list(file.models or (bench.model,))}


def _same(run: Run, file: ExperimentFile, bench: Bench, items: Sequence[str]) -> None:
    # Read anew, so that fields which a later version added have their defaults.
    before = _identity(ExperimentFile.read(run.file), bench)
    changed = [
        name
        for name, value in _identity(file, bench).items()
        if name not in _MAY_CHANGE and before.get(name) != value
    ]
    if changed:
        raise Conflict(
            f"a run of that name began with another file: {', '.join(changed)} differ",
            field="name",
            value=file.name,
            mend="Name this one otherwise, or delete that run; budget, workers and patience may change",
        )
    if run.facts.get("pool_version") != bench.pool.version or run.facts.get("items") != list(items):
        raise Conflict(
            "the pool changed since the run began, so its numbers would mix two pools",
            field="pool",
            value=file.pool,
            mend="Start a run of another name; answers to equal prompts come from the ledger, for free",
        )
