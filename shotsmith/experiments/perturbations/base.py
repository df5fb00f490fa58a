"""What every perturbation is."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from ...domain.errors import InvalidParameter
from ...domain.examples import Example
from ...domain.recipe_text import Segment, write_segments
from ...domain.recipes import Frozen, Recipe, stages_of
from ...domain.selections import Demonstration, Selection

#: Draws other examples than those shown: the demonstrations of a recipe for the same query, most useful first. As
#: in `lambda recipe: [one.example for one in engine.select(pool, query, recipe).by_rank]`.
Others = Callable[[Recipe], Sequence[Example]]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Changed(NamedTuple):
    """Demonstrations in prompt order and what was done, for people."""

    demonstrations: Sequence[Demonstration]
    note: str


class Perturbation(Frozen):
    """Base of all perturbations: parameters as fields, the first line of the docstring is what users read."""

    name: ClassVar[str]
    #: Whether demonstrations that are the same for every query stay so.
    keeps_fixed: ClassVar[bool] = False
    #: Whether another seed may change it otherwise.
    draws: ClassVar[bool] = True

    @property
    def text(self) -> str:
        """As it is written, e.g. `shuffle_labels(share=0.25)`."""
        return write_segments([Segment(self.name, self.model_dump(mode="json", exclude_defaults=True))])

    def apply(
        self, selection: Selection, *, seed: int | None = None, others: Others | None = None
    ) -> Selection:
        """A new selection with a flag that names the perturbation. Pure: equal arguments give equal selections.

        Args:
            selection: Stays as it is.
            seed: Seeds every draw, together with the query; by default the recipe's.
            others: Where examples come from that are not shown; `swap` and `distract` ask,
                and `shuffle_labels` where the label space is open.

        Raises:
            InvalidParameter: It needs `others` and has none, or names a demonstration that is not there.
        """
        changed = self.change(selection, selection.recipe.seed if seed is None else seed, others)
        demonstrations = tuple(
            replace(shot, position=position, fixed=shot.fixed and self.keeps_fixed)
            for position, shot in enumerate(changed.demonstrations, start=1)
        )
        flag = f"perturbed: {self.text}: {changed.note}"
        return replace(self.asked(selection), demonstrations=demonstrations, flags=(*selection.flags, flag))

    @abstractmethod
    def change(self, selection: Selection, seed: int, others: Others | None) -> Changed:
        """The demonstrations as they are shown instead."""

    def asked(self, selection: Selection) -> Selection:
        """The selection with the query as it is asked instead."""
        return selection

    def _scope(self, selection: Selection) -> str:
        return f"{self.name}|{selection.query.key}"


def drawn(
    perturbation: Perturbation,
    selection: Selection,
    seed: int,
    others: Others | None,
    count: int,
    selector: str,
) -> dict[str, Example]:
    """`count` examples or more that are neither shown nor the query, or as many as there are."""
    if others is None:
        raise InvalidParameter(
            "needs other examples than those shown",
            field="perturbations",
            value=perturbation.text,
            mend="Pass `others`, which draws them from the pool",
        )
    shown = {shot.example.id for shot in selection.demonstrations}
    kept_out = shown | {removal.id for removal in selection.removed} | {selection.query.id}
    recipe = selection.recipe.model_copy(
        update={"selector": stages_of(selector), "k": count + len(shown), "seed": seed}
    )
    return {one.id: one for one in others(recipe) if one.id not in kept_out}


def rounded(number: float) -> int:
    """To the nearest whole number, halves up."""
    return math.floor(number + 0.5)
