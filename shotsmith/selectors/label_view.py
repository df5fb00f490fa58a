"""One label of a source, as a source of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from ..domain.errors import InvalidInput
from ..domain.examples import Example, PoolKind, Query
from ..domain.filters import Filter
from ..domain.plans import Plan
from ..domain.protocols import Hit
from ..domain.scoring import Vector
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Judge, Part, PartsSpec, Rows


def require_labels(selector: str, source: CandidateSource, k: int) -> Mapping[str, int]:
    """The labels of a source.

    Raises:
        InvalidInput: There are examples, and none of them has a label.
    """
    labels = source.labels()
    if not labels and k and source.ids():
        raise InvalidInput(
            f"{selector} needs labels, and no eligible example of this {source.kind} pool has one",
            field="selector",
            value=selector,
            mend="Free text and numbers cannot be balanced: give the examples labels, or use rices, mmr or k_means",
        )
    return labels


class PerLabel:
    """What the views of all labels share, so that each question goes to the source once and not once a label."""

    def __init__(self, source: CandidateSource, labels: Sequence[str]) -> None:
        self.source = source
        self.labels = labels
        self._nearest: dict[str, tuple[int, dict[str, list[Hit]]]] = {}
        self._moments: dict[str, tuple[float, float]] = {}
        self._matching: dict[str, list[Hit]] = {}

    def nearest(self, space: str, label: str, limit: int) -> list[Hit]:
        """The nearest examples of one label, in rank order."""
        if label not in self.labels:
            return self.source.nearest_per_label(space, [label], limit)[label]
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

    def matching(self, label: str) -> list[Hit]:
        """Every lexical hit of one label."""
        if label not in self._matching:
            own = set(self.source.ids(label))
            self._matching[label] = [hit for hit in self._hits if hit.id in own]
        return self._matching[label]

    @cached_property
    def _hits(self) -> Sequence[Hit]:
        return self.source.matching(len(self.source.ids()))


class LabelView:
    """A `CandidateSource` restricted to one label.

    Its modalities, moments and lexical scores stay those of the whole source, so that scores of different labels can be
    compared.
    """

    def __init__(self, shared: PerLabel, label: str) -> None:
        self._shared = shared
        self._source = shared.source
        self._label = label

    @cached_property
    def _own(self) -> CandidateSource:
        return self._source.within(Filter(labels=(self._label,)))

    @property
    def kind(self) -> PoolKind:
        """The pool's task family."""
        return self._source.kind

    @property
    def query(self) -> Query:
        """What is asked."""
        return self._source.query

    @property
    def modalities(self) -> frozenset[str]:
        """Spaces in which this query can be compared with the whole source."""
        return self._source.modalities

    def ids(self, label: str | None = None) -> Sequence[str]:
        """Eligible ids of this label; of those, the ones that carry another label as well."""
        own = self._source.ids(self._label)
        if label in (None, self._label):
            return own
        both = set(self._source.ids(label))
        return [id for id in own if id in both]

    def draw(self, limit: int, seed: int, scope: str, label: str | None = None) -> Sequence[str]:
        """The first ids of this label in the keyed shuffle."""
        if label in (None, self._label):
            return self._source.draw(limit, seed, scope, self._label)
        return self._own.draw(limit, seed, scope, label)

    def label_of(self, id: str) -> str | None:
        """Balancing label of an eligible example."""
        return self._source.label_of(id)

    def labels(self) -> Mapping[str, int]:
        """Labels of the examples that carry this one."""
        return self._own.labels()

    def examples(self, ids: Sequence[str]) -> Mapping[str, Example]:
        """The eligible examples of these ids."""
        return self._source.examples(ids)

    def nearest(self, space: str, limit: int, vector: Vector | None = None) -> list[Hit]:
        """The nearest eligible examples of this label, in rank order."""
        if vector is not None:
            return self._own.nearest(space, limit, vector)
        return self._shared.nearest(space, self._label, limit)

    def nearest_per_label(self, space: str, labels: Sequence[str], limit: int) -> dict[str, list[Hit]]:
        """As `nearest`, by label."""
        return self._own.nearest_per_label(space, labels, limit)

    def scores(self, space: str, ids: Sequence[str], vector: Vector | None = None) -> dict[str, float]:
        """Similarities of given eligible examples."""
        return self._source.scores(space, ids, vector)

    def moments(self, space: str) -> tuple[float, float]:
        """Mean and standard deviation over all eligible examples, not only over this label."""
        return self._shared.moments(space)

    def matching(self, limit: int) -> list[Hit]:
        """The examples of this label that match the query's text best."""
        return self._shared.matching(self._label)[:limit]

    def vector(self, space: str) -> Vector | None:
        """The query's own unit vector."""
        return self._source.vector(space)

    def encoded(self, text: str) -> Vector | None:
        """A text's unit vector in the joint space."""
        return self._source.encoded(text)

    def vectors(self, space: str, ids: Sequence[str]) -> Rows:
        """Stored vectors of given eligible examples."""
        return self._source.vectors(space, ids)

    def parts(self, ids: Sequence[str], spec: PartsSpec) -> Mapping[str, Sequence[Part]]:
        """The parts of given eligible examples."""
        return self._source.parts(ids, spec)

    def query_parts(self, spec: PartsSpec) -> Sequence[Part]:
        """The parts of the query."""
        return self._source.query_parts(spec)

    def neighbours(self, name: str) -> Sequence[str]:
        """Those of this label in an imported list."""
        return self._own.neighbours(name)

    def within(self, filter: Filter) -> CandidateSource:
        """This label, restricted further."""
        return self._own.within(filter)

    def without(self, ids: Sequence[str]) -> CandidateSource:
        """This label without these examples."""
        return self._own.without(ids)

    def everything(self, space: str, splits: Sequence[str] | None = None) -> Rows:
        """All vectors of this label."""
        return self._own.everything(space, splits)

    def planned(
        self, key: str, size: int, make: Callable[[CandidateSource, int], Plan], *, nested: bool = True
    ) -> list[Candidate]:
        """A plan for this label."""
        return self._own.planned(key, size, make, nested=nested)

    def judge(self, model: str | None = None) -> Judge:
        """A model to ask."""
        return self._source.judge(model)
