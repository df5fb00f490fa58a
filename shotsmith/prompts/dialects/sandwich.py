"""The sandwich dialect: the instruction before the demonstrations and again after them."""

from __future__ import annotations

from collections.abc import Iterator

from ...domain.messages import Message, Part, TextPart
from .base import Brief, DialectBase
from .fields import block, field


class Sandwich(DialectBase):
    """As `interleaved`, with the instruction told again between the demonstrations and the query.

    Models that lose sight of an instruction behind many demonstrations read it last. Without demonstrations it stands
    once. Its repetition is a field `Instruction: ...`.
    """

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """One system message and one user turn."""
        return Message("system", (TextPart(brief.instruction),)), Message("user", tuple(_parts(brief)))


def _parts(brief: Brief) -> Iterator[Part]:
    for shot in brief.shots:
        yield from shot.media
        yield TextPart(block(shot))
    if brief.shots:
        yield TextPart(field("Instruction", brief.instruction))
    yield from brief.query.media
    yield TextPart(block(brief.query))
