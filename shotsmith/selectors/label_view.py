"""One label of a source, as a source of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..domain.protocols import CandidateSource, Hit


class PerLabel:
    """What the views of all labels share, so that each question goes to the source once and not once a label."""

    def __init__(self, source: CandidateSource, labels: tuple[str, ...]) -> None:
        self.source = source
        self.labels = labels
        self._nearest: dict[str, tuple[int, dict[str, list[Hit]]]] = {}
        self._moments: dict[str, tuple[float, float]] = {}

    def nearest(self, space: str, label: str, limit: int) -> list[Hit]:
        """The nearest examples of one label, in rank order."""
        known, hits = self._nearest.get(space, (-1, {}))
        if known < limit:
            hits = self.source.nearest_per_label(space, self.labels, limit)
            self._nearest[space] = limit, hits
        return hits.get(label, [])[:limit]

    def moments(self, space: str) -> tuple[float, float]:
        """Moments over all eligible examples."""
        if space not in self._moments:
            self._moments[space] = self.source.moments(space)
        return self._moments[space]


class LabelView:
    """A `CandidateSource` restricted to one label.

    Its modalities and moments stay those of the whole source, so that scores of different labels can be compared.
    """

    def __init__(self, shared: PerLabel, label: str) -> None:
        self._shared = shared
        self._source = shared.source
        self._label = label

    @property
    def modalities(self) -> frozenset[str]:
        """Spaces in which this query can be compared with the whole source."""
        return self._source.modalities

    def ids(self, label: str | None = None) -> Sequence[str]:
        """Eligible ids of this label; empty for another one."""
        return self._source.ids(self._label) if label in (None, self._label) else ()

    def label_of(self, id: str) -> str | None:
        """Balancing label of an eligible example."""
        return self._source.label_of(id)

    def labels(self) -> Mapping[str, int]:
        """This label with its number of eligible examples."""
        return {self._label: self._source.labels()[self._label]}

    def nearest(self, space: str, limit: int) -> list[Hit]:
        """The nearest eligible examples of this label, in rank order."""
        return self._shared.nearest(space, self._label, limit)

    def nearest_per_label(self, space: str, labels: Sequence[str], limit: int) -> dict[str, list[Hit]]:
        """As `nearest`, by label; other labels have no hits."""
        return {label: self.nearest(space, limit) if label == self._label else [] for label in labels}

    def scores(self, space: str, ids: Sequence[str]) -> dict[str, float]:
        """Similarities of those of the given examples that have this label."""
        own = [id for id in ids if self._source.label_of(id) == self._label]
        return self._source.scores(space, own) if own else {}

    def moments(self, space: str) -> tuple[float, float]:
        """Mean and standard deviation over all eligible examples, not only over this label."""
        return self._shared.moments(space)
