"""Random demonstrations: the baseline that every retrieval must beat."""

from __future__ import annotations

from ..domain.examples import Query
from ..domain.plans import Plan
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource
from .base import Card, SelectorBase
from .ranking import labels_of, ordinal


class RandomPerQuery(SelectorBase):
    """Draws anew for each query, without replacement and reproducibly.

    Examples are sorted by a key of seed, query and id (`scoring.shuffled`), so a draw does not depend on the pool's
    order or on other queries, and the draw of k is the beginning of the draw of k + 1.
    """

    card = Card(
        paper="the usual baseline, e.g. Alayrac et al., [arXiv 2204.14198](https://arxiv.org/abs/2204.14198)",
        cost="below one search",
        use="as the baseline of every comparison",
        avoid="prompt caches should hit: every query gets other demonstrations",
    )
    nested = "prefix"

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """The first k of a keyed shuffle."""
        labels = labels_of(source, source.draw(k, seed, f"random|{query.key}"))
        return [
            Candidate(id=id, reason=f"{ordinal(turn)} random draw, for this query", label=label)
            for turn, (id, label) in enumerate(labels.items(), start=1)
        ]


class RandomFixed(SelectorBase):
    """One random draw for all queries, which prompt caches can reuse.

    The "naive" baseline of Baek et al.; what the leak guard keeps out of one query's draw is replaced by the next ones.
    """

    card = Card(
        paper="Baek et al., [arXiv 2412.16926](https://arxiv.org/abs/2412.16926)",
        cost="nothing: drawn once",
        use="many shots, cached prefixes, and as the baseline beside them",
        avoid="few shots: what it shows seldom has to do with the query",
    )
    nested = "prefix"

    @property
    def fixed(self) -> bool:
        """Always."""
        return True

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """The first k of a keyed shuffle that knows no query."""

        def draw(everyone: CandidateSource, size: int) -> Plan:
            drawn = everyone.draw(size, seed, "random|fixed")
            notes = {
                id: f"{ordinal(turn)} random draw, the same for every query"
                for turn, id in enumerate(drawn, 1)
            }
            return Plan([(id,) for id in drawn], size, notes=notes)

        return source.planned(f"random_fixed|{seed}", k, draw)
