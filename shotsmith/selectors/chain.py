"""A selector with the stages after it, as one selector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..domain.examples import Query
from ..domain.recipe_text import Segment, write_segments
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Nested
from .base import SelectorBase, StageBase


@dataclass(frozen=True, slots=True)
class Chain:
    """What a recipe's `selector` becomes; it satisfies what `SelectorBase` promises.

    Attributes:
        name: Of its last step, as registered.
        step: That step.
        inner: What stands before it; None for a selector.
    """

    name: str
    step: SelectorBase | StageBase
    inner: Chain | None = None

    @property
    def text(self) -> str:
        """As recipes write it, without parameters that have their defaults."""
        before = f"{self.inner.text}|" if self.inner is not None else ""
        params = self.step.model_dump(mode="json", exclude_defaults=True)
        return before + write_segments([Segment(self.name, params)])

    @property
    def fills(self) -> bool:
        """Whether min(k, eligible) examples come back."""
        if isinstance(self.step, SelectorBase):
            return self.step.filling()
        return self.step.fills and self.inner is not None and self.inner.fills

    @property
    def bounded(self) -> bool:
        """Whether no more than k come back."""
        if isinstance(self.step, SelectorBase):
            return self.step.bounded
        return not self.step.keeps_places or (self.inner is not None and self.inner.bounded)

    @property
    def fixed(self) -> bool:
        """Whether every query gets the same examples."""
        if isinstance(self.step, SelectorBase):
            return self.step.fixed
        return self.step.keeps_fixed and self.inner is not None and self.inner.fixed

    @property
    def prefixed(self) -> bool:
        """Whether some of its demonstrations stand first for every query, for prompt caches."""
        if isinstance(self.step, SelectorBase):
            return self.step.prefixed
        return self.inner is not None and self.inner.prefixed

    @property
    def draws(self) -> bool:
        """Whether another seed may choose other examples."""
        if isinstance(self.step, SelectorBase):
            return self.step.drawing()
        return self.step.draws or (self.inner is not None and self.inner.draws)

    @property
    def nested(self) -> Nested:
        """How its choice of k relates to that of k + 1."""
        if isinstance(self.step, SelectorBase):
            return self.step.nesting()
        assert self.inner is not None
        return self.step.nested if self.inner.nested == "prefix" else "no"

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """As `SelectorBase.select`; each candidate tells which steps it came through."""
        if isinstance(self.step, SelectorBase):
            return _through(self.step.select(query, source, k, seed), self.name)
        assert self.inner is not None
        return _through(self.step.apply(self.inner, query, source, k, seed), self.name)


def _through(candidates: Sequence[Candidate], name: str) -> list[Candidate]:
    return [
        replace(candidate, stage=f"{candidate.stage} > {name}" if candidate.stage else name)
        for candidate in candidates
    ]
