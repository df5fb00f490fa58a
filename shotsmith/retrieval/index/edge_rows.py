"""Vectors that were read lately: reading one from the engine costs as much as scoring a hundred."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from ...domain.scoring import Vector


class RowCache:
    """Example id and vector by key, the least recently used ones leaving first. Not thread-safe.

    Args:
        limit: Bytes of vectors to keep.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._rows: OrderedDict[Hashable, tuple[str, Vector]] = OrderedDict()

    def get(self, key: Hashable) -> tuple[str, Vector] | None:
        """The row, if it is here."""
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
        return row

    def put(self, key: Hashable, id: str, vector: Vector) -> None:
        """Remember a row."""
        self.forget(key)
        self._rows[key] = id, vector
        self._size += vector.nbytes
        while self._size > self._limit:
            _, (_, oldest) = self._rows.popitem(last=False)
            self._size -= oldest.nbytes

    def forget(self, key: Hashable) -> None:
        """Drop a row that changed."""
        row = self._rows.pop(key, None)
        if row is not None:
            self._size -= row[1].nbytes
