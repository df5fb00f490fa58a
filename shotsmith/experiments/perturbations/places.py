"""Distractors among the demonstrations, and demonstrations at other places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from ...domain.errors import InvalidParameter
from ...domain.examples import Example
from ...domain.recipe_text import Segment, write_segments
from ...domain.recipes import Count
from ...domain.scoring import shuffled
from ...domain.selections import Demonstration, Selection
from .base import Changed, Others, Perturbation, Share, drawn, rounded


class Distract(Perturbation):
    """Add demonstrations that the selector did not choose: random ones, or ones that look as if they belonged.

    They rank last, so that a budget drops them first.
    """

    name = "distract"

    n: Count = Field(1, description="How many are added.")
    share: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = Field(
        None, description="Instead of n: how many, as a share of the demonstrations; halves are rounded up."
    )
    like: str | None = Field(
        None, description='Rather those that share the query\'s value of this metadata, or its "group".'
    )
    at: Literal["random", "first", "last"] = Field("random", description="Where they are shown.")

    def change(self, selection: Selection, seed: int, others: Others | None) -> Changed:
        """As many as there are."""
        shown = list(selection.demonstrations)
        count = self.n if self.share is None else rounded(self.share * len(shown))
        if not count:
            return Changed(shown, "0 added")
        stages = [Segment("random_per_query")]
        if self.like is not None:
            stages.append(Segment("matched", {"by": [self.like]}))
        last = max((shot.rank for shot in shown), default=0)
        known = drawn(self, selection, seed, others, count, write_segments(stages))
        added = [
            Demonstration(
                example,
                rank=last + turn,
                position=0,
                reason="a distractor" if self.like is None else f"a distractor, matched by {self.like}",
                stage=self.name,
            )
            for turn, example in enumerate(list(known.values())[:count], start=1)
        ]
        note = f"{len(added)} added" + ("" if len(added) == count else f" of {count}: there are no more")
        if self.at == "first":
            return Changed([*added, *shown], note)
        if self.at == "random":
            return Changed(_mixed(shown, added, seed, self._scope(selection)), note)
        return Changed([*shown, *added], note)


class Place(Perturbation):
    """Show one demonstration at another place; the others keep their order."""

    name = "place"
    draws = False

    id: str | None = Field(None, description="Which one; by default the one of this rank.")
    rank: Annotated[Count, Field(ge=1)] = Field(1, description="1 is the most useful one.")
    at: Share = Field(1.0, description="0 is the first place, 1 the last, next to the query.")
    gold: StrictBool = Field(
        False,
        description="The most useful one with the query's right answer. Experiments alone know that answer: no recipe "
        "could do it.",
    )

    def resolved(self, selection: Selection, right: Callable[[Example], bool]) -> Place | None:
        """The same with the id of the demonstration that `gold` means; None where none has the right answer."""
        if not self.gold:
            return self
        found = next((shot.example.id for shot in selection.by_rank if right(shot.example)), None)
        return None if found is None else Place(id=found, at=self.at)

    def change(self, selection: Selection, seed: int, others: Others | None) -> Changed:
        """The one demonstration at the place nearest to `at`."""
        if self.gold:
            raise InvalidParameter(
                "only an experiment knows which demonstration has the right answer",
                field="perturbations",
                value=self.text,
                mend="Name an id or a rank",
            )
        shown = list(selection.demonstrations)
        if not shown:
            return Changed(shown, "nothing is shown")
        moved = next((shot for shot in shown if self._names(shot)), None)
        if moved is None:
            raise InvalidParameter(
                "no such demonstration is shown",
                field="perturbations",
                value=self.text,
                mend=f"Name one of {len(shown)} ranks, or one of their ids",
            )
        shown.remove(moved)
        place = rounded(self.at * len(shown))
        shown.insert(place, moved)
        return Changed(shown, f"{moved.example.id} at place {place + 1} of {len(shown)}")

    def _names(self, shot: Demonstration) -> bool:
        return shot.rank == self.rank if self.id is None else shot.example.id == self.id


def sweep(selection: Selection, *, rank: int = 1, id: str | None = None) -> tuple[Selection, ...]:
    """One demonstration at every place, first to last; none for an empty selection.

    Raises:
        InvalidParameter: It is not shown.
    """
    last = max(len(selection.demonstrations) - 1, 1)
    which = {"rank": rank} if id is None else {"id": id}
    places = range(len(selection.demonstrations))
    return tuple(Place.read({**which, "at": place / last}).apply(selection) for place in places)


def _mixed(
    shown: Sequence[Demonstration], added: Sequence[Demonstration], seed: int, scope: str
) -> list[Demonstration]:
    """Both in random places; the shown ones keep their order."""
    places = [str(place) for place in range(len(shown) + len(added))]
    taken = set(shuffled(places, seed, f"{scope}|places")[: len(added)])
    rest, more = iter(shown), iter(added)
    return [next(more) if place in taken else next(rest) for place in places]
