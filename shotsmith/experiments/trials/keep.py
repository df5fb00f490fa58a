"""Where outcomes are kept: in memory, or in SQL for runs that must survive."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from threading import Lock
from typing import NamedTuple, Protocol

from ...storage import OutcomeRow, Runs
from ..outcomes import Outcome


class Cell(NamedTuple):
    """One thing to find out: what an arm makes of an item under a seed."""

    arm: str
    seed: int
    item: str


class Record(NamedTuple):
    """A cell and what came of it."""

    cell: Cell
    outcome: Outcome


class Keep(Protocol):
    """Keeps outcomes by cell."""

    def known(self) -> set[Cell]:
        """The cells that have an outcome."""
        ...

    def put(self, records: Sequence[Record]) -> None:
        """Keep outcomes, all or none; the first one of a cell stays."""
        ...

    def records(self, arms: Collection[str]) -> Iterator[Record]:
        """What is kept of arms, by their keys."""
        ...


class MemoryKeep:
    """Keeps them as long as the process lives."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._kept: dict[Cell, Outcome] = dict(records)
        self._lock = Lock()

    def known(self) -> set[Cell]:
        """The cells that have an outcome."""
        with self._lock:
            return set(self._kept)

    def put(self, records: Sequence[Record]) -> None:
        """Keep outcomes; the first one of a cell stays."""
        with self._lock:
            for cell, outcome in records:
                self._kept.setdefault(cell, outcome)

    def records(self, arms: Collection[str]) -> Iterator[Record]:
        """What is kept of arms."""
        with self._lock:
            found = [Record(cell, outcome) for cell, outcome in self._kept.items() if cell.arm in arms]
        return iter(found)


class SqlKeep:
    """Keeps them with a run in SQL.

    Args:
        runs: The store.
        uid: The run's.
    """

    def __init__(self, runs: Runs, uid: str) -> None:
        self._runs = runs
        self._uid = uid

    def known(self) -> set[Cell]:
        """The cells that have an outcome."""
        return {Cell(*one) for one in self._runs.cells(self._uid)}

    def put(self, records: Sequence[Record]) -> None:
        """Keep outcomes, all or none; the first one of a cell stays."""
        self._runs.put(self._uid, [OutcomeRow(*cell, outcome.as_dict()) for cell, outcome in records])

    def records(self, arms: Collection[str]) -> Iterator[Record]:
        """What is kept of arms, as a stream."""
        for row in self._runs.outcomes(self._uid, sorted(arms)):
            yield Record(Cell(row.arm, row.seed, row.item), Outcome.of(row.body))
