"""One version of a pool in memory: what selecting needs again and again, loaded once and never stale.

A pool's version is a hash of its contents, so whatever was read under a version stays true for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from threading import Lock, RLock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..domain.examples import Catalogue, Example, Pool, letters
from ..domain.filters import Filter
from ..domain.plans import Plan
from ..domain.protocols import Search
from ..domain.scoring import Vector
from ..domain.selections import Removal
from ..domain.sources import Part, PartsSpec, Rows
from ..retrieval.embedding import Embedder
from ..retrieval.lexicon import Lexicon
from ..retrieval.parts import Whole, parts_of
from ..retrieval.passing import Passing
from .matrices import stored
from .stores import Stores

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_VIEWS = 8
_EXAMPLES = 50_000
_SAMPLE = 4096
_REMOVALS = 2048
_FILTERS = 32
_MATRICES = 4
_PARTS = 20_000
_PLANS = 64
_BITS = 8  # a difference hash with fewer ones or zeros shows no structure


class View:
    """A pool at one version.

    Args:
        pool: The pool.
        stores: Where its examples, vectors and plans are.
        embedder: Of the pool's encoder, opened when it is needed.
    """

    def __init__(self, pool: Pool, stores: Stores, embedder: Callable[[], Embedder]) -> None:
        self.pool = pool
        self._stores = stores
        self._embedder = embedder
        self._examples: dict[str, Example] = {}
        self._counts: dict[str, int] = {}
        self._spaces: dict[tuple[str, str], bool] = {}
        self._passing: dict[str, Passing] = {}
        self._removals: dict[tuple[Hashable, ...], tuple[Removal, ...]] = {}
        self._keys: dict[tuple[str, str], dict[str, str]] = {}
        self._samples: dict[tuple[str, str], tuple[Sequence[str], NDArray[np.float64]]] = {}
        self._lexicons: dict[str, Lexicon] = {}
        self._matrices: dict[tuple[str, str], Rows] = {}
        self._plans: dict[str, Plan] = {}
        self._parts: dict[tuple[str, PartsSpec], Sequence[Part]] = {}
        self._planning = RLock()

    def examples(self, ids: Iterable[str]) -> dict[str, Example]:
        """Active examples by id; those that SQL does not have are absent."""
        wanted = list(dict.fromkeys(ids))
        # Another thread may empty what is kept at any moment, so nothing is read from there twice.
        known = {id: one for id in wanted if (one := self._examples.get(id))}
        unknown = [id for id in wanted if id not in known]
        if unknown:
            found = self._stores.examples.get(self.pool.uid, unknown)
            known.update((id, one) for id, one in found.items() if one.status == "active")
            if len(self._examples) > _EXAMPLES:
                self._examples.clear()
            self._examples.update(known)
        return {id: known[id] for id in wanted if id in known}

    @cached_property
    def catalogue(self) -> Catalogue:
        """Every active example without its content."""
        return self._stores.examples.catalogue(self.pool.uid)

    @cached_property
    def labels(self) -> list[str]:
        """First labels of examples, sorted."""
        return self._stores.examples.label_space(self.pool.uid)

    @cached_property
    def every_label(self) -> list[str]:
        """Labels in use, sorted, those beside the first included."""
        return self._stores.examples.label_space(self.pool.uid, every=True)

    def same_pictures(self, pixel_key: str) -> Mapping[str, str]:
        """Ids whose pictures are these, however encoded, with their text keys."""
        return self._remembered("pictures", pixel_key, self._stores.examples.same_pictures)

    def same_text(self, text_key: str) -> Mapping[str, str]:
        """Ids without pictures whose text is this, with their text keys."""
        return self._remembered("text", text_key, self._stores.examples.same_text)

    def in_group(self, group: str) -> Mapping[str, str]:
        """Ids of a group, with their text keys."""
        return self._remembered("group", group, self._stores.examples.in_group)

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
        return _once(self._counts, repr(filter), lambda: self._stores.index.count(self.pool.uid, filter))

    def inhabited(self, space: str, vector: Vector, filter: Filter) -> bool:
        """Whether any example that passes a filter has a vector in a space; the vector only serves to ask."""
        search = Search(space, vector, 1, filter)
        return _once(
            self._spaces,
            (space, repr(filter)),
            lambda: bool(self._stores.index.search(self.pool.uid, search)),
        )

    def near_pictures(self, dhashes: Sequence[str], bits: int) -> dict[str, int]:
        """Ids with a picture whose difference hash is within so many bits of one of these, with the distance.

        Flat pictures have hashes of nearly all zeros or ones that tell nothing, and are left to other checks.
        """
        owners, hashes = self._pictures
        near: dict[str, int] = {}
        for dhash in dhashes:
            number = int(dhash, 16)
            if _telling(number):
                distances = np.bitwise_count(hashes ^ np.uint64(number))
                for position in np.flatnonzero(distances <= bits):
                    id, distance = owners[position], int(distances[position])
                    near[id] = min(distance, near.get(id, distance))
        return dict(sorted(near.items()))

    def near_texts(self, letters: str) -> list[str]:
        """Ids without pictures whose text has just these letters and digits."""
        return self._letters.get(letters, []) if letters else []

    def sample(self, space: str, filter: Filter) -> tuple[Sequence[str], NDArray[np.float64]]:
        """Ids and unit vectors [n, d] of the examples that pass a filter and have the space: all, or 4,096 drawn."""
        return _once(self._samples, (space, repr(filter)), lambda: self._sampled(space, filter))

    def lexicon(self, filter: Filter) -> Lexicon:
        """The input texts of the examples that pass a filter."""

        def read() -> Lexicon:
            texts = self._stores.examples.texts(self.pool.uid)
            return Lexicon({id: texts[id] for id in self.passing(filter).ids if id in texts})

        return _once(self._lexicons, repr(filter), read)

    def matrix(self, space: str, filter: Filter) -> Rows:
        """All vectors of the examples that pass a filter, ids ascending, mapped from a file."""
        return _once(
            self._matrices,
            (space, repr(filter)),
            lambda: stored(self._stores.index, self.pool.uid, space, self.passing(filter).ids),
            _MATRICES,
        )

    def plan(self, key: str, size: int, make: Callable[[], Plan], *, nested: bool) -> Plan:
        """The plan that is kept under a key, or a new one that is kept from now on, in SQL as well."""

        def serves(plan: Plan | None) -> bool:
            return plan is not None and (plan.size >= size if nested else plan.size == size)

        kept = self._plans.get(key)
        if kept is not None and serves(kept):
            return kept
        with self._planning:  # it may take a minute: once is enough
            kept = self._plans.get(key) or self._stores.plans.get(self.pool.uid, self.pool.version, key)
            if kept is None or not serves(kept):
                kept = make()
                self._stores.plans.put(self.pool.uid, self.pool.version, key, kept)
            if len(self._plans) >= _PLANS:
                self._plans.clear()
            self._plans[key] = kept
            return kept

    def parts(self, ids: Sequence[str], spec: PartsSpec) -> dict[str, Sequence[Part]]:
        """Parts of active examples; what was never encoded before is encoded now, and kept."""
        known = {id: parts for id in ids if (parts := self._parts.get((id, spec))) is not None}
        unknown = self.examples([id for id in ids if id not in known])
        if unknown:
            wholes = [Whole(one.media, one.text, one.metadata) for one in unknown.values()]
            fresh = zip(unknown, parts_of(wholes, spec, self._embedder(), keep=True), strict=True)
            known.update(fresh)
            if len(self._parts) > _PARTS:
                self._parts.clear()
            self._parts.update(((id, spec), known[id]) for id in unknown)
        return {id: known[id] for id in ids if id in known}

    def neighbours(self, name: str, query_id: str | None) -> Sequence[str]:
        """The list that was imported for a query under a name."""
        return self._stores.neighbours.get(self.pool.uid, name, query_id)

    def _sampled(self, space: str, filter: Filter) -> tuple[Sequence[str], NDArray[np.float64]]:
        drawn = self.passing(filter).draw(_SAMPLE, 0, "moments", None, ())
        found = self._stores.index.vectors(self.pool.uid, space, sorted(drawn))
        return list(found), np.array(list(found.values()), dtype=np.float64)

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
        for id, text in self._stores.examples.texts(self.pool.uid, pictures=False).items():
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

    def __init__(self, stores: Stores, embedder: Callable[[Pool], Embedder]) -> None:
        self._stores = stores
        self._embedder = embedder
        self._kept: OrderedDict[tuple[str, str], View] = OrderedDict()
        self._lock = Lock()

    def of(self, pool: Pool) -> View:
        """The view of a pool at its version."""
        key = (pool.uid, pool.version)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = View(pool, self._stores, lambda: self._embedder(pool))
                while len(self._kept) > _VIEWS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]
