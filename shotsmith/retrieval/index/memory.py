"""An index in numpy: exact, thread-safe, gone with the process. The oracle of the other two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import numpy as np

from ...domain.protocols import Hit, Point
from ...domain.scoring import Matrix, Vector, cosine, ranked
from .base import Asked, CheckedIndex, check_same, no_collection, taken
from .border import check_dims, check_name
from .conditions import AnyOf, Condition
from .payloads import packed

_ROWS = 4096  # rows widened to float64 at a time


@dataclass(frozen=True, slots=True)
class _Row:
    payload: Mapping[str, Any]
    vectors: Mapping[str, Vector]


@dataclass(slots=True)
class _Collection:
    dims: Mapping[str, int]
    rows: dict[str, _Row] = field(default_factory=dict)
    spaces: dict[str, tuple[list[str], Matrix]] = field(default_factory=dict)

    def space(self, name: str) -> tuple[list[str], Matrix]:
        """Ids and vectors [n, d] of the points that have the space."""
        if name not in self.spaces:
            ids = [id for id, row in self.rows.items() if name in row.vectors]
            matrix = np.empty((len(ids), self.dims[name]), np.float32)
            for place, id in enumerate(ids):
                matrix[place] = self.rows[id].vectors[name]
            self.spaces[name] = ids, matrix
        return self.spaces[name]


class MemoryIndex(CheckedIndex):
    """`VectorIndex` in this process's memory; every search scans in float64."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._collections: dict[str, _Collection] = {}
        self._aliases: dict[str, str] = {}

    def create(self, collection: str, dims: Mapping[str, int]) -> None:
        """Create a collection with these spaces; a no-op when it exists with the same ones (Conflict otherwise)."""
        check_name(collection)
        wanted = check_dims(dims)
        with self._lock:
            if collection in self._aliases:
                raise taken(collection, "an alias")
            found = self._collections.setdefault(collection, _Collection(wanted))
            check_same(collection, found.dims, wanted)

    def exists(self, collection: str) -> bool:
        """Whether the collection (or alias) exists."""
        with self._lock:
            return collection in self._collections or collection in self._aliases

    def drop(self, collection: str) -> None:
        """Remove a collection, its points and its aliases; a no-op when there is none."""
        with self._lock:
            if collection in self._aliases:
                raise taken(collection, "an alias")
            self._collections.pop(collection, None)
            self._aliases = {alias: name for alias, name in self._aliases.items() if name != collection}

    def swap(self, alias: str, collection: str) -> None:
        """Make `alias` name `collection` from now on, atomically; what it named before stays."""
        check_name(alias, "alias")
        with self._lock:
            if collection not in self._collections:
                raise no_collection(collection)
            if alias in self._collections:
                raise taken(alias, "a collection")
            self._aliases[alias] = collection

    def flush(self) -> None:
        """Nothing to do: memory is never durable."""

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._collections.clear()
            self._aliases.clear()

    def _session(self) -> AbstractContextManager[Any]:
        return self._lock

    def _dims(self, collection: str, *, fresh: bool = False) -> Mapping[str, int]:
        return self._named(collection).dims

    def _resolve(self, collection: str) -> str:
        return self._aliases.get(collection, collection)

    def _named(self, collection: str) -> _Collection:
        try:
            return self._collections[collection]
        except KeyError:
            raise no_collection(collection) from None

    def _write(self, collection: str, points: Sequence[Point]) -> None:
        named = self._named(collection)
        named.rows.update({point.id: _Row(packed(point), dict(point.vectors)) for point in points})
        named.spaces.clear()

    def _erase(self, collection: str, ids: Sequence[str]) -> None:
        named = self._named(collection)
        for id in ids:
            named.rows.pop(id, None)
        named.spaces.clear()

    def _answer(self, collection: str, asked: Sequence[Asked]) -> list[list[Hit]]:
        named = self._named(collection)
        answers: list[list[Hit]] = []
        for search, wanted in asked:
            pairs: list[tuple[str, float]] = []
            if wanted is not None and search.limit:
                passes = _predicate(wanted)
                ids, matrix = named.space(search.space)
                places = [place for place, id in enumerate(ids) if passes(named.rows[id].payload)]
                for start in range(0, len(places), _ROWS):
                    part = places[start : start + _ROWS]
                    scores = cosine(matrix[part], search.vector)
                    pairs.extend(zip((ids[place] for place in part), scores, strict=True))
            answers.append([Hit(id, score) for id, score in ranked(pairs)[: search.limit]])
        return answers

    def _vectors(self, collection: str, space: str, ids: Sequence[str]) -> dict[str, Vector]:
        rows = self._named(collection).rows
        return {id: rows[id].vectors[space] for id in ids if id in rows and space in rows[id].vectors}

    def _count(self, collection: str, wanted: tuple[Condition, ...]) -> int:
        passes = _predicate(wanted)
        return sum(passes(row.payload) for row in self._named(collection).rows.values())

    def _page(self, collection: str, cursor: Any, size: int) -> tuple[Sequence[Mapping[str, Any]], Any]:
        rows = self._named(collection).rows
        ids = sorted(id for id in rows if cursor is None or id >= cursor)
        return [rows[id].payload for id in ids[:size]], ids[size] if len(ids) > size else None


def _predicate(wanted: Sequence[Condition]) -> Callable[[Mapping[str, Any]], bool]:
    tests = [
        (condition.field, frozenset(condition.values), not condition.negated)
        if isinstance(condition, AnyOf)
        else ("id", frozenset(condition.ids), not condition.negated)
        for condition in wanted
    ]

    def passes(payload: Mapping[str, Any]) -> bool:
        for name, values, expected in tests:
            held = payload[name]
            found = held in values if isinstance(held, str) else not values.isdisjoint(held)
            if found != expected:
                return False
        return True

    return passes
