"""Random demonstrations: the baseline that every retrieval must beat."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..domain.examples import Query
from ..domain.protocols import CandidateSource
from ..domain.scoring import shuffled
from ..domain.selections import Candidate
from .base import SelectorBase
from .ranking import ordinal


class Random(SelectorBase):
    """Draws without replacement, reproducibly.

    Examples are sorted by HMAC-SHA256(seed, scope | id), so a draw does not depend on the pool's order or on other
    queries, and the draw of k is the beginning of the draw of k + 1. "fixed" is the "naive" baseline of Baek et al.
    (arXiv 2412.16926), which prompt caches can reuse.
    """

    scope: Literal["query", "fixed"] = Field(
        "query", description='"query" draws anew for each query; "fixed" draws one set for all queries.'
    )

    @property
    def fixed(self) -> bool:
        """Whether every query gets the same draw."""
        return self.scope == "fixed"

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """The first k of a keyed shuffle."""
        scope, whose = ("fixed", "the same for every query") if self.fixed else (query.key, "for this query")
        drawn = shuffled(source.ids(), seed, f"random|{scope}")[:k]
        return [
            Candidate(id=id, reason=f"{ordinal(turn)} random draw, {whose}", label=source.label_of(id))
            for turn, id in enumerate(drawn, start=1)
        ]
