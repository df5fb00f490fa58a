"""The candidates of one query: index, pool and leak guard behind the one face that selectors see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..domain.examples import Example, PoolKind, Query
from ..domain.filters import Filter
from ..domain.plans import Plan, chosen
from ..domain.protocols import Hit, Search, VectorIndex
from ..domain.scoring import Matrix, Vector, cosine, digest
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Judge, Part, PartsSpec, Rows
from .lexicon import Lexicon
from .parts import Whole
from .passing import Passing

_LEAST_PLAN = 32  # plans are made for this many at least, so that few queries ask for a longer one


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

    def sample(self, space: str, filter: Filter) -> tuple[Sequence[str], NDArray[np.float64]]:
        """Ids and unit vectors of the examples that pass a filter and have the space: all of them, or a keyed draw."""
        ...

    def lexicon(self, filter: Filter) -> Lexicon:
        """The input texts of the examples that pass a filter."""
        ...

    def matrix(self, space: str, filter: Filter) -> Rows:
        """All vectors of the examples that pass a filter, ids ascending, mapped from a file."""
        ...

    def parts(self, ids: Sequence[str], spec: PartsSpec) -> Mapping[str, Sequence[Part]]:
        """Parts of active examples."""
        ...

    def plan(self, key: str, size: int, make: Callable[[], Plan], *, nested: bool) -> Plan:
        """The plan that is kept under a key, or a new one that is kept from now on."""
        ...

    def neighbours(self, name: str, query_id: str | None) -> Sequence[str]:
        """The list that was imported for a query under a name."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What the sources of one query share.

    Attributes:
        index: Where the vectors are.
        collection: The pool's collection.
        pool: What is known of the pool.
        kind: The pool's task family.
        query: What is asked.
        vectors: Its unit vectors by space.
        copies: Whether an example, as SQL has it now, must not be shown for this query.
        take_apart: Encodes the parts of a query or a text, which are not kept.
        judge: Opens a model by name, or the configured one.
    """

    index: VectorIndex
    collection: str
    pool: PoolView
    kind: PoolKind
    query: Query
    vectors: Mapping[str, Vector] = field(repr=False)
    copies: Callable[[Example], bool]
    take_apart: Callable[[Whole, PartsSpec], Sequence[Part]]
    judge: Callable[[str | None], Judge]


class IndexSource:
    """`CandidateSource` over a vector index.

    Args:
        setting: What the sources of the query share.
        base: The recipe's filter.
        excluded: Ids that the leak guard keeps out.
        hidden: Ids that are left out for other reasons.
    """

    def __init__(
        self, setting: Setting, base: Filter, excluded: Iterable[str] = (), hidden: Iterable[str] = ()
    ) -> None:
        self._setting = setting
        self._pool = setting.pool
        self._base = base
        self._removed = frozenset(excluded)
        self._hidden = frozenset(hidden)
        self._excluded = self._removed | self._hidden
        self._filter = replace(base, without_ids=(*base.without_ids, *sorted(self._excluded)))
        self._moments: dict[str, tuple[float, float]] = {}

    @property
    def kind(self) -> PoolKind:
        """The pool's task family."""
        return self._setting.kind

    @property
    def query(self) -> Query:
        """What is asked."""
        return self._setting.query

    @property
    def modalities(self) -> frozenset[str]:
        """Spaces in which the query can be compared with anything."""
        return frozenset(
            space
            for space, vector in self._setting.vectors.items()
            if self._pool.inhabited(space, vector, self._base)
        )

    def ids(self, label: str | None = None) -> Sequence[str]:
        """Eligible ids, of one label or of all, ascending."""
        return [id for id in self._pool.passing(self._base).of_label(label) if id not in self._excluded]

    def draw(self, limit: int, seed: int, scope: str, label: str | None = None) -> Sequence[str]:
        """The first eligible ids of the keyed shuffle, of one label or of all."""
        return self._pool.passing(self._base).draw(limit, seed, scope, label, self._excluded)

    def label_of(self, id: str) -> str | None:
        """Balancing label of an eligible example."""
        known = self._pool.examples([id])
        return known[id].label if known else None

    def labels(self) -> Mapping[str, int]:
        """Eligible examples by label, labels ascending."""
        return self._pool.passing(self._base).counts(self._excluded)

    def examples(self, ids: Sequence[str]) -> Mapping[str, Example]:
        """The eligible examples of these ids."""
        return {id: example for id, example in self._pool.examples(ids).items() if self._admits(example)}

    def nearest(self, space: str, limit: int, vector: Vector | None = None) -> list[Hit]:
        """The eligible examples nearest to the query, or to another unit vector, that have the space."""
        wanted = self._vector(space, vector)
        if wanted is None or limit <= 0:
            return []
        search = Search(space, wanted, limit, self._filter)
        return self._real(self._setting.index.search(self._setting.collection, search))

    def nearest_per_label(self, space: str, labels: Sequence[str], limit: int) -> dict[str, list[Hit]]:
        """The nearest eligible examples that carry each label."""
        wanted = self.vector(space)
        if wanted is None or limit <= 0:
            return {label: [] for label in labels}
        search = Search(space, wanted, limit, self._filter)
        found = self._setting.index.search_per_label(self._setting.collection, search, labels)
        real = {hit.id for hit in self._real([hit for hits in found.values() for hit in hits])}
        return {label: [hit for hit in hits if hit.id in real] for label, hits in found.items()}

    def scores(self, space: str, ids: Sequence[str], vector: Vector | None = None) -> dict[str, float]:
        """Similarities of given eligible examples; those without the space are absent."""
        wanted = self._vector(space, vector)
        if wanted is None:
            return {}
        rows = self.vectors(space, ids)
        return dict(zip(rows.ids, cosine(rows.matrix, wanted), strict=True)) if rows.ids else {}

    def moments(self, space: str) -> tuple[float, float]:
        """Mean and standard deviation of the similarities over the eligible examples.

        Exact up to 4,096 examples that pass the recipe's filter; beyond, over a keyed sample of that many.
        """
        wanted = self.vector(space)
        if wanted is None:
            return 0.0, 0.0
        if space not in self._moments:
            ids, matrix = self._pool.sample(space, self._base)
            kept = [place for place, id in enumerate(ids) if id not in self._excluded]
            values = cosine(matrix if len(kept) == len(ids) else matrix[kept], wanted) if kept else []
            self._moments[space] = (float(np.mean(values)), float(np.std(values))) if values else (0.0, 0.0)
        return self._moments[space]

    def matching(self, limit: int) -> list[Hit]:
        """The eligible examples whose input text matches the query's best by BM25.

        Word statistics are those of all examples that pass the filter, the leak guard aside.
        """
        return self._pool.lexicon(self._base).best(self.query.text, limit, self._excluded)

    def vector(self, space: str) -> Vector | None:
        """The query's own unit vector."""
        return self._setting.vectors.get(space)

    def encoded(self, text: str) -> Vector | None:
        """A text's unit vector in the joint space."""
        parts = self._setting.take_apart(Whole(text=text), PartsSpec())
        return next((part.vectors["joint"] for part in parts if "joint" in part.vectors), None)

    def vectors(self, space: str, ids: Sequence[str]) -> Rows:
        """Stored vectors of given eligible examples, in the given order; those without the space are left out."""
        wanted = [id for id in dict.fromkeys(ids) if id not in self._excluded]
        found = self._setting.index.vectors(self._setting.collection, space, wanted)
        held = [id for id in wanted if id in found]
        matrix: Matrix = np.array([found[id] for id in held], dtype=np.float32)
        return Rows(held, matrix)

    def parts(self, ids: Sequence[str], spec: PartsSpec) -> Mapping[str, Sequence[Part]]:
        """The parts of given eligible examples."""
        return self._pool.parts([id for id in ids if id not in self._excluded], spec)

    def query_parts(self, spec: PartsSpec) -> Sequence[Part]:
        """The parts of the query."""
        query = self.query
        return self._setting.take_apart(Whole(query.media, query.text, query.metadata), spec)

    def neighbours(self, name: str) -> Sequence[str]:
        """Eligible ids of the list that was imported for this query under a name, best first."""
        listed = self._pool.neighbours(name, self.query.id)
        eligible = self.examples(listed)
        return [id for id in dict.fromkeys(listed) if id in eligible and id not in self._excluded]

    def within(self, filter: Filter) -> CandidateSource:
        """The same source, restricted further."""
        base = replace(filter, also=(*filter.also, self._base))
        return IndexSource(self._setting, base, self._removed, self._hidden)

    def without(self, ids: Sequence[str]) -> CandidateSource:
        """The same source without these examples."""
        return IndexSource(self._setting, self._base, self._removed, self._hidden.union(ids))

    def everything(self, space: str, splits: Sequence[str] | None = None) -> Rows:
        """All vectors of one space that the recipe's filter allows, or those of other splits."""
        base = self._base if splits is None else replace(self._base, splits=tuple(splits))
        return self._pool.matrix(space, base)

    def planned(
        self,
        key: str,
        size: int,
        make: Callable[[CandidateSource, int], Plan],
        *,
        nested: bool = True,
    ) -> list[Candidate]:
        """The first `size` eligible examples of a plan for all that the recipe's filter allows."""
        if size <= 0:
            return []
        room = size
        if nested:
            room = 1 << max(size + len(self._excluded) - 1, _LEAST_PLAN - 1).bit_length()
        name = digest([key, repr(self._base), None if nested else room])
        everyone = IndexSource(replace(self._setting, query=Query(), vectors={}, copies=_none), self._base)
        plan = self._pool.plan(name, room, lambda: make(everyone, room), nested=nested)
        return chosen(plan, size, self.examples([id for slot in plan.slots for id in slot]), self._hidden)

    def judge(self, model: str | None = None) -> Judge:
        """A model to ask; by default the configured one."""
        return self._setting.judge(model)

    def _vector(self, space: str, vector: Vector | None) -> Vector | None:
        return vector if vector is not None else self.vector(space)

    def _admits(self, example: Example) -> bool:
        if example.id in self._excluded or self._setting.copies(example):
            return False
        return self._base.matches(example.id, example.facts())

    def _real(self, hits: list[Hit]) -> list[Hit]:
        # A stale index must never produce a demonstration that SQL no longer has or that may not be shown.
        known = self._pool.examples(hit.id for hit in hits)
        return [hit for hit in hits if hit.id in known and self._admits(known[hit.id])]


def _none(example: Example) -> bool:
    return False
