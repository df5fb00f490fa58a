"""The numbered and qwen dialects: one user turn in which images carry numbers."""

from __future__ import annotations

from collections.abc import Iterator

from ...domain.messages import ImagePart, MediaPart, Message, Part, TextPart
from .base import Brief, DialectBase
from .fields import block


class Numbered(DialectBase):
    """One user turn with headings: `Example 1`, `Image 1:` and so on, and `Query` before what is asked.

    Images, and sounds apart from them, are counted through the whole prompt, so that an input text can speak of
    "Image 3". Numbers only grow, so what comes later changes none.
    """

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """One system message and one user turn."""
        headings = [*(f"Example {number}" for number in range(1, len(brief.shots) + 1)), "Query"]
        return _turns(brief, headings, "Image")


class Qwen(DialectBase):
    """One user turn with `Picture 1:` before each image, as Qwen-VL is trained to read several images.

    After the images of a demonstration come its text and its answer as in `interleaved`; sounds are `Audio 1:` and so
    on. Format: Bai et al. 2023 (arXiv 2308.12966); the image itself stands where Qwen-VL writes `<img>`.
    """

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """One system message and one user turn."""
        return _turns(brief, [""] * (len(brief.shots) + 1), "Picture")


class _Counter:
    """Names media one after the other, images and sounds apart."""

    def __init__(self, image: str) -> None:
        self._image = image
        self._seen: dict[str, int] = {}

    def name(self, part: MediaPart) -> str:
        kind = self._image if isinstance(part, ImagePart) else "Audio"
        self._seen[kind] = self._seen.get(kind, 0) + 1
        return f"{kind} {self._seen[kind]}:"


def _turns(brief: Brief, headings: list[str], image: str) -> tuple[Message, ...]:
    return (
        Message("system", (TextPart(brief.instruction),)),
        Message("user", tuple(_parts(brief, headings, image))),
    )


def _parts(brief: Brief, headings: list[str], image: str) -> Iterator[Part]:
    counter = _Counter(image)
    for shot, heading in zip((*brief.shots, brief.query), headings, strict=True):
        above = [heading] if heading else []
        for part in shot.media:
            yield TextPart("\n".join([*above, counter.name(part)]))
            yield part
            above = []
        yield TextPart(block(shot, *above))
