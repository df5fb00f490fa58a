"""Fitting images into a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..domain.media import Media
from ..domain.messages import ImagePart
from ..domain.recipes import Budget

Limit = Literal["max_images", "max_image_bytes"]


@dataclass(frozen=True, slots=True)
class Shortage:
    """A limit that would be broken, what was asked for and what was left of it."""

    limit: Limit
    needed: int
    left: int

    def __str__(self) -> str:
        return f"{self.limit}: needs {self.needed:,}, {self.left:,} left"


class Room:
    """What a budget still has room for. Bytes are those of the prepared images, before any base64."""

    def __init__(self, budget: Budget) -> None:
        self._left: dict[Limit, int | None] = {
            "max_images": budget.max_images,
            "max_image_bytes": budget.max_image_bytes,
        }

    def admit(
        self, media: Sequence[Media], prepare: Callable[[Media], ImagePart]
    ) -> tuple[ImagePart, ...] | Shortage:
        """Prepare these images and take their room: all of them, or none, and then what is short.

        Nothing is prepared when already their number does not fit.
        """
        if short := self._shortage("max_images", len(media)):
            return short
        parts = tuple(prepare(part) for part in media)
        size = sum(len(part.data) for part in parts)
        if short := self._shortage("max_image_bytes", size):
            return short
        self._take("max_images", len(parts))
        self._take("max_image_bytes", size)
        return parts

    def _shortage(self, limit: Limit, needed: int) -> Shortage | None:
        left = self._left[limit]
        return None if left is None or needed <= left else Shortage(limit, needed, left)

    def _take(self, limit: Limit, needed: int) -> None:
        left = self._left[limit]
        if left is not None:
            self._left[limit] = left - needed
