"""Reading a prompt back from the messages that carry it: what offline and simulated models see.

Both built-in dialects are understood: `chat` (a user turn shows an input, the assistant turn after it is the answer)
and `interleaved` (one user turn in which every demonstration ends with an `Answer: ...` field). Fields are those that
the dialects write: a name at the margin, further lines of the value indented by two spaces.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...domain.errors import ModelRefused
from ...domain.messages import ImagePart, Message, Part, TextPart

_LABELS = "Labels: "


@dataclass(frozen=True, slots=True)
class Shot:
    """A demonstration or the query as a model sees it.

    Attributes:
        images: In the order shown.
        text: The input text without its field name; empty for none.
        answer: A demonstration's answer; None for the query.
    """

    images: tuple[ImagePart, ...]
    text: str
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sequence of messages shows.

    Attributes:
        instruction: System turns, and a first text part of an interleaved turn that answers nothing.
        labels: The array on the instruction's `Labels: ` line; empty without one.
        demonstrations: In prompt order.
        query: The last user turn, or what is last in it.
    """

    instruction: str
    labels: tuple[str, ...]
    demonstrations: tuple[Shot, ...]
    query: Shot


def read(messages: Sequence[Message]) -> Reading:
    """Take messages apart into instruction, demonstrations and query.

    Raises:
        ModelRefused: The last turn is not the user's, so nothing is asked.
    """
    instruction = [_text(message.parts) for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    if not turns or turns[-1].role != "user":
        raise ModelRefused(
            "there is no query",
            field="messages",
            value=f"{len(messages)} messages",
            mend="End with a user turn",
        )
    demonstrations: list[Shot] = []
    shown: list[Part] = []
    for turn in turns[:-1]:
        if turn.role == "user":
            shown += turn.parts
        elif shown:
            demonstrations.append(_shot(shown, answer=_text(turn.parts)))
            shown = []
    last: Sequence[Part] = turns[-1].parts
    if _asks(last):
        opening, last = _opening(last)
        instruction += opening
        *blocks, query = _blocks([*shown, *last])
        demonstrations += blocks
    else:
        query = _shot([*shown, *last])
    whole = "\n".join(instruction)
    return Reading(whole, _labels(whole), tuple(demonstrations), query)


def _asks(parts: Sequence[Part]) -> bool:
    """Whether a user turn is of the interleaved kind: it ends with an empty answer field."""
    return (
        bool(parts)
        and isinstance(parts[-1], TextPart)
        and parts[-1].text.rstrip().split("\n")[-1] == "Answer:"
    )


def _opening(parts: Sequence[Part]) -> tuple[list[str], Sequence[Part]]:
    first = parts[0]
    if isinstance(first, TextPart) and _answered(first.text) is None:
        return [first.text], parts[1:]
    return [], parts


def _blocks(parts: Iterable[Part]) -> list[Shot]:
    """One shot for each part that ends with an answer field; the last one is the query."""
    shots: list[Shot] = []
    shown: list[Part] = []
    for part in parts:
        found = _answered(part.text) if isinstance(part, TextPart) else None
        if found is None:
            shown.append(part)
            continue
        text, answer = found
        shots.append(_shot([*shown, TextPart(text)], answer=answer))
        shown = []
    query = shots[-1]
    return [*shots[:-1], Shot(query.images, query.text)]


def _answered(text: str) -> tuple[str, str] | None:
    """A text part as what stands before its last answer field, and the answer."""
    lines = text.rstrip().split("\n")
    for at in range(len(lines) - 1, -1, -1):
        if lines[at] == "Answer:" or lines[at].startswith("Answer: "):
            return "\n".join(lines[:at]), _value(lines[at:])
    return None


def _shot(parts: Sequence[Part], answer: str | None = None) -> Shot:
    text = _text(parts).strip()
    if text.startswith("Input:"):
        text = _value(text.split("\n"))
    images = tuple(part for part in parts if isinstance(part, ImagePart))
    return Shot(images, _plain(text), None if answer is None else _plain(answer))


def _plain(value: str) -> str:
    """A value alike from every dialect: fields know one kind of line end, turns are verbatim."""
    return "\n".join(value.splitlines()).strip()


def _value(lines: Sequence[str]) -> str:
    first = lines[0].partition(":")[2].removeprefix(" ")
    return "\n".join([first, *(line.removeprefix("  ") for line in lines[1:])])


def _text(parts: Iterable[Part]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, TextPart) and part.text)


def _labels(instruction: str) -> tuple[str, ...]:
    """The last labels line counts: the instruction's author may have written one of their own above it."""
    for line in reversed(instruction.split("\n")):
        if line.startswith(_LABELS):
            try:
                labels = json.loads(line.removeprefix(_LABELS))
            except ValueError:
                continue
            if isinstance(labels, list) and all(isinstance(label, str) for label in labels):
                return tuple(labels)
    return ()
