"""One version of a pool in memory: what selecting needs again and again, loaded once and never stale.

A pool's version is a hash of its contents, so whatever was read under a version stays true for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..domain.examples import Catalogue, Example, Pool, letters
from ..domain.filters import Filter
from ..domain.protocols import Search, VectorIndex
from ..domain.scoring import Matrix, Vector, shuffled
from ..domain.selections import Removal
from ..retrieval.embedding import Embedder, Item
from ..retrieval.source import Passing
from ..storage import Examples

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_VIEWS = 8
_EXAMPLES = 50_000
_SAMPLE = 4096
_REMOVALS = 2048
_FILTERS = 32
_BITS = 8  # a difference hash with fewer ones or zeros shows no structure


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
        self._spaces: dict[tuple[str, str], bool] = {}
        self._passing: dict[str, Passing] = {}
        self._removals: dict[tuple[Hashable, ...], tuple[Removal, ...]] = {}
        self._keys: dict[tuple[str, str], dict[str, str]] = {}
        self._samples: dict[tuple[str, str], tuple[list[str], Matrix]] = {}

    def examples(self, ids: Iterable[str]) -> dict[str, Example]:
        """Active examples by id; those that SQL does not have are absent."""
        wanted = list(dict.fromkeys(ids))
        # Another thread may empty what is kept at any moment, so nothing is read from there twice.
        known = {id: one for id in wanted if (one := self._examples.get(id))}
        unknown = [id for id in wanted if id not in known]
        if unknown:
            found = self._store.get(self.pool.uid, unknown)
            known.update((id, one) for id, one in found.items() if one.status == "active")
            if len(self._examples) > _EXAMPLES:
                self._examples.clear()
            self._examples.update(known)
        return {id: known[id] for id in wanted if id in known}

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
        return _once(self._passing, repr(filter), lambda: Passing.of(self.catalogue, filter))

    def removals(
        self, key: tuple[Hashable, ...], find: Callable[[], tuple[Removal, ...]]
    ) -> tuple[Removal, ...]:
        """What the leak guard found for a query, looked for once."""
        return _once(self._removals, key, find, _REMOVALS)

    def count(self, filter: Filter) -> int:
        """How many examples pass a filter."""
        return _once(self._counts, repr(filter), lambda: self._index.count(self.pool.uid, filter))

    def inhabited(self, space: str, vector: Vector, filter: Filter) -> bool:
        """Whether any example that passes a filter has a vector in a space; the vector only serves to ask."""
        search = Search(space, vector, 1, filter)
        return _once(
            self._spaces, (space, repr(filter)), lambda: bool(self._index.search(self.pool.uid, search))
        )

    def near_pictures(self, dhashes: Sequence[str], bits: int) -> list[str]:
        """Ids with a picture whose difference hash is within so many bits of one of these.

        Flat pictures have hashes of nearly all zeros or ones that tell nothing, and are left to other checks.
        """
        owners, hashes = self._pictures
        near: set[str] = set()
        for dhash in dhashes:
            number = int(dhash, 16)
            if _telling(number):
                distances = np.bitwise_count(hashes ^ np.uint64(number))
                near.update(owners[position] for position in np.flatnonzero(distances <= bits))
        return sorted(near)

    def near_texts(self, letters: str) -> list[str]:
        """Ids without pictures whose text has just these letters and digits."""
        return self._letters.get(letters, []) if letters else []

    def sample(self, space: str, filter: Filter, embedder: Embedder) -> tuple[list[str], Matrix]:
        """Ids and unit vectors [n, d] of the examples that pass a filter and have the space: all, or 4,096 drawn."""
        return _once(self._samples, (space, repr(filter)), lambda: self._sampled(space, filter, embedder))

    def _sampled(self, space: str, filter: Filter, embedder: Embedder) -> tuple[list[str], Matrix]:
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
        return [id for id, _ in held], matrix

    def _remembered(
        self, kind: str, value: str, look_up: Callable[[str, str], dict[str, str]]
    ) -> Mapping[str, str]:
        return _once(self._keys, (kind, value), lambda: look_up(self.pool.uid, value), _REMOVALS)

    @cached_property
    def _pictures(self) -> tuple[list[str], NDArray[np.uint64]]:
        numbered = [
            (id, int(dhash, 16)) for id, dhashes in self.catalogue.dhashes.items() for dhash in dhashes
        ]
        pairs = [pair for pair in numbered if _telling(pair[1])]
        return [id for id, _ in pairs], np.array([number for _, number in pairs], dtype=np.uint64)

    @cached_property
    def _letters(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for id, text in self._store.plain_texts(self.pool.uid).items():
            found.setdefault(letters(text), []).append(id)
        return found


def _once(cache: dict[K, V], key: K, make: Callable[[], V], limit: int = _FILTERS) -> V:
    """What is remembered under a key, or made now. Two threads may both make it; neither misses it."""
    found = cache.get(key)
    if found is None:
        found = make()
        if len(cache) >= limit:
            cache.clear()
        cache[key] = found
    return found


def _telling(dhash: int) -> bool:
    return _BITS <= dhash.bit_count() <= 64 - _BITS


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
