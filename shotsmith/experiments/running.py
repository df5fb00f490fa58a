"""Running an experiment file: planned, checked, asked, kept, and gone on with after any interruption."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any
from uuid import uuid4

from ..domain.errors import Busy, Conflict, InvalidParameter, ModelError
from ..domain.runs import Run
from ..engine import Engine
from ..storage.database import now
from .arms import Arm
from .bench import Bench
from .design import Estimates, ExperimentFile, arms_of, bench_of, check, estimate, items_of
from .trials import BudgetSpent, Findings, Meter, Outage, Spent, SqlKeep, Standing, Trials

Watch = Callable[[Standing], None]


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
    estimates: Estimates
    notes: tuple[str, ...]
    run: Run | None = None
    spent: Spent = field(default_factory=Spent)

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
    bench = bench_of(engine, file)
    items = items_of(file, bench)
    arms = arms_of(file, bench)
    notes = check(file, bench, arms, items)
    run = engine.runs.find(file.name)
    if run is not None:
        _same(run, file, bench, items)
    known = SqlKeep(engine.runs, run.uid).known() if run else set()
    counted = estimate(bench, arms, items, file.seeds, workers=file.workers, known=known)
    spent = Spent(**run.spent) if run else Spent()
    return Planned(file, bench, arms, items, counted, tuple(notes), run, spent)


def run_experiment(
    engine: Engine, file: ExperimentFile, *, partial: bool = False, watch: Watch | None = None
) -> Findings:
    """Ask everything that has no outcome yet.

    Args:
        engine: Holds the pool, the ledger and the runs.
        file: What to ask. A file that ran before under its name goes on.
        partial: Whether to begin although the budget will not suffice.
        watch: Hears where it stands, a few times a second.

    Returns:
        What was found.

    Raises:
        BudgetSpent: What was found so far is kept (`findings`), and so it is with the others.
        ModelError: The model did not answer for longer than the file's patience.
        Busy: Another process is at it.
        InvalidInput, NotFound, Conflict: As `planned`.
    """
    plan = planned(engine, file)
    if not partial:
        plan.passes()
    run = plan.run or engine.runs.create(_new(file, plan))
    _free(run)
    trials = trials_of(engine, run, plan, watch=watch)
    engine.runs.update(run.uid, state="running", message="", facts={**run.facts, "owner": _myself()})
    try:
        found = trials.ask(plan.arms, plan.items)
    except BudgetSpent as error:
        engine.runs.update(run.uid, state="stopped", message=str(error), spent=trials.meter.spent._asdict())
        raise
    except (ModelError, KeyboardInterrupt) as error:
        said = str(error) or "interrupted"
        engine.runs.update(run.uid, state="paused", message=said, spent=trials.meter.spent._asdict())
        raise
    engine.runs.update(run.uid, state="done", message="", spent=trials.meter.spent._asdict())
    return found


def trials_of(engine: Engine, run: Run, plan: Planned, *, watch: Watch | None = None) -> Trials:
    """The trials of a run, with what is left of its budget."""
    file = plan.file

    def heard(standing: Standing) -> None:
        engine.runs.update(run.uid, spent=standing.spent._asdict(), message=standing.waiting)
        if watch:
            watch(standing)

    return Trials(
        plan.bench,
        SqlKeep(engine.runs, run.uid),
        seeds=file.seeds,
        workers=file.workers,
        meter=Meter(file.budget, plan.spent),
        outage=Outage(60 * file.patience_minutes),
        remember=True,
        watch=heard,
    )


def findings(engine: Engine, name: str) -> tuple[Planned, Findings]:
    """What a run found so far.

    Raises:
        NotFound: No such run, or its pool is gone.
        Conflict: The pool changed since it began.
    """
    run = engine.runs.get(name)
    plan = planned(engine, ExperimentFile.read(run.file))
    trials = trials_of(engine, run, plan)
    return plan, trials.found(plan.arms, plan.items)


def _new(file: ExperimentFile, plan: Planned) -> Run:
    moment = now()
    pool = plan.bench.pool
    facts: dict[str, Any] = {
        "pool_uid": pool.uid,
        "pool_version": pool.version,
        "encoder_id": pool.encoder_id,
        "items": list(plan.items),
        "arms": {arm.key: arm.name for arm in plan.arms},
    }
    return Run(uuid4().hex, file.name, _identity(file), facts, moment, moment)


def _identity(file: ExperimentFile) -> dict[str, Any]:
    return file.model_dump(mode="json")


def _same(run: Run, file: ExperimentFile, bench: Bench, items: Sequence[str]) -> None:
    changed = [
        name
        for name, value in _identity(file).items()
        if name not in _MAY_CHANGE and run.file.get(name) != value
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


def _free(run: Run) -> None:
    """Refuse a run that another process is at: both would pay for the same calls."""
    owner = run.facts.get("owner")
    if run.state != "running" or not owner or owner == _myself():
        return
    if owner["host"] == _myself()["host"]:
        alive = _alive(owner["pid"])
    else:
        updated = run.updated_at if run.updated_at.tzinfo else run.updated_at.replace(tzinfo=UTC)
        alive = (now() - updated).total_seconds() < _SILENT_S
    if alive:
        raise Busy(
            f"process {owner['pid']} on {owner['host']} is at this run",
            field="name",
            value=run.name,
            mend="Wait for it, or stop it",
        )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _myself() -> dict[str, Any]:
    return {"host": platform.node(), "pid": os.getpid()}


_SILENT_S = 60  # a process elsewhere that wrote nothing for so long is gone
_MAY_CHANGE = ("budget", "workers", "patience_minutes")

__all__ = ["Planned", "findings", "planned", "run_experiment", "trials_of"]
