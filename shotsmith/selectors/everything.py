"""The two extremes: every eligible example, and none."""

from __future__ import annotations

from ..domain.examples import Query
from ..domain.recipes import MODALITIES
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource
from .base import Card, SelectorBase
from .ranking import by_nearness, labels_of


class All(SelectorBase):
    """Every eligible example, whatever k says: all-sample learning.

    Ranked by similarity in the first of image, text and joint that the query has, so that a budget drops the least
    similar; then, and for a query without any, by id. The ranking depends on the query: for a prompt that caches can
    reuse, use `random_fixed` with a k as large as the pool.
    """

    card = Card(
        paper="many-shot: Agarwal et al., [arXiv 2404.11018](https://arxiv.org/abs/2404.11018)",
        cost="one search over the whole pool; the prompt is what costs",
        use="the task is learned from all examples rather than from similar ones",
        avoid="the pool does not fit into the model's window",
    )
    draws = False
    nested = "prefix"
    bounded = False

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """All of them; k and seed are ignored."""
        ids = sorted(source.ids())
        space = next((space for space in MODALITIES if space in source.modalities), None)
        nearest = by_nearness(source, space, len(ids)) if space and ids else []
        taken = {candidate.id for candidate in nearest}
        why = f"it has no {space} to compare" if space else "the query has nothing to compare"
        flags = (f"has no {space}: placed by id after the examples that have one",) if space else ()
        others = labels_of(source, [id for id in ids if id not in taken])
        rest = [
            Candidate(id=id, reason=f"all are shown; by id, as {why}", label=label, flags=flags)
            for id, label in others.items()
        ]
        return [*nearest, *rest]


class Nothing(SelectorBase):
    """No example at all: the zero-shot baseline."""

    card = Card(
        paper="the baseline of every experiment",
        cost="nothing",
        use="always, beside everything else",
        avoid="never: a model that gains nothing from demonstrations is found this way",
    )
    draws = False
    nested = "prefix"
    fills = False

    @property
    def fixed(self) -> bool:
        """Always: there is nothing that could differ."""
        return True

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Nothing."""
        return []
