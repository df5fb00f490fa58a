"""Arms: what is compared. The baselines are always among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..domain.errors import InvalidParameter
from ..domain.recipes import Recipe, Stages, stages_of, stages_text
from ..domain.scoring import digest
from ..selectors import build
from .perturbations import read_perturbations

Kind = Literal["recipe", "zero-shot", "random", "majority", "vote"]

ZERO_SHOT = "zero-shot"
RANDOM = "random"
MAJORITY = "majority class"
VOTE = "kNN vote"
_DRAWN_ORDERS = ("random", "interleaved", "grouped")
_BASELINES: Mapping[str, Kind] = {"none": "zero-shot", "random_per_query": "random"}


@dataclass(frozen=True, slots=True)
class Arm:
    """A recipe or a baseline under test.

    Attributes:
        family: What arms that differ only in their shots have in common, e.g. "rices".
        kind: "recipe", or which baseline it is.
        k: Shots; of an arm that shows all examples, how many that is.
        recipe: How demonstrations are chosen; None where none are.
        model: Who is asked; empty for whoever the others ask, and where nobody is.
        changes: Perturbations of the selection, as text.
        instruction: Instead of the pool's.
        batch: Queries in a call.
        group: The part of an experiment that it belongs to, within which comparisons are corrected for their number.
    """

    family: str
    kind: Kind
    k: int
    recipe: Recipe | None = None
    model: str = ""
    changes: str = ""
    instruction: str | None = None
    batch: int = 1
    group: str = ""

    @property
    def name(self) -> str:
        """Unique among the arms of a model."""
        return f"{self.family}, k={self.k}" if self.k and not self.everything else self.family

    @property
    def key(self) -> str:
        """sha256 of everything that decides its outcomes but the seed."""
        recipe = self.recipe.model_dump(mode="json", exclude={"seed"}) if self.recipe else None
        k = self.k if recipe is None else None
        return digest([self.kind, k, recipe, self.model, self.changes, self.instruction, self.batch])

    @property
    def everything(self) -> bool:
        """Whether it shows all examples."""
        return self.recipe is not None and self.recipe.selector[0].name == "all"

    @property
    def draws(self) -> bool:
        """Whether another seed may show other demonstrations, or the same ones in another order."""
        if self.recipe is None or self.kind == "zero-shot":
            return False
        changed = any(type(one).draws for one in read_perturbations(self.changes)) if self.changes else False
        ordered = self.recipe.order in _DRAWN_ORDERS
        return changed or ordered or self.batch > 1 or build(self.recipe.selector).draws

    def seeds(self, every: Sequence[int]) -> tuple[int, ...]:
        """Those under which it is asked: all where it draws, else the first."""
        return tuple(every) if self.draws else tuple(every[:1])

    def seeded(self, seed: int) -> Arm:
        """The same arm with another seed in its recipe."""
        if self.recipe is None or self.recipe.seed == seed:
            return self
        return replace(self, recipe=self.recipe.model_copy(update={"seed": seed}))

    @property
    def asks(self) -> bool:
        """Whether it asks the model."""
        return self.kind not in ("majority", "vote")

    @property
    def baseline(self) -> bool:
        """Whether it is there for comparison."""
        return self.kind != "recipe"


VOTES = (1, 5, 15)
"""Votes that every experiment takes, whatever shots it asks for."""


def plan(
    selectors: Iterable[Stages | str], shots: Sequence[int], base: Recipe, *, votes: Sequence[int] = ()
) -> tuple[Arm, ...]:
    """Every arm of a comparison: zero-shot, majority class, kNN vote and random first, whether asked for or not.

    Args:
        selectors: What is compared, as text or read. Repeats count once.
        shots: How many demonstrations to try; 0 is the zero-shot arm, which is always there.
        base: What the arms' recipes have in common.
        votes: Neighbours of further votes.

    Raises:
        InvalidParameter: Negative shots, or none above 0.
    """
    ks = sorted({k for k in shots if k})
    if not ks or ks[0] < 0:
        raise InvalidParameter(
            "give at least one number of shots above 0, and none below",
            field="shots",
            value=list(shots),
            mend="For example 1, 2, 4, 8 and 16",
        )

    def recipe(selector: Stages, k: int) -> Recipe:
        return base.model_copy(update={"selector": selector, "k": k})

    none, random, rices = (stages_of(name) for name in ("none", "random", "rices"))
    arms = [Arm(ZERO_SHOT, "zero-shot", 0, recipe(none, 0)), Arm(MAJORITY, "majority", 0)]
    arms += [Arm(VOTE, "vote", k, recipe(rices, k)) for k in sorted({*ks, *votes})]
    arms += [Arm(RANDOM, "random", k, recipe(random, k)) for k in ks]
    for selector in selectors:
        stages = stages_of(selector)
        if stages_text(stages) not in _BASELINES:
            arms += [Arm(family(stages), "recipe", k, recipe(stages, k)) for k in ks]
    return tuple({arm.name: arm for arm in arms}.values())


def family(stages: Stages) -> str:
    """A selector as tables and charts name it: "rices", "rices by text" or "random_fixed|balanced"."""
    return re.sub(r"\(modality=(\w+)\)", r" by \1", stages_text(stages))
