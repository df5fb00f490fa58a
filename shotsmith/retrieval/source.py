"""The candidates of one query: index, catalogue and leak guard behind the one face that selectors see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from ..domain.examples import Catalogue
from ..domain.filters import Filter
from ..domain.protocols import Hit, Search, VectorIndex
from ..domain.scoring import Vector, shuffled

_SAMPLE = 4096


class IndexSource:
    """`CandidateSource` over a vector index.

    Args:
        index: Where the vectors are.
        collection: The pool's collection.
        vectors: The query's unit vectors by space.
        filter: Which examples count, the leak guard's exclusions included.
        catalogue: Loads the pool's catalogue; only called by selectors that count or draw.
        labels_of: Balancing labels of a few ids; ids that SQL no longer has are absent.
        inhabited: Whether any example of the pool has a vector in a space.
    """

    def __init__(
        self,
        index: VectorIndex,
        collection: str,
        vectors: Mapping[str, Vector],
        filter: Filter,
        catalogue: Callable[[], Catalogue],
        labels_of: Callable[[Sequence[str]], Mapping[str, str | None]],
        inhabited: Callable[[str], bool],
    ) -> None:
        self._index = index
        self._collection = collection
        self._vectors = vectors
        self._filter = filter
        self._load = catalogue
        self._labels_of = labels_of
        self._inhabited = inhabited
        self._labels: dict[str, str | None] = {}
        self._moments: dict[str, tuple[float, float]] = {}

    @property
    def modalities(self) -> frozenset[str]:
        """Spaces in which the query can be compared with anything."""
        return frozenset(space for space in self._vectors if self._inhabited(space))

    @cached_property
    def _eligible(self) -> dict[str, str | None]:
        # The exclusions may be many; a set difference is faster than asking the filter about each.
        rest = replace(self._filter, without_ids=())
        excluded = frozenset(self._filter.without_ids)
        return {
            id: payload["label"] or None
            for id, payload in self._load().payloads.items()
            if id not in excluded and rest.matches(id, payload)
        }

    @cached_property
    def _by_label(self) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for id, label in self._eligible.items():
            if label is not None:
                groups.setdefault(label, []).append(id)
        return groups

    @cached_property
    def size(self) -> int:
        """How many examples are eligible."""
        return self._index.count(self._collection, self._filter)

    def ids(self, label: str | None = None) -> Sequence[str]:
        """Eligible ids, of one label or of all, ascending."""
        return list(self._eligible) if label is None else self._by_label.get(label, [])

    def label_of(self, id: str) -> str | None:
        """Balancing label of an eligible example."""
        if "_eligible" in self.__dict__:
            return self._eligible.get(id)
        if id not in self._labels:
            self._learn([id])
        return self._labels.get(id)

    def labels(self) -> Mapping[str, int]:
        """Eligible examples by balancing label, labels ascending."""
        return {label: len(ids) for label, ids in sorted(self._by_label.items())}

    def nearest(self, space: str, limit: int) -> list[Hit]:
        """The nearest eligible examples that have the space, in rank order."""
        if space not in self._vectors or limit <= 0:
            return []
        return self._real(self._index.search(self._collection, self._search(space, limit)))

    def nearest_per_label(self, space: str, labels: Sequence[str], limit: int) -> dict[str, list[Hit]]:
        """The nearest eligible examples of each balancing label."""
        if space not in self._vectors or limit <= 0:
            return {label: [] for label in labels}
        found = self._index.search_per_label(self._collection, self._search(space, limit), labels)
        for label, hits in found.items():
            self._labels.update((hit.id, label) for hit in hits)
        return found

    def scores(self, space: str, ids: Sequence[str]) -> dict[str, float]:
        """Similarities of given eligible examples; those without the space are absent."""
        if space not in self._vectors or not ids:
            return {}
        wanted = tuple(dict.fromkeys(ids))
        search = self._search(space, len(wanted), replace(self._filter, ids=wanted))
        return {hit.id: hit.score for hit in self._index.search(self._collection, search)}

    def moments(self, space: str) -> tuple[float, float]:
        """Mean and standard deviation of the similarities over the eligible examples.

        Exact up to 4,096 eligible examples; beyond, over a keyed sample of that many.
        """
        if space not in self._moments:
            self._moments[space] = self._measure(space)
        return self._moments[space]

    def _measure(self, space: str) -> tuple[float, float]:
        ids = list(self._eligible)
        if len(ids) > _SAMPLE:
            ids = shuffled(ids, 0, "moments")[:_SAMPLE]
        values = list(self.scores(space, ids).values())
        return (float(np.mean(values)), float(np.std(values))) if values else (0.0, 0.0)

    def _search(self, space: str, limit: int, filter: Filter | None = None) -> Search:
        return Search(space, self._vectors[space], limit, filter or self._filter)

    def _real(self, hits: list[Hit]) -> list[Hit]:
        # A stale index must never produce a demonstration that SQL no longer has.
        self._learn([hit.id for hit in hits])
        return [hit for hit in hits if hit.id in self._labels]

    def _learn(self, ids: Sequence[str]) -> None:
        unknown = [id for id in ids if id not in self._labels]
        if unknown:
            self._labels.update(self._labels_of(unknown))
