"""TopK+MDL: of several sets, the one that makes the model surest."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import Field

from ..domain.examples import Query
from ..domain.scoring import quantise, shuffled
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Selector
from .base import Card, StageBase
from .label_view import require_labels
from .ranking import flagged


class TopkMdl(StageBase):
    """Of the nearest k and some random sets of the nearest `depth`, the set after which the model is surest.

    `sets` candidate sets: the k best of the stage before, and random k-subsets of its `depth` best. The model is
    asked for the label after each, shown with the best one last; the set with the lowest entropy of its label
    probabilities is taken, ties to the earlier one. Rank order is the order before.
    """

    card = Card(
        paper="Wu et al., [arXiv 2212.10375](https://arxiv.org/abs/2212.10375), as in OpenICL",
        cost="the stage before for `depth` candidates, and `sets` model calls a query",
        use="the model tells probabilities and calls are cheap, as with a local one",
        avoid="the model is sure of wrong answers: low entropy is not truth",
    )

    sets: int = Field(5, ge=1, le=100, description="How many sets are compared, the nearest one included.")
    depth: int = Field(30, ge=1, description="From how many candidates random sets are drawn; at least k.")
    model: str | None = Field(None, description="Who is asked. Default: the configured model.")

    def apply(
        self, inner: Selector, query: Query, source: CandidateSource, k: int, seed: int
    ) -> list[Candidate]:
        """The set of least entropy, in the order before."""
        labels = sorted(require_labels("topk_mdl", source, k))
        before = inner.select(query, source, max(k, self.depth), seed)
        if k == 0 or len(before) <= k:
            return before[:k]
        places = {one.id: place for place, one in enumerate(before)}
        tried = [tuple(range(k))]
        for turn in range(1, self.sets):
            drawn = shuffled(places, seed, f"topk_mdl|{turn}|{query.key}")[:k]
            tried.append(tuple(sorted(places[id] for id in drawn)))
        judge = source.judge(self.model)
        entropies = []
        for chosen in tried:
            shown = source.examples([before[place].id for place in reversed(chosen)])
            entropies.append(entropy(judge.probabilities(query, list(shown.values()), labels)))
        best = min(range(len(tried)), key=lambda turn: (entropies[turn], turn))
        name = "the nearest" if best == 0 else f"random set {best}"
        told = f"{name} of {len(tried)} sets makes {judge.name} surest: entropy {entropies[best]:.4f} nats"
        return flagged([before[place] for place in tried[best]], told)


def entropy(probabilities: Mapping[str, float]) -> float:
    """Entropy in nats, quantised."""
    return quantise(-math.fsum(p * math.log(p) for p in probabilities.values() if p > 0))
