"""One version of a pool in memory: what selecting needs again and again, loaded once and never stale.

A pool's version is a hash of its contents, so whatever was read under a version stays true for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..domain.examples import Catalogue, Example, Pool
from ..domain.filters import Filter
from ..domain.protocols import Search, VectorIndex
from ..domain.scoring import Matrix, Vector, shuffled
from ..retrieval.embedding import Embedder, Item
from ..storage import Examples

_VIEWS = 8
_EXAMPLES = 50_000
_SAMPLE = 4096


class View:
    """A pool at one version.

    Args:
        pool: The pool.
        examples: Where its examples are.
        index: Where its vectors are.
        embedder: Of its encoder.
    """

    def __init__(self, pool: Pool, examples: Examples, index: VectorIndex, embedder: Embedder) -> None:
        self.pool = pool
        self._store = examples
        self._index = index
        self._embedder = embedder
        self._examples: dict[str, Example] = {}
        self._counts: dict[str, int] = {}
        self._spaces: dict[str, bool] = {}
        self._samples: dict[tuple[str, str], tuple[NDArray[np.str_], Matrix]] = {}

    def examples(self, ids: Iterable[str]) -> dict[str, Example]:
        """Active examples by id; those that SQL does not have are absent."""
        wanted = list(ids)
        unknown = [id for id in wanted if id not in self._examples]
        if unknown:
            if len(self._examples) > _EXAMPLES:
                self._examples = {}
                unknown = wanted
            found = self._store.get(self.pool.uid, unknown)
            self._examples.update((id, one) for id, one in found.items() if one.status == "active")
        return {id: self._examples[id] for id in wanted if id in self._examples}

    @cached_property
    def catalogue(self) -> Catalogue:
        """Every active example without its content."""
        return self._store.catalogue(self.pool.uid)

    def count(self, filter: Filter) -> int:
        """How many examples pass a filter."""
        key = repr(filter)
        if key not in self._counts:
            self._counts[key] = self._index.count(self.pool.uid, filter)
        return self._counts[key]

    def inhabited(self, space: str, vector: Vector) -> bool:
        """Whether any example has a vector in a space; the vector only serves to ask."""
        if space not in self._spaces:
            self._spaces[space] = bool(self._index.search(self.pool.uid, Search(space, vector, 1)))
        return self._spaces[space]

    def near_duplicates(self, dhashes: Sequence[str], bits: int) -> list[str]:
        """Ids with a picture whose difference hash is within so many bits of one of these."""
        owners, hashes = self._pictures
        near: set[str] = set()
        for dhash in dhashes:
            distances = np.bitwise_count(hashes ^ np.uint64(int(dhash, 16)))
            near.update(owners[position] for position in np.flatnonzero(distances <= bits))
        return sorted(near)

    def sample(self, space: str, filter: Filter) -> tuple[NDArray[np.str_], Matrix]:
        """Ids and unit vectors [n, d] of the examples that pass a filter and have the space: all, or 4,096 drawn."""
        key = (space, repr(filter))
        if key not in self._samples:
            payloads: Mapping[str, Mapping[str, object]] = self.catalogue.payloads
            ids = [id for id, payload in payloads.items() if filter.matches(id, payload)]
            if len(ids) > _SAMPLE:
                ids = sorted(shuffled(ids, 0, "moments")[:_SAMPLE])
            found = list(self._store.get(self.pool.uid, ids).values())
            made = self._embedder.embed([Item(example.media, example.text) for example in found], keep=False)
            held = [
                (example.id, spaces[space])
                for example, spaces in zip(found, made, strict=True)
                if space in spaces
            ]
            names = np.array([id for id, _ in held], dtype=np.str_)
            matrix: Matrix = np.array([vector for _, vector in held], dtype=np.float32)
            self._samples[key] = (names, matrix)
        return self._samples[key]

    @cached_property
    def _pictures(self) -> tuple[list[str], NDArray[np.uint64]]:
        pairs = [(id, int(dhash, 16)) for id, dhashes in self.catalogue.dhashes.items() for dhash in dhashes]
        return [id for id, _ in pairs], np.array([dhash for _, dhash in pairs], dtype=np.uint64)


class Views:
    """The views of the pools that were used last."""

    def __init__(self, examples: Examples, index: VectorIndex) -> None:
        self._examples = examples
        self._index = index
        self._kept: OrderedDict[tuple[str, str], View] = OrderedDict()
        self._lock = Lock()

    def of(self, pool: Pool, embedder: Embedder) -> View:
        """The view of a pool at its version."""
        key = (pool.uid, pool.version)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = View(pool, self._examples, self._index, embedder)
                while len(self._kept) > _VIEWS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]
