"""Perturbations of images, texts and answers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ...domain.errors import InvalidParameter
from ...domain.examples import Example
from ...domain.scoring import shuffled
from ...domain.selections import Demonstration, Selection
from .base import Changed, Others, Perturbation, drawn
from .contents import CONTENT_FREE, Fill, Of, blank, exchanged, has, without

Side = Literal["demonstrations", "query", "both"]


class _Content(Perturbation):
    """Base of those that change one kind of content."""

    of: Of = Field(
        "images",
        description="What is changed. Videos are images; answers are changed together with their labels.",
    )


class _OneSided(_Content):
    """Base of those that the query can undergo as well."""

    keeps_fixed = True
    draws = False

    side: Side = Field("demonstrations", description="Whose content it is; a query has no answer.")

    @model_validator(mode="after")
    def _no_answer(self) -> Self:
        if self.of == "answers" and self.side != "demonstrations":
            raise ValueError("a query has no answer: take side=demonstrations")
        return self

    @abstractmethod
    def of_one(self, example: Example, frames: int) -> Example:
        """The example as it is shown instead, where a video is shown as so many pictures."""

    def change(self, selection: Selection, seed: int, others: Others | None) -> Changed:
        """Every demonstration that has such content."""
        if self.side == "query":
            return Changed(selection.demonstrations, "the query's")
        touched = [shot for shot in selection.demonstrations if has(shot.example, self.of)]
        shown = [
            _bared(replace(shot, example=self.of_one(shot.example, selection.recipe.video.frames)))
            if has(shot.example, self.of)
            else shot
            for shot in selection.demonstrations
        ]
        also = " and the query's" if self.side == "both" else ""
        return Changed(shown, f"{len(touched)} of {len(shown)} {self.of}{also}")

    def asked(self, selection: Selection) -> Selection:
        """The query's content, where `side` says so."""
        query = selection.query
        if self.side == "demonstrations" or not has(Example("", query.media, query.text), self.of):
            return selection
        changed = self.of_one(Example("", query.media, query.text), selection.recipe.video.query_frames)
        return replace(selection, query=replace(query, media=changed.media, text=changed.text))


class Remove(_OneSided):
    """Leave images, sounds, texts or answers out; a turn that would be empty says that something is not shown."""

    name = "remove"

    def of_one(self, example: Example, frames: int) -> Example:
        """Without them."""
        return without(example, self.of)


class Blank(_OneSided):
    """Put something in their place that tells nothing: one colour, silence, or a word."""

    name = "blank"

    fill: Fill = Field(
        "black", description="For images: a colour, or noise. For sounds: noise, or silence with any colour."
    )
    word: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        CONTENT_FREE, description="For texts and answers."
    )

    def of_one(self, example: Example, frames: int) -> Example:
        """With a blank of the same size or length for each."""
        return blank(example, self.of, self.fill, self.word, frames)


class Permute(_Content):
    """Pass them on among the demonstrations: each that has any gets those of another one."""

    name = "permute"

    def change(self, selection: Selection, seed: int, others: Others | None) -> Changed:
        """Along one cycle through all of them, so that none keeps its own."""
        owners = {
            shot.example.id: shot.example for shot in selection.demonstrations if has(shot.example, self.of)
        }
        order = shuffled(owners, seed, self._scope(selection))
        if len(order) < 2:
            return Changed(selection.demonstrations, f"{len(order)} with {self.of}, nothing to permute")
        givers = dict(zip(order, [*order[1:], order[0]], strict=True))
        shown = [
            replace(shot, example=exchanged(shot.example, self.of, owners[givers[shot.example.id]]))
            if shot.example.id in givers
            else shot
            for shot in selection.demonstrations
        ]
        return Changed(shown, f"the {self.of} of {len(order)} of {len(shown)} demonstrations")


class Swap(_Content):
    """Take them from random examples that are not shown; most useful demonstrations are served first."""

    name = "swap"

    def change(self, selection: Selection, seed: int, others: Others | None) -> Changed:
        """From one other example each, while there are enough of them; then they come again."""
        takers = [shot.example for shot in selection.by_rank if has(shot.example, self.of)]
        if not takers:
            return Changed(selection.demonstrations, f"0 of {len(selection.demonstrations)} {self.of}")
        known = drawn(self, selection, seed, others, len(takers), "random_per_query")
        givers = [
            known[id] for id in shuffled(known, seed, self._scope(selection)) if has(known[id], self.of)
        ]
        if not givers:
            raise InvalidParameter(
                f"no other example has {self.of}",
                field="perturbations",
                value=self.text,
                mend="Use permute, or a pool with more of them",
            )
        given = {
            example.id: exchanged(example, self.of, givers[turn % len(givers)])
            for turn, example in enumerate(takers)
        }
        shown = [
            replace(shot, example=given.get(shot.example.id, shot.example))
            for shot in selection.demonstrations
        ]
        note = f"{len(takers)} of {len(shown)} {self.of}, from {min(len(givers), len(takers))} other examples"
        return Changed(shown, note)


def _bared(shot: Demonstration) -> Demonstration:
    """A demonstration with nothing left to show is shown bare, or the prompt would leave it out."""
    example = shot.example
    return shot if example.media or example.text.strip() else replace(shot, bare=True)
