"""The outbox: which examples the vector index has yet to hear of. Written in the same transaction as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, insert, literal, select

from .database import Database, now
from .tables import examples, outbox


class Task(NamedTuple):
    """One pending change: the example was written or deleted; what holds now is in SQL."""

    seq: int
    id: str


class Outbox:
    """Reads pending changes and marks them done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(self, pool_uid: str, limit: int) -> list[Task]:
        """The oldest pending changes of a pool."""
        query = (
            select(outbox.c.seq, outbox.c.example_id)
            .where(outbox.c.pool_uid == pool_uid)
            .order_by(outbox.c.seq)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Task(*row) for row in connection.execute(query)]

    def count(self, pool_uid: str) -> int:
        """How many changes are pending."""
        query = select(func.count()).select_from(outbox).where(outbox.c.pool_uid == pool_uid)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def done(self, pool_uid: str, tasks: Sequence[Task], indexed: Mapping[str, str | None]) -> None:
        """Mark changes done; an example that changed again while it was being indexed becomes pending anew.

        Args:
            pool_uid: The pool.
            tasks: What was taken.
            indexed: Content hash that the index now holds, by id; None for "not in the index".
        """
        with self._database.write() as connection:
            current: dict[str, str | None] = dict.fromkeys(indexed)
            ids = sorted(indexed)
            for start in range(0, len(ids), 500):
                query = select(examples.c.id, examples.c.content_sha256).where(
                    examples.c.pool_uid == pool_uid,
                    examples.c.id.in_(ids[start : start + 500]),
                    examples.c.status == "active",
                )
                current.update(connection.execute(query).all())
            taken = [task.seq for task in tasks]
            for start in range(0, len(taken), 500):
                connection.execute(delete(outbox).where(outbox.c.seq.in_(taken[start : start + 500])))
            # Another process may have settled these rows with newer content that was overwritten just now.
            moved = [id for id in ids if current[id] != indexed[id]]
            if moved:
                moment = now()
                rows = [{"pool_uid": pool_uid, "example_id": id, "created_at": moment} for id in moved]
                connection.execute(insert(outbox), rows)

    def requeue(self, pool_uid: str) -> None:
        """Make every example of a pool pending again: its index is to be filled anew."""
        everything = select(examples.c.pool_uid, examples.c.id, literal(now())).where(
            examples.c.pool_uid == pool_uid
        )
        with self._database.write() as connection:
            connection.execute(
                insert(outbox).from_select(
                    ["pool_uid", "example_id", "created_at"], everything.order_by(examples.c.id)
                )
            )
