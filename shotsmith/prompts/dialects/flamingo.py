"""The flamingo dialect: the text format of OpenFlamingo (Awadalla et al. 2023, arXiv 2308.01390)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field

from ...domain.messages import ImagePart, MediaPart, Message, Part, TextPart
from .base import Brief, DialectBase, Shot
from .fields import field

_TOKEN = re.compile(r"<(\\*)(image>|audio>|\|endofchunk\|>)")


class Flamingo(DialectBase):
    r"""One user turn of `<image>Output: ...<|endofchunk|>`, for models trained on that format.

    The instruction is the system message. A demonstration is its images, then one text part: `<image>` for each,
    `Input: <text>` where there is a text, and `Output: <answer><|endofchunk|>`; the query ends with a bare `Output:`.
    The same tokens inside a text or an answer get a backslash, as in `<\image>`, so that they end nothing.
    """

    tokens: bool = Field(
        True,
        description="Whether <image> is written; false for servers that put their own where an image stands.",
    )

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """One system message and one user turn."""
        shots = (*brief.shots, brief.query)
        return (
            Message("system", (TextPart(brief.instruction),)),
            Message("user", tuple(part for shot in shots for part in self._shown(shot))),
        )

    def _shown(self, shot: Shot) -> Iterator[Part]:
        yield from shot.media
        lines = [field("Input", _guarded(shot.text))] if shot.text.strip() else []
        if shot.answer is None:
            lines.append("Output:")
        else:
            lines.append(field("Output", _guarded(shot.answer)) + "<|endofchunk|>")
        opening = "".join(map(_token, shot.media)) if self.tokens else ""
        yield TextPart(opening + "\n".join(lines))


def _token(part: MediaPart) -> str:
    return "<image>" if isinstance(part, ImagePart) else "<audio>"


def _guarded(text: str) -> str:
    return _TOKEN.sub(r"<\\\1\2", text)
