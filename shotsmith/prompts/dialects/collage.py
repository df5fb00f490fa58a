"""The collage dialect: the demonstrations' images together in few numbered ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

from pydantic import Field

from ...domain.messages import ImagePart, Message, Part, TextPart
from ...domain.recipes import Whole
from .base import Brief, DialectBase, Shot
from .contact import Sheet, contact
from .fields import block


class Collage(DialectBase):
    """One user turn in which contact images show the demonstrations' images, numbered, many in one.

    For models that take few images in a request or charge for each. A contact image is followed by the demonstrations
    whose images it shows, as in `interleaved` with a field `Pictures: 1, 2`; the numbers count through the whole
    prompt. Demonstrations that every query is shown never share one with others. The query's images stay as they are.
    """

    merges = True

    columns: Whole = Field(4, ge=1, le=16, description="Pictures beside each other in a contact image.")
    rows: Whole = Field(4, ge=1, le=16, description="Most rows of a contact image.")
    cell: Whole = Field(
        256, ge=16, le=1024, description="Longest side of a picture in it, pixels; none is enlarged."
    )
    format: Literal["jpeg", "png"] = Field("jpeg", description="How it is encoded; PNG without loss.")
    quality: Whole = Field(90, ge=1, le=100, description="Of JPEG.")

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """One system message and one user turn.

        Raises:
            InvalidImage: An image of a demonstration cannot be decoded.
        """
        return Message("system", (TextPart(brief.instruction),)), Message("user", tuple(self._parts(brief)))

    def _parts(self, brief: Brief) -> Iterator[Part]:
        shown = 0
        for shots in self._groups(brief.shots):
            pictures = tuple(part for shot in shots for part in _pictures(shot))
            yield from self._sheets(pictures, shown + 1)
            for shot in shots:
                above = []
                if count := len(_pictures(shot)):
                    above = [f"Pictures: {', '.join(map(str, range(shown + 1, shown + count + 1)))}"]
                    shown += count
                yield from (part for part in shot.media if not isinstance(part, ImagePart))
                yield TextPart(block(shot, *above))
        yield from brief.query.media
        yield TextPart(block(brief.query))

    def _groups(self, shots: Sequence[Shot]) -> Iterator[list[Shot]]:
        """Demonstrations that share one contact image; one with more images than a cell each stands alone."""
        for _, alike in groupby(shots, key=lambda shot: shot.fixed):
            group: list[Shot] = []
            taken = 0
            for shot in alike:
                count = len(_pictures(shot))
                if group and taken + count > self._room:
                    yield group
                    group, taken = [], 0
                group.append(shot)
                taken += count
            yield group

    def _sheets(self, pictures: tuple[ImagePart, ...], first: int) -> Iterator[Part]:
        sheet = Sheet(self.columns, self.cell, self.format, self.quality)
        for start in range(0, len(pictures), self._room):
            some = pictures[start : start + self._room]
            last = first + start + len(some) - 1
            yield TextPart(
                f"Pictures {first + start} to {last}, numbered row by row:"
                if len(some) > 1
                else f"Picture {last}:"
            )
            yield contact(some, first + start, sheet)

    @property
    def _room(self) -> int:
        return self.columns * self.rows


def _pictures(shot: Shot) -> list[ImagePart]:
    return [part for part in shot.media if isinstance(part, ImagePart)]
