"""The manyicl dialect: the prompt of "Many-Shot In-Context Learning in Multimodal Foundation Models" (2024)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from ...domain.messages import Message, Part, TextPart
from .base import Brief, DialectBase, Shot
from .fields import field


class ManyIcl(DialectBase):
    """One user turn without a system message: `Question`, `Choices` and `Answer Choice`, the query's numbered.

    The instruction opens the turn. Each demonstration is its images and one text part. The query's fields are
    `Question 1`, `Choices 1` and a bare `Answer Choice 1:`, as where several questions share a prompt. Layout of
    arXiv 2405.09798; where it asks for a template to be filled in, this one leaves the answer to be written.
    """

    choices: Literal["every", "query", "none"] = Field(
        "every",
        description="Where the label space is told again: with every demonstration as in the paper, with the query "
        "alone, or nowhere.",
    )

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """One user turn."""
        return (Message("user", tuple(self._parts(brief))),)

    def _parts(self, brief: Brief) -> Iterator[Part]:
        listed = json.dumps(brief.labels, ensure_ascii=False) if brief.labels else ""
        yield TextPart(brief.instruction)
        for shot in brief.shots:
            yield from shot.media
            yield TextPart(_block(shot, listed if self.choices == "every" else "", ""))
        yield from brief.query.media
        yield TextPart(_block(brief.query, "" if self.choices == "none" else listed, " 1"))


def _block(shot: Shot, choices: str, number: str) -> str:
    lines = [field(f"Question{number}", shot.text)] if shot.text.strip() else []
    if choices:
        lines.append(field(f"Choices{number}", choices))
    answer = f"Answer Choice{number}"
    lines.append(f"{answer}:" if shot.answer is None else field(answer, shot.answer))
    return "\n".join(lines)
