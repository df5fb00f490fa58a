"""Reading a prompt back from the messages that carry it: what offline and simulated models see.

Every built-in dialect is understood but `collage`, whose pictures are one. `chat` and `text` show an input in a user
turn and its answer in the assistant turn after it; in the others one user turn holds demonstrations that end with an
answer field, `Answer: ...`, `Output: ...` or `Answer Choice: ...`. Fields are those that the dialects write: a name at
the margin, further lines of the value indented by two spaces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...domain.errors import ModelRefused
from ...domain.messages import ImagePart, Message, Part, TextPart

_LABELS = "Labels: "
#: What stands for an image or a sound in the text of `flamingo`, and what ends its demonstrations.
_TOKENS = re.compile(r"(?:<image>|<audio>)+")
_END = "<|endofchunk|>"
_ESCAPED = re.compile(r"<\\(\\*)(image>|audio>|\|endofchunk\|>)")
#: The last line of a turn that asks for the answer field.
_ASKING = re.compile(rf"(?:{_TOKENS.pattern})?(Answer|Output|Answer Choice)(?: \d+)?:")
_FIELD = re.compile(r"(Input|Question|Choices|Image|Intent)(?: \d+)?:(?: |$)")
#: Lines of `numbered` and `qwen` that only name what follows.
_HEADING = re.compile(r"(?:Example \d+|Query)(?:\n|$)")
_NAME = re.compile(r"(?:Image|Picture|Audio) \d+:")
_CONTACT = re.compile(r"Pictures: \d+(?:, \d+)*\n")


@dataclass(frozen=True, slots=True)
class Shot:
    """A demonstration or the query as a model sees it.

    Attributes:
        images: In the order shown.
        text: The input text without its field name, below a summary that stands for images; empty for none.
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
        ModelRefused: The last turn is not the user's, so nothing is asked; or demonstrations share contact images, as
            in the dialect `collage`.
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
    if cue := _cue(last):
        opening, last = _opening(last, cue)
        instruction += opening
        *blocks, query = _blocks([*shown, *_told(last, "\n".join(instruction))], cue)
        demonstrations += blocks
    else:
        query = _shot([*shown, *last])
    whole = "\n".join(instruction)
    return Reading(whole, _labels(whole), tuple(demonstrations), query)


def _cue(parts: Sequence[Part]) -> str | None:
    """The answer field of a user turn of the interleaved kind, which ends with that field, empty."""
    if not parts or not isinstance(parts[-1], TextPart):
        return None
    found = _ASKING.fullmatch(parts[-1].text.rstrip().split("\n")[-1])
    return found[1] if found else None


def _opening(parts: Sequence[Part], cue: str) -> tuple[list[str], Sequence[Part]]:
    first = parts[0]
    if isinstance(first, TextPart) and not _named(first.text) and _answered(first.text, cue) is None:
        return [first.text], parts[1:]
    return [], parts


def _told(parts: Iterable[Part], instruction: str) -> list[Part]:
    """The parts that show something: without names of what follows, and without the instruction said again."""
    kept: list[Part] = []
    for part in parts:
        if isinstance(part, TextPart):
            if _CONTACT.match(part.text):
                raise ModelRefused(
                    "the demonstrations share contact images and cannot be told apart",
                    field="messages",
                    value="collage",
                    mend="Use another dialect, such as interleaved, or ask a vision-language model",
                )
            repeated = part.text.startswith("Instruction: ") and _plain(
                _value(part.text.split("\n"))
            ) == _plain(instruction)
            if repeated or _named(part.text):
                continue
        kept.append(part)
    return kept


def _named(text: str) -> bool:
    """Whether a text only names the part after it."""
    rest = _HEADING.sub("", text, count=1) if _HEADING.match(text) else text
    return bool(text) and (not rest or _NAME.fullmatch(rest) is not None)


def _blocks(parts: Iterable[Part], cue: str) -> list[Shot]:
    """One shot for each part that ends with an answer field; the last one is the query."""
    shots: list[Shot] = []
    shown: list[Part] = []
    for part in parts:
        found = _answered(part.text, cue) if isinstance(part, TextPart) else None
        if found is None:
            shown.append(part)
            continue
        text, answer = found
        shot = _shot([*shown, TextPart(text)], answer=answer)
        shots.append(_unescaped(shot) if cue == "Output" else shot)
        shown = []
    query = shots[-1]
    return [*shots[:-1], Shot(query.images, query.text)]


def _answered(text: str, cue: str) -> tuple[str, str] | None:
    """A text part as what stands before its last answer field, and the answer."""
    if cue == "Output":
        text = text[found.end() :] if (found := _TOKENS.match(text)) else text
        text = text.rstrip().removesuffix(_END)
    elif heading := _HEADING.match(text):
        text = text[heading.end() :]
    field = re.compile(rf"{cue}(?: \d+)?:(?: |$)")
    lines = text.rstrip().split("\n")
    for at in range(len(lines) - 1, -1, -1):
        if field.match(lines[at]):
            return "\n".join(lines[:at]), _value(lines[at:])
    return None


def _unescaped(shot: Shot) -> Shot:
    answer = None if shot.answer is None else _ESCAPED.sub(r"<\1\2", shot.answer)
    return Shot(shot.images, _ESCAPED.sub(r"<\1\2", shot.text), answer)


def _shot(parts: Sequence[Part], answer: str | None = None) -> Shot:
    text = _input(_text(parts).strip())
    images = tuple(part for part in parts if isinstance(part, ImagePart))
    return Shot(images, _plain(text), None if answer is None else _plain(answer))


def _input(text: str) -> str:
    """The values of the fields that show an input, below each other; a text without fields as it is."""
    if not _FIELD.match(text):
        return text
    fields: list[list[str]] = []
    for line in text.split("\n"):
        if _FIELD.match(line):
            fields.append([])
        fields[-1].append(line)
    return "\n".join(_plain(_value(lines)) for lines in fields if not lines[0].startswith("Choices"))


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
