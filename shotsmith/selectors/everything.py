"""The two extremes: every eligible example, and none."""

from __future__ import annotations

from ..domain.examples import Query
from ..domain.protocols import CandidateSource
from ..domain.recipes import MODALITIES
from ..domain.selections import Candidate
from .base import SelectorBase
from .ranking import by_nearness


class All(SelectorBase):
    """Every eligible example, whatever k says: all-sample learning.

    Ranked by similarity in the first of image, text and joint that the query has, so that a budget drops the least
    similar; then, and for a query without any, by id. The ranking depends on the query: for a prompt that caches can
    reuse, use `random` with scope "fixed" and a k as large as the pool.
    """

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """All of them; k and seed are ignored."""
        ids = sorted(source.ids())
        space = next((space for space in MODALITIES if space in source.modalities), None)
        nearest = by_nearness(source, space, len(ids)) if space and ids else []
        taken = {candidate.id for candidate in nearest}
        why = f"it has no {space} to compare" if space else "the query has nothing to compare"
        flags = (f"has no {space}: placed by id after the examples that have one",) if space else ()
        rest = [
            Candidate(id=id, reason=f"all are shown; by id, as {why}", label=source.label_of(id), flags=flags)
            for id in ids
            if id not in taken
        ]
        return [*nearest, *rest]


class Nothing(SelectorBase):
    """No example at all: the zero-shot baseline."""

    @property
    def fixed(self) -> bool:
        """Always: there is nothing that could differ."""
        return True

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Nothing."""
        return []
