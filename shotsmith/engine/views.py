"""One version of a pool in memory: what selecting needs again and again, loaded once and never stale.

A pool's version is a hash of its contents, so whatever was read under a version stays true for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..domain.examples import Catalogue, Example, Pool
from ..domain.filters import Filter
from ..domain.protocols import Search, VectorIndex
from ..domain.scoring import Matrix, Vector, shuffled
from ..domain.selections import Removal
from ..retrieval.embedding import Embedder, Item
from ..retrieval.source import Passing
from ..storage import Examples

_VIEWS = 8
_EXAMPLES = 50_000
_SAMPLE = 4096
_REMOVALS = 2048


class View:
    """A pool at one version.

    Args:
        pool: The pool.
        examples: Where its examples are.
        index: Where its vectors are.
    """

    def __init__(self, pool: Pool, examples: Examples, index: VectorIndex) -> None:
        self.pool = pool
        self._store = examples
        self._index = index
        self._examples: dict[str, Example] = {}
        self._counts: dict[str, int] = {}
        self._spaces: dict[str, bool] = {}
        self._passing: dict[str, Passing] = {}
        self._removals: dict[tuple[Hashable, ...], tuple[Removal, ...]] = {}
        self._keys: dict[tuple[str, str], dict[str, str]] = {}
        self._samples: dict[tuple[str, str], tuple[list[str], Matrix]] = {}

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

    @cached_property
    def labels(self) -> list[str]:
        """Labels in use, sorted."""
        return self._store.label_space(self.pool.uid)

    def same_pictures(self, pixel_key: str) -> Mapping[str, str]:
        """Ids whose pictures are these, however encoded, with their text keys."""
        return self._remembered("pictures", pixel_key, self._store.same_pictures)

    def same_text(self, text_key: str) -> Mapping[str, str]:
        """Ids without pictures whose text is this, with their text keys."""
        return self._remembered("text", text_key, self._store.same_text)

    def in_group(self, group: str) -> Mapping[str, str]:
        """Ids of a group, with their text keys."""
        return self._remembered("group", group, self._store.in_group)

    def passing(self, filter: Filter) -> Passing:
        """Which active examples pass a filter."""
        key = repr(filter)
        if key not in self._passing:
            self._passing[key] = Passing.of(self.catalogue, filter)
        return self._passing[key]

    def removals(
        self, key: tuple[Hashable, ...], find: Callable[[], tuple[Removal, ...]]
    ) -> tuple[Removal, ...]:
        """What the leak guard found for a query, looked for once."""
        if key not in self._removals:
            if len(self._removals) > _REMOVALS:
                self._removals = {}
            self._removals[key] = find()
        return self._removals[key]

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

    def sample(self, space: str, filter: Filter, embedder: Embedder) -> tuple[list[str], Matrix]:
        """Ids and unit vectors [n, d] of the examples that pass a filter and have the space: all, or 4,096 drawn."""
        key = (space, repr(filter))
        if key not in self._samples:
            ids = list(self.passing(filter).labels)
            if len(ids) > _SAMPLE:
                ids = sorted(shuffled(ids, 0, "moments")[:_SAMPLE])
            found = list(self._store.get(self.pool.uid, ids).values())
            made = embedder.embed([Item(example.media, example.text) for example in found], keep=False)
            held = [
                (example.id, spaces[space])
                for example, spaces in zip(found, made, strict=True)
                if space in spaces
            ]
            matrix: Matrix = np.array([vector for _, vector in held], dtype=np.float32)
            self._samples[key] = ([id for id, _ in held], matrix)
        return self._samples[key]

    def _remembered(
        self, kind: str, value: str, look_up: Callable[[str, str], dict[str, str]]
    ) -> Mapping[str, str]:
        key = (kind, value)
        if key not in self._keys:
            if len(self._keys) > _EXAMPLES:
                self._keys = {}
            self._keys[key] = look_up(self.pool.uid, value)
        return self._keys[key]

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

    def of(self, pool: Pool) -> View:
        """The view of a pool at its version."""
        key = (pool.uid, pool.version)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = View(pool, self._examples, self._index)
                while len(self._kept) > _VIEWS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]
