"""The candidates of one query: index, pool and leak guard behind the one face that selectors see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, Self

import numpy as np

from ..domain.examples import Catalogue, Example
from ..domain.filters import Filter
from ..domain.protocols import Hit, Search, VectorIndex
from ..domain.scoring import Matrix, Vector, cosine
from .embedding import Embedder


@dataclass(frozen=True, slots=True)
class Passing:
    """The examples that pass a filter.

    Attributes:
        labels: Balancing label (None for none) by id, ids ascending.
        by_label: Ids of each balancing label, ascending; labels ascending.
    """

    labels: Mapping[str, str | None]
    by_label: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, catalogue: Catalogue, filter: Filter) -> Self:
        """Ask the filter about every example of a catalogue."""
        labels = {
            id: payload["label"] or None
            for id, payload in catalogue.payloads.items()
            if filter.matches(id, payload)
        }
        groups: dict[str, list[str]] = {}
        for id, label in labels.items():
            if label is not None:
                groups.setdefault(label, []).append(id)
        return cls(labels, dict(sorted(groups.items())))


class PoolView(Protocol):
    """What the source needs to know of a pool."""

    def passing(self, filter: Filter) -> Passing:
        """Which active examples pass a filter."""
        ...

    def examples(self, ids: Iterable[str]) -> Mapping[str, Example]:
        """Active examples by id; those that SQL does not have are absent."""
        ...

    def inhabited(self, space: str, vector: Vector, filter: Filter) -> bool:
        """Whether any example that passes a filter has a vector in a space."""
        ...

    def sample(self, space: str, filter: Filter, embedder: Embedder) -> tuple[list[str], Matrix]:
        """Ids and unit vectors of the examples that pass a filter and have the space: all of them, or a keyed draw."""
        ...


class IndexSource:
    """`CandidateSource` over a vector index.

    Args:
        index: Where the vectors are.
        collection: The pool's collection.
        vectors: The query's unit vectors by space.
        base: The recipe's filter.
        excluded: Ids that the leak guard keeps out.
        pool: What is known of the pool.
        embedder: Of the pool's encoder.
        admits: Whether an example, as SQL has it now, may be shown for this query.
    """

    def __init__(
        self,
        index: VectorIndex,
        collection: str,
        vectors: Mapping[str, Vector],
        base: Filter,
        excluded: Sequence[str],
        pool: PoolView,
        embedder: Embedder,
        admits: Callable[[Example], bool],
    ) -> None:
        self._index = index
        self._collection = collection
        self._vectors = vectors
        self._base = base
        self._excluded = frozenset(excluded)
        self._filter = replace(base, without_ids=tuple(sorted(excluded)))
        self._pool = pool
        self._embedder = embedder
        self._admits = admits
        self._moments: dict[str, tuple[float, float]] = {}

    @property
    def modalities(self) -> frozenset[str]:
        """Spaces in which the query can be compared with anything."""
        return frozenset(
            space
            for space, vector in self._vectors.items()
            if self._pool.inhabited(space, vector, self._base)
        )

    @cached_property
    def _passing(self) -> Passing:
        return self._pool.passing(self._base)

    def ids(self, label: str | None = None) -> Sequence[str]:
        """Eligible ids, of one label or of all, ascending."""
        passing = self._passing
        among = passing.labels if label is None else passing.by_label.get(label, ())
        return [id for id in among if id not in self._excluded]

    def label_of(self, id: str) -> str | None:
        """Balancing label of an eligible example."""
        known = self._pool.examples([id])
        return known[id].label if known else None

    def labels(self) -> Mapping[str, int]:
        """Eligible examples by balancing label, labels ascending."""
        passing = self._passing
        counts = {label: len(ids) for label, ids in passing.by_label.items()}
        for id in self._excluded:
            label = passing.labels.get(id)
            if label is not None:
                counts[label] -= 1
        return {label: count for label, count in counts.items() if count}

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
        return {label: self._real(hits) for label, hits in found.items()}

    def scores(self, space: str, ids: Sequence[str]) -> dict[str, float]:
        """Similarities of given eligible examples; those without the space are absent."""
        if space not in self._vectors or not ids:
            return {}
        wanted = tuple(dict.fromkeys(ids))
        search = self._search(space, len(wanted), replace(self._filter, ids=wanted))
        return {hit.id: hit.score for hit in self._index.search(self._collection, search)}

    def moments(self, space: str) -> tuple[float, float]:
        """Mean and standard deviation of the similarities over the eligible examples.

        Exact up to 4,096 examples that pass the recipe's filter; beyond, over a keyed sample of that many.
        """
        if space not in self._vectors:
            return 0.0, 0.0
        if space not in self._moments:
            ids, matrix = self._pool.sample(space, self._base, self._embedder)
            kept = [id not in self._excluded for id in ids]
            values = cosine(matrix[kept], self._vectors[space]) if any(kept) else []
            self._moments[space] = (float(np.mean(values)), float(np.std(values))) if values else (0.0, 0.0)
        return self._moments[space]

    def _search(self, space: str, limit: int, filter: Filter | None = None) -> Search:
        return Search(space, self._vectors[space], limit, filter or self._filter)

    def _real(self, hits: list[Hit]) -> list[Hit]:
        # A stale index must never produce a demonstration that SQL no longer has or that may not be shown.
        known = self._pool.examples(hit.id for hit in hits)
        return [hit for hit in hits if hit.id in known and self._admits(known[hit.id])]
