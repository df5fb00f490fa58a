"""The interleaved dialect: demonstrations and query in one user turn, as in Flamingo (Alayrac et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterator

from ...domain.messages import Message, Part, TextPart
from . import Brief, Shot
from .fields import field


class Interleaved:
    """One user turn in which images and texts alternate.

    The instruction is the system message. Each demonstration is its images, then one text part: `Input: <text>`
    where there is a text, and `Answer: <answer>`. The query comes last and ends with a bare `Answer:`.
    """

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """One system message and one user turn."""
        shots = (*brief.shots, brief.query)
        return (
            Message("system", (TextPart(brief.instruction),)),
            Message("user", tuple(part for shot in shots for part in _shown(shot))),
        )


def _shown(shot: Shot) -> Iterator[Part]:
    yield from shot.media
    lines = [field("Input", shot.text)] if shot.text.strip() else []
    lines.append("Answer:" if shot.answer is None else field("Answer", shot.answer))
    yield TextPart("\n".join(lines))
