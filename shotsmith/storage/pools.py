"""Pools in SQL."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select
from sqlalchemy.exc import IntegrityError

from ..domain.errors import Conflict, NotFound
from ..domain.examples import Pool
from ..domain.scoring import digest
from .database import Database, aware
from .tables import outbox, pools

EMPTY = "0" * 64


class Pools:
    """Creates, reads and removes pools."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, pool: Pool) -> Pool:
        """Store a new, empty pool.

        Raises:
            Conflict: The name is taken.
        """
        row = {
            "uid": pool.uid,
            "name": pool.name,
            "kind": pool.kind,
            "instruction": pool.instruction,
            "labels": list(pool.labels),
            "answer_format": pool.answer_format,
            "encoder": pool.encoder,
            "encoder_id": pool.encoder_id,
            "size": 0,
            "contents": EMPTY,
            "created_at": pool.created_at,
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(pools).values(row))
        except IntegrityError:
            raise Conflict(
                "the pool exists already",
                field="pool",
                value=pool.name,
                mend="Choose another name or delete it first",
            ) from None
        return self.get(pool.name)

    def get(self, name: str) -> Pool:
        """A pool by name.

        Raises:
            NotFound: With the names there are.
        """
        with self._database.read() as connection:
            row = connection.execute(select(pools).where(pools.c.name == name)).one_or_none()
        if row is None:
            known = [pool.name for pool in self.all()]
            mend = f"Pools here: {', '.join(known)}" if known else "There are none yet: create or import one"
            raise NotFound("no such pool", field="pool", value=name, mend=mend)
        return _pool(row)

    def all(self) -> list[Pool]:
        """Every pool, by name."""
        with self._database.read() as connection:
            return [_pool(row) for row in connection.execute(select(pools).order_by(pools.c.name))]

    def delete(self, name: str) -> Pool:
        """Remove a pool with its examples. Blobs stay: another pool may show the same picture."""
        pool = self.get(name)
        with self._database.write() as connection:
            # The pool's row first: a writer that holds it is waited for, and leaves no outbox rows behind.
            connection.execute(delete(pools).where(pools.c.uid == pool.uid))
            connection.execute(delete(outbox).where(outbox.c.pool_uid == pool.uid))
        return pool


def new_uid() -> str:
    """A fresh pool identity."""
    return uuid.uuid4().hex


def locked(connection: Connection, uid: str) -> Row[Any]:
    """The pool's row, locked until the transaction ends, so that its totals stay right.

    Raises:
        NotFound: It was deleted meanwhile.
    """
    row = connection.execute(select(pools).where(pools.c.uid == uid).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("the pool was deleted", field="pool", value=uid)
    return row


def _pool(row: Row[Any]) -> Pool:
    version = digest([row.contents, row.kind, row.instruction, row.labels, row.answer_format, row.encoder_id])
    return Pool(
        name=row.name,
        uid=row.uid,
        kind=row.kind,
        instruction=row.instruction,
        labels=tuple(row.labels),
        answer_format=row.answer_format,
        encoder=row.encoder,
        encoder_id=row.encoder_id,
        created_at=aware(row.created_at),
        version=version[:16],
        size=row.size,
    )
