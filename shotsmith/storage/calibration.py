"""What was learnt about how models count tokens: one row a model and the rules that were corrected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from ..domain.scoring import digest
from .database import Database, now
from .tables import calibrations

State = Mapping[str, Any]


class CalibrationStates:
    """Keeps calibrations as plain JSON."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, model: str, rules: str) -> State | None:
        """What is kept for a model under those rules, if anything."""
        query = select(calibrations.c.state).where(calibrations.c.key == _key(model, rules))
        with self._database.read() as connection:
            state: State | None = connection.execute(query).scalar_one_or_none()
        return state

    def update(self, model: str, rules: str, change: Callable[[State | None], State]) -> State:
        """Replace what is kept by what `change` makes of it; returns the new state.

        Changes of several threads and processes come one after the other, and none is lost.
        """
        key = _key(model, rules)
        with self._database.write() as connection:
            before = self._locked(connection, key)
            if before is None:
                first = dict(change(None))
                row = {"key": key, "model": model, "rules": rules, "state": first, "updated_at": now()}
                insert = (
                    self._database.insert(calibrations).on_conflict_do_nothing().returning(calibrations.c.key)
                )
                if connection.execute(insert, row).first() is not None:
                    return first
                before = self._locked(connection, key)  # another process was first
            after = dict(change(before))
            connection.execute(
                update(calibrations).where(calibrations.c.key == key).values(state=after, updated_at=now())
            )
        return after

    @staticmethod
    def _locked(connection: Connection, key: str) -> State | None:
        query = select(calibrations.c.state).where(calibrations.c.key == key).with_for_update()
        state: State | None = connection.execute(query).scalar_one_or_none()
        return state


def _key(model: str, rules: str) -> str:
    return digest([model, rules])
