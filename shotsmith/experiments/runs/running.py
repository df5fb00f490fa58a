"""Running an experiment file: planned, checked, asked, kept, and gone on with after any interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Event, Thread
from uuid import uuid4

from ...domain.errors import InvalidParameter, ShotsmithError
from ...domain.runs import Run, RunState
from ...engine import Engine
from ...settings import Settings
from ..design import ExperimentFile
from ..executors import Executor, Local
from ..trials import (
    BudgetSpent,
    Findings,
    Meter,
    Outage,
    Spending,
    Spent,
    SqlKeep,
    Standing,
    Trials,
    cells_of,
)
from .owners import owning
from .planned import Planned, findings, new_run, planned, read, spent_by
from .searching import search, searched

Watch = Callable[[Standing], None]

_POLL_S = 0.5


@dataclass(frozen=True)
class Job:
    """A part of a run, for one process.

    Attributes:
        settings: Where everything is kept.
        file: The experiment.
        items: The part.
        limit: What this part may spend.
        sitting: Names what it spends.
    """

    settings: Settings
    file: ExperimentFile
    items: tuple[str, ...]
    limit: Spending
    sitting: str


def run_experiment(
    engine: Engine,
    file: ExperimentFile,
    *,
    partial: bool = False,
    executor: Executor | None = None,
    watch: Watch | None = None,
) -> Findings:
    """Ask everything that has no outcome yet.

    Args:
        engine: Holds the pool, the ledger and the runs; serving, where the executor runs elsewhere and the index is the
            embedded one.
        file: What to ask. A file that ran before under its name goes on.
        partial: Whether to begin although the budget will not suffice.
        executor: Where it runs; by default here.
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
    run = plan.run or engine.runs.create(new_run(plan))
    with owning(engine, run):
        try:
            # Another process may have been at it since it was planned.
            plan = replace(plan, spent=spent_by(engine.runs.get(run.name)))
            _ask(engine, run, plan, executor or Local(), watch)
        except BaseException as error:
            with suppress(ShotsmithError):  # what went wrong first is what counts
                engine.runs.told(run.uid, *_ended(error))
            raise
        engine.runs.told(run.uid, "done")
    return findings(engine, file.name)[1]


def _ended(error: BaseException) -> tuple[RunState, str]:
    if isinstance(error, BudgetSpent):
        return "stopped", str(error)
    if isinstance(error, ShotsmithError):
        return "paused", str(error)
    if isinstance(error, KeyboardInterrupt):
        return "paused", "interrupted"
    return "paused", f"{type(error).__name__}: {error}"


def _ask(engine: Engine, run: Run, plan: Planned, executor: Executor, watch: Watch | None) -> None:
    file, sitting = plan.file, uuid4().hex
    if not executor.elsewhere:
        meter = Meter(file.budget, plan.spent)
        trials = _trials(engine, run, plan, meter, sitting, watch)
        trials.ask(plan.gridded, plan.items)
        _search(engine, run, plan, trials)
        return
    if executor.nodes > 1 and engine.settings.local:
        raise InvalidParameter(
            "the stores are files of this machine, and the executor has others",
            field="executor",
            value=f"{executor.nodes} machines",
            mend="Name a database, a blob store and an index that all of them reach: SHOTSMITH_DATABASE_URL, "
            "SHOTSMITH_BLOB_URL, SHOTSMITH_INDEX_URL",
        )
    settings = engine.settings.model_copy(
        update={"data_dir": engine.settings.data_dir.expanduser().resolve()}
    )
    known = SqlKeep(engine.runs, run.uid).known()
    parts = [plan.items[turn :: executor.width] for turn in range(executor.width)]
    asking = [arm for arm in plan.gridded if arm.asks]
    needs = [sum(cell not in known for cell in cells_of(asking, part, file.seeds)) for part in parts]
    jobs = [
        Job(settings, file, part, limit, f"{sitting}-{turn}")
        for turn, (part, limit) in enumerate(zip(parts, shares(file.budget, plan.spent, needs), strict=True))
        if part
    ]
    with _polled(engine, run, plan, watch):
        for _ in executor.map(work, jobs):
            pass
    if searched(file, plan.arms):
        again = read(engine, file)
        meter = Meter(file.budget, again.spent)
        _search(engine, run, again, _trials(engine, run, again, meter, sitting, watch))


def _search(engine: Engine, run: Run, plan: Planned, trials: Trials) -> None:
    """One arm after the other, as what was found tells: in this process."""
    if searched(plan.file, plan.arms):
        facts = engine.runs.get(run.name).facts
        engine.runs.update(
            run.uid, facts={**facts, "search": search(trials, plan.file, plan.arms, plan.items)}
        )


def work(job: Job) -> Spent:
    """One part of a run, in a process of its own."""
    with Engine(job.settings) as engine:
        plan = read(engine, job.file)
        assert plan.run is not None
        meter = Meter(job.limit)
        trials = _trials(engine, plan.run, plan, meter, job.sitting, None)
        trials.ask(plan.gridded, job.items)
        return meter.spent


def _trials(
    engine: Engine, run: Run, plan: Planned, meter: Meter, sitting: str, watch: Watch | None
) -> Trials:
    file = plan.file

    def heard(standing: Standing) -> None:
        engine.runs.spend(run.uid, sitting, meter.sitting.as_dict(), standing.waiting)
        if watch:
            watch(standing)

    return Trials(
        plan.bench,
        SqlKeep(engine.runs, run.uid),
        seeds=file.seeds,
        workers=file.workers,
        meter=meter,
        outage=Outage(60 * file.patience_minutes),
        metrics=file.metrics,
        watch=heard,
    )


def shares(budget: Spending, spent: Spent, needs: Sequence[int]) -> list[Spending]:
    """What each of several parts may spend of what is left, by the calls that each needs; no more together."""
    total = sum(needs)
    usd = None if budget.usd is None else max(budget.usd - spent.usd, 0.0)
    calls = None if budget.calls is None else max(budget.calls - spent.calls, 0)
    found, before = [], 0
    for need in needs:
        after = before + need
        found.append(
            Spending(
                usd=None if usd is None else usd * need / total if total else 0.0,
                # Rounded so that all parts have what they need where there is enough for all.
                calls=None
                if calls is None
                else calls * after // total - calls * before // total
                if total
                else 0,
                minutes=budget.minutes,
            )
        )
        before = after
    return found


@contextmanager
def _polled(engine: Engine, run: Run, plan: Planned, watch: Watch | None) -> Iterator[None]:
    """Tell of a run that others are at."""
    if watch is None:
        yield
        return
    over = Event()
    total = sum(1 for _ in cells_of(plan.gridded, plan.items, plan.file.seeds))

    def look() -> None:
        while not over.wait(_POLL_S):
            with suppress(ShotsmithError):  # it only looks; who asks will tell
                at = engine.runs.get(run.name)
                watch(Standing(engine.runs.count(run.uid), total, spent_by(at), at.message))

    looking = Thread(target=look, name="watch", daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()
