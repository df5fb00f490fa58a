"""What a prompt may hold, what it takes, and what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

from ..domain.messages import ImagePart, Message, TextPart

Count = Callable[[Sequence[Message]], int]
"""Messages -> tokens, as the model that they are for is estimated to count them."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One upper bound.

    Attributes:
        name: As people know it, e.g. "max_images" for the recipe's, or "images per request of openai/gpt-5".
        value: The most that is allowed.
    """

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Size:
    """What messages take: images and sounds, their bytes before any base64, and estimated tokens."""

    images: int = 0
    image_bytes: int = 0
    tokens: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(
            self.images + other.images, self.image_bytes + other.image_bytes, self.tokens + other.tokens
        )

    def __sub__(self, other: Size) -> Size:
        return Size(
            self.images - other.images, self.image_bytes - other.image_bytes, self.tokens - other.tokens
        )


@dataclass(frozen=True, slots=True)
class Shortage:
    """A limit that would be broken, what was asked for and what was left of it.

    Attributes:
        limit: Which one.
        bounds: What it bounds, as a field of `Limits`.
        needed: So much was asked for.
        left: So much was left.
    """

    limit: Limit
    bounds: str
    needed: int
    left: int

    def __str__(self) -> str:
        return f"{self.limit.name}: needs {self.amount}, {self.left:,} left"

    @property
    def amount(self) -> str:
        """What was asked for, e.g. "1 image"."""
        unit = self.bounds.removeprefix("image_")
        return f"{self.needed:,} {unit if self.needed != 1 else unit.removesuffix('s')}"


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one prompt; None where there is none."""

    images: Limit | None = None
    image_bytes: Limit | None = None
    tokens: Limit | None = None

    def tightest(self, *others: Self) -> Limits:
        """Of each bound the lowest; of equal ones the first."""
        return Limits(
            **{
                name: min(
                    (limit for one in (self, *others) if (limit := getattr(one, name))),
                    key=lambda limit: limit.value,
                    default=None,
                )
                for name, _ in self._each()
            }
        )

    def less(self, reserve: Size) -> Limits:
        """What is left beside a reserve, which takes no more than half of anything."""
        return Limits(
            **{
                name: limit
                and replace(limit, value=limit.value - min(getattr(reserve, name), limit.value // 2))
                for name, limit in self._each()
            }
        )

    def shortage(self, size: Size, used: Size | None = None) -> Shortage | None:
        """The first limit that this size breaks, on top of what is used already."""
        before = used or Size()
        for name, limit in self._each():
            needed, taken = getattr(size, name), getattr(before, name)
            if limit is not None and needed > 0 and taken + needed > limit.value:
                return Shortage(limit, name, needed, max(limit.value - taken, 0))
        return None

    @property
    def by_number(self) -> Limits:
        """Only the bound that no smaller image helps to keep."""
        return Limits(images=self.images)

    @property
    def shrinks(self) -> bool:
        """Whether smaller images may help to keep these."""
        return self.image_bytes is not None or self.tokens is not None

    def __iter__(self) -> Iterator[tuple[str, Limit]]:
        """Those bounds that there are, with what they bound."""
        return iter([(name, limit) for name, limit in self._each() if limit is not None])

    def _each(self) -> Iterator[tuple[str, Limit | None]]:
        yield "images", self.images
        yield "image_bytes", self.image_bytes
        yield "tokens", self.tokens


def size_of(messages: Sequence[Message], count: Count | None) -> Size:
    """What messages take; without a way to count, no tokens."""
    media = [part for message in messages for part in message.parts if not isinstance(part, TextPart)]
    return Size(
        images=sum(isinstance(part, ImagePart) for part in media),
        image_bytes=sum(len(part.data) for part in media),
        tokens=count(messages) if count else 0,
    )
