"""The chat dialect: demonstrations as earlier turns of the conversation."""

from __future__ import annotations

from collections.abc import Iterator

from ...domain.messages import Message, Part, TextPart
from .base import Brief, DialectBase, Shot
from .fields import field


class Chat(DialectBase):
    """Alternating turns: a user shows the input of a demonstration, the assistant gives its answer word for word.

    The instruction is the system message. A user turn holds the images, then `Input: <text>` where there is a text.
    The last user turn is the query.
    """

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """One system message, two turns a demonstration and one for the query."""
        return tuple(_turns(brief))


def _turns(brief: Brief) -> Iterator[Message]:
    yield Message("system", (TextPart(brief.instruction),))
    for shot in brief.shots:
        yield _shown(shot)
        yield Message("assistant", (TextPart(shot.answer or ""),))
    yield _shown(brief.query)


def _shown(shot: Shot) -> Message:
    parts: tuple[Part, ...] = shot.media
    if shot.text.strip():
        parts += (TextPart(field("Input", shot.text)),)
    return Message("user", parts)
