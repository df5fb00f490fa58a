"""Demonstrations by how hard they are: an easy-to-hard curriculum, or the hardest only."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from itertools import islice
from typing import Literal

from pydantic import Field

from ..domain.plans import Plan
from ..domain.recipes import Modality
from ..domain.scoring import digest
from ..domain.sources import CandidateSource
from .agreement import disagreement, rated_by
from .base import Card
from .fixed import FixedBase, completed

_SPARE = 8  # for queries that may not see some of the draw


class _ByDifficulty(FixedBase):
    by: Literal["neighbours", "model"] = Field(
        "neighbours",
        description='"neighbours": the share of its nearest examples that have another answer (for numbers: how far '
        'off their mean is), which costs nothing; "model": what the model says, as in the paper.',
    )
    space: Modality = Field(
        "image", description="Space of the neighbours; where the pool has none, another one."
    )
    neighbours: int = Field(15, ge=1, description="How many nearest examples are compared.")
    rated: int = Field(
        200,
        ge=1,
        description="How many examples the model rates, drawn at random; at least what a plan holds, which is 32 or "
        "the next power of two above k.",
    )
    prompts: int = Field(
        1, ge=1, le=30, description="How many differently worded questions the model is asked."
    )
    model: str | None = Field(None, description="Who rates. Default: the configured model.")

    def key(self, source: CandidateSource, seed: int) -> str:
        """The plan's name also tells who rated."""
        who = source.judge(self.model).name if self.by == "model" else ""
        return digest([super().key(source, seed), who])

    def plan(self, everyone: CandidateSource, size: int, seed: int) -> Plan:
        """Examples with their difficulty, arranged by the subclass."""
        if self.by == "model":
            judge = everyone.judge(self.model)
            drawn = everyone.draw(max(size, self.rated), seed, "difficulty|fixed")
            known = rated_by(judge.difficulty, everyone.examples(drawn), self.prompts)
            how, remark = (
                f"rated by {judge.name}",
                [f"difficulty of {len(known)} examples as rated by {judge.name}"],
            )
        else:
            known, remark = disagreement(everyone, self.space, self.neighbours)
            how = f"by disagreement with its {self.neighbours} nearest"
        order = self._arranged(known, everyone, size, seed)
        notes = {id: f"difficulty {known[id]:.4f}, {how}" for id in order}
        slots = completed(everyone, [(id,) for id in order], notes, size, seed, "no difficulty")
        return Plan(slots, size, remark, notes)

    @abstractmethod
    def _arranged(
        self, known: Mapping[str, float], everyone: CandidateSource, size: int, seed: int
    ) -> list[str]:
        """Ids in rank order."""


class Hard(_ByDifficulty):
    """The hardest examples, the same for every query."""

    card = Card(
        paper="Baek et al., [arXiv 2412.16926](https://arxiv.org/abs/2412.16926); by neighbours: ours",
        cost="nothing a query; once n² / 2 cosines, or `rated` model calls",
        use="the model knows the easy cases already",
        avoid="labels are noisy: wrong ones look hard",
    )
    nested = "prefix"

    def _arranged(
        self, known: Mapping[str, float], everyone: CandidateSource, size: int, seed: int
    ) -> list[str]:
        return list(islice(sorted(known, key=lambda id: (-known[id], id)), size))


class Curriculum(_ByDifficulty):
    """A random draw for all queries, from easy to hard.

    Rank order is hardest first, so that the order `similar_last` shows them from easy to hard.
    """

    card = Card(
        paper="Baek et al., [arXiv 2412.16926](https://arxiv.org/abs/2412.16926); by neighbours: ours",
        cost="nothing a query; once n² / 2 cosines, or `rated` model calls",
        use="many shots in a fixed order, as a control of order effects",
        avoid="few shots: the draw matters more than its order",
    )
    nested_plan = False

    def _arranged(
        self, known: Mapping[str, float], everyone: CandidateSource, size: int, seed: int
    ) -> list[str]:
        drawn = [id for id in everyone.draw(len(everyone.ids()), seed, "difficulty|fixed") if id in known]
        spare = drawn[size : 2 * size + _SPARE]
        return [*sorted(drawn[:size], key=lambda id: (-known[id], id)), *spare]
