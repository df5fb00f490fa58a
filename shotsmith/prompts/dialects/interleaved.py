"""The interleaved dialect: demonstrations and query in one user turn, as in Flamingo (Alayrac et al. 2022)."""

from __future__ import annotations

from ...domain.messages import Message, TextPart
from .base import Brief, DialectBase
from .fields import block


class Interleaved(DialectBase):
    """One user turn in which images and texts alternate.

    The instruction is the system message. Each demonstration is its images, then one text part: `Input: <text>`
    where there is a text, and `Answer: <answer>`. The query comes last and ends with a bare `Answer:`.
    """

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """One system message and one user turn."""
        shots = (*brief.shots, brief.query)
        return (
            Message("system", (TextPart(brief.instruction),)),
            Message("user", tuple(part for shot in shots for part in (*shot.media, TextPart(block(shot))))),
        )
