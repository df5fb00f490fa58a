"""The text dialect: summaries in place of the demonstrations' images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from ...domain.messages import ImagePart, Message, Part, TextPart
from .base import Brief, DialectBase, Shot, SummaryKind
from .fields import field

#: Stands for a summary that nobody made.
UNKNOWN = "(not shown)"


class Text(DialectBase):
    """Turns as in `chat`, with a summary in place of each demonstration's images; the query keeps its own.

    A caption says what the images show, `Image: ...`; an intent summary what of it leads to the answer, `Intent: ...`
    (VICL, Zhou et al. 2024, arXiv 2402.11574). A model makes each summary once.
    """

    summary: Literal["caption", "intent"] = Field(
        "caption", description="What stands in place of a demonstration's images."
    )
    everything: bool = Field(
        False,
        description="Whether the query's images are replaced as well: always by a caption, for an intent summary is "
        "written with the answer.",
    )

    @property
    def shot_summary(self) -> SummaryKind | None:
        """As the option says."""
        return self.summary

    @property
    def query_summary(self) -> SummaryKind | None:
        """A caption where everything is text."""
        return "caption" if self.everything else None

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """One system message, two turns a demonstration and one for the query."""
        return tuple(self._turns(brief))

    def _turns(self, brief: Brief) -> Iterator[Message]:
        yield Message("system", (TextPart(brief.instruction),))
        for shot in brief.shots:
            yield _shown(shot, self.shot_summary)
            yield Message("assistant", (TextPart(shot.answer or ""),))
        yield _shown(brief.query, self.query_summary)


def _shown(shot: Shot, summary: SummaryKind | None) -> Message:
    parts: tuple[Part, ...] = shot.media
    lines = []
    if summary:
        parts = tuple(part for part in shot.media if not isinstance(part, ImagePart))
        told = shot.summary.strip()
        if told or len(parts) < len(shot.media):
            lines.append(field("Image" if summary == "caption" else "Intent", told or UNKNOWN))
    if shot.text.strip():
        lines.append(field("Input", shot.text))
    return Message("user", (*parts, TextPart("\n".join(lines))) if lines else parts)
