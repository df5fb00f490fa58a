"""`Trials`: asks what is not known yet."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from threading import Event, Lock

from ...clients.vlm.pacing import Pace
from ...domain.errors import ContextExceeded, ModelRateLimited, ModelUnavailable, ShotsmithError
from ...domain.references import references
from ...domain.selections import Prompt
from ..arms import Arm
from ..bench import Bench
from ..outcomes import Outcome
from .findings import Findings
from .keep import Cell, Keep, MemoryKeep, Record
from .meter import Meter, Spent
from .metered import Metered
from .outage import Outage
from .refusals import Refusals

_FLUSH_S = 0.25
_FLUSH = 64
_START = 8  # calls at the same time to begin with, where there are more workers


@dataclass(frozen=True, slots=True)
class Standing:
    """Where trials stand.

    Attributes:
        done: Cells with an outcome.
        total: Cells that were asked for.
        spent: By this run.
        waiting: Why it waits for a provider; empty while it does not.
        pace: Calls to providers at the same time that are allowed now; 0 where none is asked.
    """

    done: int
    total: int
    spent: Spent
    waiting: str = ""
    pace: int = 0


def cells_of(arms: Sequence[Arm], items: Sequence[str], seeds: Sequence[int]) -> Iterator[Cell]:
    """Every cell, item by item; arms that do not draw have the first seed alone."""
    plans = [(arm.key, arm.seeds(seeds)) for arm in arms]
    for item in items:
        for key, of_arm in plans:
            for seed in of_arm:
                yield Cell(key, seed, item)


class Trials:
    """Asks arms about items, each cell once, and keeps every outcome before it counts.

    Items are asked in their order and each in all arms, so that what was found when a budget ends is as paired as it
    can be. A run that was stopped, by whatever, goes on where it was: answers that cost something are in the call
    ledger, outcomes in `keep`.

    Args:
        bench: Where arms are asked.
        keep: Where outcomes are kept; by default in memory.
        seeds: Of arms that draw.
        workers: Items in work at the same time.
        meter: Holds the budget.
        outage: Waits for providers that are down.
        remember: Whether the ledger is asked and told; for models in this process that cost nothing it need not be.
        metrics: By which scores are told, the decisive one first.
        watch: Hears where trials stand, a few times a second.
    """

    def __init__(
        self,
        bench: Bench,
        keep: Keep | None = None,
        *,
        seeds: Sequence[int] = (0,),
        workers: int = 4,
        meter: Meter | None = None,
        outage: Outage | None = None,
        remember: bool = True,
        metrics: Sequence[str] = (),
        watch: Callable[[Standing], None] | None = None,
    ) -> None:
        self.bench = bench
        self.keep: Keep = keep if keep is not None else MemoryKeep()
        self.seeds = tuple(seeds)
        self.meter = meter or Meter()
        self._workers = workers
        self._outage = outage or Outage()
        self._remember = remember
        self.metrics = tuple(metrics)
        self._watch = watch
        self._known = self.keep.known()
        self._buffer: list[Record] = []
        self._flushed = time.monotonic()
        self._told = -_FLUSH_S
        self._stop = Event()
        self._lock = Lock()
        self._work = _Work()
        self._paces: list[Pace] = []
        self._refusals = Refusals()

    def missing(self, arms: Sequence[Arm], items: Sequence[str]) -> int:
        """How many calls `ask` would make at most: cells of arms that ask a model and have no outcome."""
        asking = [arm for arm in arms if arm.asks]
        return sum(cell not in self._known for cell in cells_of(asking, items, self.seeds))

    def ask(self, arms: Sequence[Arm], items: Sequence[str]) -> Findings:
        """Ask arms about items.

        Args:
            arms: With one query a call, or several.
            items: Ids, in the order in which they are asked.

        Returns:
            What is known of them now.

        Raises:
            BudgetSpent: It did not suffice; `found` tells what is known.
            ModelError: The model did not answer for longer than patience lasts, or refused all of its first calls.
        """
        cells = dict.fromkeys(cells_of(arms, items, self.seeds))
        missing = [cell for cell in cells if cell not in self._known]
        self._work = _Work(len(cells), len(cells) - len(missing))
        self._stop.clear()
        self._refusals.begin(lambda model: self._answered_before(model, arms))
        by_key = {arm.key: arm for arm in arms}
        self._begin_slowly({arm.model or self.bench.model for arm in arms if arm.asks})
        try:
            self._do(self._rows(missing, by_key), self._workers)
            self._do(self._batches(missing, by_key), 1)
            self._refusals.end()
        finally:
            self._flush()
            self._tell(at_once=True)
        return self.found(arms, items)

    def found(self, arms: Sequence[Arm], items: Sequence[str]) -> Findings:
        """What is known of arms and items, without asking."""
        self._flush()
        records = self.keep.records({arm.key for arm in arms})
        return Findings.of(
            self.bench.task, arms, items, self.seeds, self._truths(items), records, self.metrics
        )

    def _begin_slowly(self, models: Iterable[str]) -> None:
        """Calls to a provider begin with a few at a time, once."""
        for model in models:
            pace = self.bench.engine.pace(model)
            if pace is not None and pace not in self._paces:
                pace.start(min(_START, self._workers))
                self._paces.append(pace)

    def _truths(self, items: Sequence[str]) -> dict[str, Sequence[str]]:
        return {
            item: references(self.bench.examples[item].metadata) or (self.bench.truths[item],)
            for item in items
        }

    def _rows(self, missing: Sequence[Cell], arms: Mapping[str, Arm]) -> Iterator[Callable[[], None]]:
        rows: dict[str, list[Arm]] = defaultdict(list)
        for cell in missing:
            if arms[cell.arm].batch == 1:
                rows[cell.item].append(arms[cell.arm].seeded(cell.seed))
        for item, of_item in rows.items():
            yield partial(self._row, item, of_item)

    def _batches(self, missing: Sequence[Cell], arms: Mapping[str, Arm]) -> Iterator[Callable[[], None]]:
        groups: dict[tuple[str, int], list[str]] = defaultdict(list)
        for cell in missing:
            if arms[cell.arm].batch > 1:
                groups[cell.arm, cell.seed].append(cell.item)
        for (key, seed), items in groups.items():
            yield partial(self._batched, arms[key].seeded(seed), items)

    def _do(self, tasks: Iterator[Callable[[], None]], workers: int) -> None:
        """All of them, until one fails or somebody interrupts: then calls on their way come to their end, no more."""

        def guarded(task: Callable[[], None]) -> None:
            if self._stop.is_set():
                return
            try:
                task()
            except BaseException:
                self._stop.set()
                raise

        with ThreadPoolExecutor(workers, thread_name_prefix="trials") as threads:
            running: set[Future[None]] = {
                threads.submit(guarded, task) for task in islice(tasks, 2 * workers)
            }
            try:
                while running:
                    done, running = wait(running, timeout=_FLUSH_S, return_when=FIRST_COMPLETED)
                    self._tell()
                    for future in done:
                        future.result()
                    running |= {threads.submit(guarded, task) for task in islice(tasks, len(done))}
            except BaseException:
                self._stop.set()
                raise

    def _row(self, item: str, arms: Sequence[Arm]) -> None:
        """One item in all arms that have no outcome; an outage begins again with the arm that it met."""
        pending = list(arms)
        while pending and not self._stop.is_set():
            self._outage.wait(self._stop)
            began = time.monotonic()
            refusals: list[ShotsmithError] = []

            def excuse(
                error: ShotsmithError, sent: Prompt | None, to: list[ShotsmithError] = refusals
            ) -> None:
                if sent is not None:
                    to.append(error)

            with ExitStack() as reserved:

                def allow(prompt: Prompt, reserved: ExitStack = reserved) -> None:
                    reserved.enter_context(self.meter.call(prompt.manifest["cost_usd"]))

                try:
                    for outcome in self.bench.outcomes(
                        item, pending, remember=self._remember, excuse=excuse, allow=allow
                    ):
                        self._took(pending[0], outcome, refusals.pop() if refusals else None)
                        reserved.close()
                        pending = pending[1:]
                        if self._stop.is_set():
                            return
                        began = time.monotonic()
                except (ModelRateLimited, ModelUnavailable) as error:
                    self._outage.failed(error, began)

    def _batched(self, arm: Arm, items: Sequence[str]) -> None:
        """One arm of several queries a call, under one seed; an outage begins again, and the ledger knows the rest."""

        def check() -> None:
            if self._stop.is_set():
                raise _Stopped

        through = Metered(self.bench.engine, self.meter, check, self._outage.answered)
        while not self._stop.is_set():
            self._outage.wait(self._stop)
            began = time.monotonic()
            try:
                outcomes = self.bench.batched(arm, items, workers=self._workers, through=through)
            except _Stopped:
                return
            except (ModelRateLimited, ModelUnavailable) as error:
                self._outage.failed(error, began)
            else:
                # Together, or a run that was killed in between would make other batches of what is left.
                self._count([self._record(arm, outcome) for outcome in outcomes])
                self._flush()
                return

    def _took(self, arm: Arm, outcome: Outcome, refusal: ShotsmithError | None) -> None:
        record, model = self._record(arm, outcome), arm.model or self.bench.model
        if arm.asks and (refusal or not outcome.error):
            if not outcome.from_ledger:
                self._outage.answered()
            self.meter.settle(
                repeated=outcome.from_ledger,
                usd=0.0 if refusal else outcome.cost_usd,
                input_tokens=outcome.input_tokens,
                output_tokens=outcome.output_tokens,
            )
        if refusal is not None and not isinstance(refusal, ContextExceeded):
            if self._refusals.refused(model, refusal, record):
                self._count([record])
            return
        held = self._refusals.answered(model) if arm.asks and not outcome.error else []
        self._count([*held, record])

    def _record(self, arm: Arm, outcome: Outcome) -> Record:
        seed = outcome.seed if arm.draws else self.seeds[0]
        return Record(Cell(arm.key, seed, outcome.item), outcome)

    def _count(self, records: Sequence[Record]) -> None:
        with self._lock:
            self._known.update(record.cell for record in records)
            self._work.done += len(records)
            self._buffer += records
            full = len(self._buffer) >= _FLUSH or time.monotonic() - self._flushed > _FLUSH_S
        if full:
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            if self._buffer:
                self.keep.put(self._buffer)
            self._buffer = []
            self._flushed = time.monotonic()

    def _answered_before(self, model: str, arms: Sequence[Arm]) -> bool:
        keys = {arm.key for arm in arms if arm.asks and (arm.model or self.bench.model) == model}
        return any(not record.outcome.error for record in self.keep.records(keys))

    def _tell(self, *, at_once: bool = False) -> None:
        moment = time.monotonic()
        if self._watch and (at_once or moment - self._told >= _FLUSH_S):
            self._told = moment
            waiting = self._outage.reason if self._outage.down else ""
            pace = sum(one.snapshot().limit for one in self._paces)
            self._watch(Standing(self._work.done, self._work.total, self.meter.spent, waiting, pace))


class _Stopped(Exception):
    """Another part of the trials failed."""


@dataclass(slots=True)
class _Work:
    total: int = 0
    done: int = 0
