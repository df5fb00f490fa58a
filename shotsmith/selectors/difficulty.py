"""Demonstrations by how hard they are: an easy-to-hard curriculum, or the hardest only."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal

from pydantic import Field

from ..domain.examples import Query
from ..domain.plans import PLANNED, Plan
from ..domain.recipes import Modality
from ..domain.scoring import digest
from ..domain.selections import Candidate
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
        drawn = everyone.draw(len(everyone.ids()), seed, "difficulty|fixed")
        if self.by == "model":
            judge = everyone.judge(self.model)
            drawn = drawn[: self._rated(size)]
            known = rated_by(judge.difficulty, everyone.examples(drawn), self.prompts)
            how, remark = (
                f"rated by {judge.name}",
                [f"difficulty of {len(known)} examples as rated by {judge.name}"],
            )
        else:
            known, remark = disagreement(everyone, self.space, self.neighbours)
            how = f"by disagreement with its {self.neighbours} nearest"
        order = self._arranged(known, [id for id in drawn if id in known], size)
        notes = {id: f"difficulty {known[id]:.4f}, {how}" for id in order}
        plan = Plan([(id,) for id in order], size, remark, notes, {id: known[id] for id in order})
        return completed(everyone, plan, seed, "no difficulty")

    @abstractmethod
    def _rated(self, size: int) -> int:
        """How many examples of the draw the model rates."""

    @abstractmethod
    def _arranged(self, known: Mapping[str, float], drawn: Sequence[str], size: int) -> list[str]:
        """Ids in rank order, of those that are known, which are also given in the order of the draw."""


class Hard(_ByDifficulty):
    """The hardest examples, the same for every query."""

    card = Card(
        paper="Baek et al., [arXiv 2412.16926](https://arxiv.org/abs/2412.16926); by neighbours: ours",
        cost="nothing a query; once n² / 2 cosines, or `rated` model calls",
        use="the model knows the easy cases already",
        avoid="labels are noisy: wrong ones look hard",
    )
    nested = "prefix"

    rated: int = Field(200, ge=1, description="How many examples the model rates, drawn at random.")

    def _rated(self, size: int) -> int:
        return self.rated

    def _arranged(self, known: Mapping[str, float], drawn: Sequence[str], size: int) -> list[str]:
        return list(islice(sorted(known, key=lambda id: (-known[id], id)), size))


class Curriculum(_ByDifficulty):
    """A random draw for all queries, from easy to hard.

    Rank order is hardest first, so that the order `similar_last` shows them from easy to hard.
    """

    card = Card(
        paper="Baek et al., [arXiv 2412.16926](https://arxiv.org/abs/2412.16926); by neighbours: ours",
        cost="nothing a query; once n² / 2 cosines, or k + 8 model calls",
        use="many shots in a fixed order, as a control of order effects",
        avoid="few shots: the draw matters more than its order",
    )
    nested_plan = False

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """The draw that may be shown for this query, stand-ins in their places."""
        chosen = super().select(query, source, k, seed)
        return sorted(chosen, key=lambda one: (-one.scores.get(PLANNED, -1.0), one.id))

    def _rated(self, size: int) -> int:
        return size + _SPARE

    def _arranged(self, known: Mapping[str, float], drawn: Sequence[str], size: int) -> list[str]:
        shown = sorted(drawn[:size], key=lambda id: (-known[id], id))
        return [*shown, *drawn[size : size + _SPARE]]
