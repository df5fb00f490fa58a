"""Summaries that stand for a demonstration's images where prompts are text: what a model is asked, and how it is read.

A caption says what the images show; an intent summary says what of it leads to the answer (VICL, Zhou et al. 2024,
arXiv 2402.11574). The same item, pictures and answer make the same request, so that a call ledger answers the second
one for free.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..domain.errors import InvalidInput
from ..domain.examples import Example, Query
from ..domain.messages import MediaPart, Message, Part, TextPart
from .dialects import SummaryKind
from .dialects.fields import field

#: Sampling parameters under which a request is asked.
PARAMETERS: Mapping[str, Any] = {"temperature": 0}

_CAPTION = (
    "Describe what the images show in one to three plain sentences, so that somebody who cannot see them could tell "
    "them from similar ones: objects, their looks and their relations, and any text in them word for word. Say only "
    "what can be seen. Answer with the description alone."
)
_INTENT = (
    "You see the input of a solved task and its answer. Describe in one to three plain sentences what in the images "
    "leads to this answer, so that somebody who cannot see them could find it, and leave out what does not matter for "
    "it. Say only what can be seen. Answer with the description alone."
)
_WRAPPED = re.compile(r"\A([\"'`*_“«„]+)(.*?)([\"'`*_”»“]+)\Z")


def summary_request(
    item: Example | Query, kind: SummaryKind, pictures: Sequence[MediaPart], *, answer: str | None = None
) -> tuple[Message, ...]:
    """What a model is asked, to summarise the images of an item.

    A caption depends on the images alone: demonstrations and queries are told alike, and one image has one caption.

    Args:
        item: An example; for captions a query as well.
        kind: What is wanted.
        pictures: Its images as they are sent, at least one.
        answer: What an intent summary is written with, where it is not the example's own, such as a symbol for its
            label.

    Raises:
        InvalidInput: There is no image; or an intent summary is wanted of a query, which must never be made, or of an
            example without an answer.
    """
    if not pictures:
        raise InvalidInput("there is no image to summarise", field="media", mend="Show its text instead")
    if kind == "caption":
        return _asked(_CAPTION, pictures)
    if isinstance(item, Query):
        raise InvalidInput(
            "an intent summary is written with the answer, which a query does not have",
            field="summary",
            value=kind,
            mend="Use a caption for queries",
        )
    given = answer or item.answer.strip() or ", ".join(item.labels)
    if not given.strip():
        raise InvalidInput(
            "the example has no answer that a summary could lead to",
            field="answer",
            value=item.id,
            mend="Give it an answer, or use captions",
        )
    lines = [field("Input", item.text.strip())] if item.text.strip() else []
    return _asked(_INTENT, pictures, TextPart("\n".join([*lines, field("Answer", given)])))


def read_summary(reply: str) -> str:
    """A model's reply as one line, without quotes or emphasis around it.

    Raises:
        InvalidInput: It is blank.
    """
    line = " ".join(reply.split())
    if found := _WRAPPED.match(line):
        line = found[2].strip()
    if not line:
        raise InvalidInput(
            "the model summarised the images with nothing",
            field="summary",
            value=reply,
            mend="Name another model for summaries, or use a dialect that shows images",
        )
    return line


def _asked(instruction: str, pictures: Sequence[MediaPart], *text: Part) -> tuple[Message, ...]:
    return Message("system", (TextPart(instruction),)), Message("user", (*pictures, *text))
