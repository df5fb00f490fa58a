"""A candidate source in memory, for unit tests and for authors of selectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike

from ..domain.protocols import Hit
from ..domain.scoring import cosine, ranked, unit


class ArraySource:
    """A `CandidateSource` over a handful of vectors, by brute force: the meaning that real sources are held to.

    Args:
        examples: For each eligible id its vectors by space, of any length; a zero vector counts as missing.
        query: The query's vectors by space.
        labels: Balancing labels; ids without one have none.
    """

    def __init__(
        self,
        examples: Mapping[str, Mapping[str, ArrayLike]],
        query: Mapping[str, ArrayLike] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._ids = sorted(examples)
        self._labels = {id: label for id, label in (labels or {}).items() if id in examples}
        self._by_label: dict[str, list[str]] = {}
        for id in self._ids:
            if id in self._labels:
                self._by_label.setdefault(self._labels[id], []).append(id)
        self._scores: dict[str, dict[str, float]] = {}
        for space, given in (query or {}).items():
            wanted = unit(np.asarray(given))
            holders = [id for id in self._ids if space in examples[id]]
            if not holders or not wanted.any():
                continue
            rows = unit(np.stack([np.asarray(examples[id][space]) for id in holders]))
            scores = zip(holders, rows, cosine(rows, wanted), strict=True)
            known = ranked((id, score) for id, row, score in scores if row.any())
            if known:
                self._scores[space] = dict(known)

    @property
    def modalities(self) -> frozenset[str]:
        """Spaces that the query and at least one example share."""
        return frozenset(self._scores)

    def ids(self, label: str | None = None) -> Sequence[str]:
        """Eligible ids, of one label or of all, ascending."""
        return self._ids if label is None else self._by_label.get(label, [])

    def label_of(self, id: str) -> str | None:
        """Balancing label of an eligible example."""
        return self._labels.get(id)

    def labels(self) -> Mapping[str, int]:
        """Eligible examples by balancing label."""
        return {label: len(ids) for label, ids in sorted(self._by_label.items())}

    def nearest(self, space: str, limit: int) -> list[Hit]:
        """The nearest eligible examples that have the space, in rank order."""
        return [Hit(id, score) for id, score in islice(self._scores.get(space, {}).items(), limit)]

    def nearest_per_label(self, space: str, labels: Sequence[str], limit: int) -> dict[str, list[Hit]]:
        """The nearest eligible examples of each balancing label."""
        found: dict[str, list[Hit]] = {label: [] for label in labels}
        for hit in self.nearest(space, len(self._ids)):
            label = self._labels.get(hit.id)
            if label in found and len(found[label]) < limit:
                found[label].append(hit)
        return found

    def scores(self, space: str, ids: Sequence[str]) -> dict[str, float]:
        """Similarities of given eligible examples; those without the space are absent."""
        known = self._scores.get(space, {})
        return {id: known[id] for id in ids if id in known}

    def moments(self, space: str) -> tuple[float, float]:
        """Mean and population standard deviation of the similarities; (0, 0) without any."""
        known = list(self._scores.get(space, {}).values())
        return (float(np.mean(known)), float(np.std(known))) if known else (0.0, 0.0)
