"""Runs of experiments and their outcomes: one row a cell, and the first outcome of a cell stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from ..domain.errors import Conflict, NotFound
from ..domain.runs import Run, RunState
from .database import Database, aware, now
from .tables import outcomes, runs

_CHUNK = 500  # arms named in one statement: SQLite takes no more than 32,766 parameters


class OutcomeRow(NamedTuple):
    """An outcome as plain JSON, with the cell that it belongs to."""

    arm: str
    seed: int
    item: str
    body: Mapping[str, Any]


class Runs:
    """Keeps runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, run: Run) -> Run:
        """Keep a new run. Raises Conflict when the name is taken."""
        row = {name: getattr(run, name) for name in run.__slots__}
        try:
            with self._database.write() as connection:
                connection.execute(runs.insert(), [row])
        except IntegrityError:
            raise Conflict(
                "there is a run of that name",
                field="name",
                value=run.name,
                mend="Name it otherwise, or delete the other one",
            ) from None
        return run

    def find(self, name: str) -> Run | None:
        """A run by name, if there is one."""
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.name == name)).one_or_none()
        return None if row is None else _run(row)

    def get(self, name: str) -> Run:
        """A run by name. Raises NotFound."""
        if (found := self.find(name)) is None:
            known = ", ".join(one.name for one in self.all()[:10])
            raise NotFound(
                "no such run",
                field="name",
                value=name,
                mend=f"There are: {known}" if known else "There is none",
            )
        return found

    def all(self) -> list[Run]:
        """Every run, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(runs).order_by(runs.c.created_at.desc(), runs.c.name)).all()
        return [_run(row) for row in rows]

    def delete(self, name: str) -> None:
        """Remove a run with its outcomes; the answers stay in the ledger. Raises NotFound."""
        uid = self.get(name).uid
        with self._database.write() as connection:
            connection.execute(delete(outcomes).where(outcomes.c.run_uid == uid))
            connection.execute(delete(runs).where(runs.c.uid == uid))

    def update(self, uid: str, **values: Any) -> None:
        """Change state, message, facts or spent."""
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.uid == uid).values(updated_at=now(), **values))

    def claim(self, uid: str, take: Callable[[Run], Mapping[str, Any]]) -> None:
        """Set a run going: `take` sees it as it is now and gives its new facts, or raises; nobody comes between.

        Raises:
            NotFound: It was deleted.
            Whatever `take` raises.
        """
        query = select(runs).where(runs.c.uid == uid).with_for_update()
        with self._database.write() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise _gone()
            facts = dict(take(_run(row)))
            change = update(runs).where(runs.c.uid == uid)
            connection.execute(change.values(state="running", message="", facts=facts, updated_at=now()))

    def told(self, uid: str, state: RunState, message: str = "") -> None:
        """Where a run stands now."""
        self.update(uid, state=state, message=message)

    def spend(self, uid: str, sitting: str, spent: Mapping[str, Any], message: str = "") -> None:
        """What one sitting of a run has spent so far, and what it waits for; those of others stay."""
        query = select(runs.c.spent).where(runs.c.uid == uid).with_for_update()
        with self._database.write() as connection:
            before = connection.execute(query).scalar_one_or_none()
            if before is not None:
                after = {**before, sitting: dict(spent)}
                change = update(runs).where(runs.c.uid == uid)
                connection.execute(change.values(spent=after, message=message, updated_at=now()))

    def put(self, uid: str, rows: Iterable[OutcomeRow]) -> None:
        """Keep outcomes, all or none; the first one of a cell stays. Raises NotFound when the run was deleted."""
        values = [{"run_uid": uid, **row._asdict()} for row in rows]
        if not values:
            return
        try:
            with self._database.write() as connection:
                connection.execute(self._database.insert(outcomes).on_conflict_do_nothing(), values)
        except IntegrityError:
            raise _gone() from None

    def cells(self, uid: str) -> Iterator[tuple[str, int, str]]:
        """The cells that have an outcome."""
        query = select(outcomes.c.arm, outcomes.c.seed, outcomes.c.item).where(outcomes.c.run_uid == uid)
        with self._database.read() as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield row.arm, row.seed, row.item

    def count(self, uid: str) -> int:
        """How many cells have an outcome."""
        query = select(func.count()).where(outcomes.c.run_uid == uid)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def outcomes(self, uid: str, arms: Sequence[str] | None = None) -> Iterator[OutcomeRow]:
        """Outcomes by arm, seed and item, as a stream; of all arms, or of some."""
        parts = [None] if arms is None else [arms[at : at + _CHUNK] for at in range(0, len(arms), _CHUNK)]
        for part in parts:
            query = select(outcomes.c.arm, outcomes.c.seed, outcomes.c.item, outcomes.c.body)
            query = query.where(outcomes.c.run_uid == uid)
            if part is not None:
                query = query.where(outcomes.c.arm.in_(part))
            query = query.order_by(outcomes.c.arm, outcomes.c.seed, outcomes.c.item)
            with self._database.read() as connection:
                for row in connection.execution_options(yield_per=500).execute(query):
                    yield OutcomeRow(row.arm, row.seed, row.item, row.body)


def _run(row: Any) -> Run:
    run = Run(**row._mapping)
    return replace(run, created_at=aware(run.created_at), updated_at=aware(run.updated_at))


def _gone() -> NotFound:
    return NotFound("the run was deleted meanwhile", field="name", mend="Run the file again, under a new run")
