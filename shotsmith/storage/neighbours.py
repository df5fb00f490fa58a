"""Neighbour lists that were computed elsewhere: for each query, the ids of its best examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from sqlalchemy import delete, func, select

from ..domain.errors import NotFound
from .database import Database
from .pools import locked
from .tables import neighbours

_BATCH = 500


class Neighbours:
    """Named sets of neighbour lists of pools."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, pool_uid: str, name: str, lists: Iterable[tuple[str, Sequence[str]]]) -> int:
        """Store lists, best first, in place of all that had the name: all or none. Returns how many.

        Raises:
            NotFound: The pool was deleted meanwhile.
        """
        rest = iter(lists)
        stored = 0
        with self._database.write() as connection:
            locked(connection, pool_uid)  # two that write the same name come one after the other
            connection.execute(
                delete(neighbours).where(neighbours.c.pool_uid == pool_uid, neighbours.c.name == name)
            )
            while batch := list(islice(rest, _BATCH)):
                rows = [
                    {"pool_uid": pool_uid, "name": name, "query_id": query_id, "ids": list(ids)}
                    for query_id, ids in batch
                ]
                connection.execute(self._database.insert(neighbours), rows)
                stored += len(rows)
        return stored

    def get(self, pool_uid: str, name: str, query_id: str | None) -> tuple[str, ...]:
        """The list of a query, best first; empty where it has none.

        Raises:
            NotFound: No lists of that name, with those there are.
        """
        query = select(neighbours.c.ids).where(
            neighbours.c.pool_uid == pool_uid,
            neighbours.c.name == name,
            neighbours.c.query_id == (query_id or ""),
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            known = self.names(pool_uid)
            if name not in known:
                mend = (
                    f"There are: {', '.join(known)}" if known else "Import some: shotsmith neighbours import"
                )
                raise NotFound("no neighbour lists of that name", field="name", value=name, mend=mend)
        return tuple(found or ())

    def names(self, pool_uid: str) -> dict[str, int]:
        """How many lists there are under each name."""
        query = (
            select(neighbours.c.name, func.count())
            .where(neighbours.c.pool_uid == pool_uid)
            .group_by(neighbours.c.name)
            .order_by(neighbours.c.name)
        )
        with self._database.read() as connection:
            return dict(connection.execute(query).all())
