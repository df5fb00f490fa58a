"""`Trials`: asks what is not known yet."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from threading import Event, Lock

from ...clients.vlm.pacing import Pace
from ...domain.errors import ModelRateLimited, ModelUnavailable
from ...domain.references import references
from ...domain.selections import Prompt
from ..arms import Arm
from ..bench import Bench
from ..outcomes import Outcome
from .findings import Findings
from .keep import Cell, Keep, MemoryKeep, Record
from .meter import Meter, Spent
from .outage import Outage

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
    plans = [(arm.key, tuple(seeds) if arm.draws else tuple(seeds[:1])) for arm in arms]
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
        self._lock = Lock()
        self._work = _Work()
        self._paces: list[Pace] = []

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
            ModelError: The model did not answer, or not for longer than patience lasts.
        """
        missing = [cell for cell in cells_of(arms, items, self.seeds) if cell not in self._known]
        total = len(list(cells_of(arms, items, self.seeds)))
        self._work = _Work(total, total - len(missing))
        by_key = {arm.key: arm for arm in arms}
        self._begin_slowly({arm.model or self.bench.model for arm in arms if arm.asks})
        try:
            self._rows(missing, by_key)
            self._batches(missing, by_key)
        finally:
            self._flush()
            self._tell()
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

    def _rows(self, missing: Sequence[Cell], arms: Mapping[str, Arm]) -> None:
        rows: dict[str, list[Arm]] = defaultdict(list)
        for cell in missing:
            if arms[cell.arm].batch == 1:
                rows[cell.item].append(arms[cell.arm].seeded(cell.seed))
        failed = Event()

        def guarded(item: str) -> None:
            if failed.is_set():
                return
            try:
                self._row(item, rows[item], failed)
            except BaseException:
                failed.set()
                raise

        with ThreadPoolExecutor(self._workers, thread_name_prefix="trials") as threads:
            left = iter(rows)
            running: set[Future[None]] = {
                threads.submit(guarded, item) for item in islice(left, 2 * self._workers)
            }
            while running:
                done, running = wait(running, timeout=_FLUSH_S, return_when=FIRST_COMPLETED)
                self._tell()
                for future in done:
                    future.result()
                running |= {threads.submit(guarded, item) for item in islice(left, len(done))}

    def _row(self, item: str, arms: Sequence[Arm], failed: Event) -> None:
        """One item in all arms that have no outcome; an outage begins again with the arm that it met."""
        pending = list(arms)
        while pending and not failed.is_set():
            self._outage.wait()
            began = time.monotonic()
            with ExitStack() as reserved:

                def allow(prompt: Prompt, reserved: ExitStack = reserved) -> None:
                    reserved.enter_context(self.meter.call(prompt.manifest["cost_usd"]))

                try:
                    for outcome in self.bench.outcomes(
                        item, pending, remember=self._remember, tolerant=True, allow=allow
                    ):
                        self._took(pending[0], outcome)
                        reserved.close()
                        pending = pending[1:]
                        if failed.is_set():
                            return
                        began = time.monotonic()
                except (ModelRateLimited, ModelUnavailable) as error:
                    self._outage.failed(error, began)

    def _batches(self, missing: Sequence[Cell], arms: Mapping[str, Arm]) -> None:
        groups: dict[tuple[str, int], list[str]] = defaultdict(list)
        for cell in missing:
            if arms[cell.arm].batch > 1:
                groups[cell.arm, cell.seed].append(cell.item)
        for (key, seed), items in groups.items():
            arm = arms[key].seeded(seed)
            with ExitStack() as reserved:
                for _ in range(-(-len(items) // arm.batch)):
                    reserved.enter_context(self.meter.call(None))
                outcomes = self.bench.batched(arm, items, workers=self._workers)
            for outcome in outcomes:
                self._took(arm, outcome)

    def _took(self, arm: Arm, outcome: Outcome) -> None:
        if arm.asks and not outcome.error:
            self._outage.answered()
            self.meter.settle(
                repeated=outcome.from_ledger,
                usd=outcome.cost_usd,
                input_tokens=outcome.input_tokens,
                output_tokens=outcome.output_tokens,
            )
        record = Record(Cell(arm.key, self._seed(arm, outcome), outcome.item), outcome)
        with self._lock:
            self._known.add(record.cell)
            self._work.done += 1
            self._buffer.append(record)
            full = len(self._buffer) >= _FLUSH or time.monotonic() - self._flushed > _FLUSH_S
        if full:
            self._flush()

    def _seed(self, arm: Arm, outcome: Outcome) -> int:
        return outcome.seed if arm.draws else self.seeds[0]

    def _flush(self) -> None:
        with self._lock:
            records, self._buffer = self._buffer, []
            self._flushed = time.monotonic()
            if records:
                self.keep.put(records)

    def _tell(self) -> None:
        if self._watch:
            waiting = self._outage.reason if self._outage.down else ""
            pace = sum(one.snapshot().limit for one in self._paces)
            self._watch(Standing(self._work.done, self._work.total, self.meter.spent, waiting, pace))


@dataclass(slots=True)
class _Work:
    total: int = 0
    done: int = 0
