"""Asking for a further example, and reading what came."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ...domain.errors import InvalidInput
from ...domain.examples import Example, Pool, normal_text
from ...domain.media import Media
from ...domain.messages import MediaPart, Message, Part, Reply, TextPart
from ...domain.names import check_text
from ...domain.scoring import canonical_json, digest
from ...prompts.dialects.fields import field
from ...prompts.instruction import instruction
from ...prompts.parsing import parse, task_of
from ...prompts.parsing.jsons import first_json
from .flags import SYNTHETIC
from .sources import Draw, Mode, input_key, whole_key

Show = Callable[[Media], MediaPart]
Reason = Literal[
    "refused", "empty", "cut off", "unreadable", "no answer to the task", "gives the answer away", "a copy"
]
"""Why a reply is no candidate."""

_ABOUT = (
    "You help to extend a set of solved examples. You see the task and some of the set. {what} Keep to the style, "
    "language, length and difficulty of the examples you see, and repeat none of them. "
    "Reply with one JSON object and nothing else: {form}"
)
_BOTH = '{"input": "...", "answer": "..."}'
_ASKS: Mapping[Mode, tuple[str, str]] = {
    "rewording": (
        "Put the input of the last example in other words, so that its answer stays exactly as right as it is, and "
        "do not give the answer away.",
        '{"input": "..."}',
    ),
    "question": (
        "Write a new input about the images and sounds of the last example, other than the one it has, and the right "
        "answer to it. The answer must follow from what can be seen and heard.",
        _BOTH,
    ),
    "caption": (
        "Write another answer for the last example: as true of what can be seen and heard, in other words.",
        '{"answer": "..."}',
    ),
    "item": (
        "Write a wholly new example: an input that is not among them, and the right answer to it.",
        _BOTH,
    ),
}
_WANTED: Mapping[Mode, tuple[str, ...]] = {
    "rewording": ("input",),
    "question": ("input", "answer"),
    "caption": ("answer",),
    "item": ("input", "answer"),
}
_CUT = ("length", "max_tokens")
_REFUSING = re.compile(
    r"\W*(?:i['’]?m sorry|sorry\b|i (?:can(?:['’]t|not)|am unable|am not able|won['’]t|must decline)|as an ai\b)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An example that a model made up.

    Attributes:
        number: Of its draw.
        example: As it would be stored, but for what is told of its making.
        sources: Ids of the real examples that the model saw, the one it is made from first.
        score: Its quality from 1 to 5, the mean of all judgements; 0 as long as there is none.
    """

    number: int
    example: Example
    sources: tuple[str, ...]
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked in a pool, as prompts say it, and what counts as an answer."""

    pool: Pool
    labels: tuple[str, ...]

    @property
    def text(self) -> str:
        """As every prompt begins."""
        return instruction(self.pool, self.labels if self.pool.kind == "classification" else ())

    def answer(self, said: str) -> str | None:
        """An answer in one spelling; None for what is none."""
        found = parse(said, task_of(self.pool)).answer
        if found is None or not self.pool.labels:
            return found or None
        same = [label for label in self.pool.labels if normal_text(label) == normal_text(found)]
        return same[0] if same else None


def write_request(draw: Draw, task: Task, show: Show) -> tuple[Message, ...]:
    """Ask for one candidate."""
    what, form = _ASKS[draw.mode]
    parts: list[Part] = [TextPart(field("Task", task.text))]
    for number, example in enumerate((*draw.beside, draw.source), start=1):
        parts += [TextPart(f"Example {number}:"), *solved(example, show)]
    system = _ABOUT.replace("{what}", what).replace("{form}", form)
    return Message("system", (TextPart(system),)), Message("user", tuple(parts))


def solved(example: Example, show: Show) -> tuple[Part, ...]:
    """An example with its answer, as models see it here."""
    lines = [field("Input", example.text.strip())] if example.text.strip() else []
    lines.append(field("Answer", example.answer.strip() or ", ".join(example.labels)))
    return (*(show(part) for part in example.media), TextPart("\n".join(lines)))


def read_candidate(reply: Reply, draw: Draw, task: Task) -> Candidate | Reason:
    """The candidate in a reply, or why there is none. Nothing is guessed."""
    if reply.finish_reason in _CUT:
        return "cut off"
    if reply.finish_reason == "content_filter" or any("refused" in note for note in reply.notes):
        return "refused"
    if not reply.text.strip():
        return "empty"
    found = first_json(reply.text)
    if found is None:
        return "refused" if _REFUSING.match(reply.text) else "unreadable"
    said: dict[str, str] = {}
    for name in _WANTED[draw.mode]:
        value = _text(found.value.get(name))
        if value is None:
            return "unreadable"
        if not value:
            return "empty"
        said[name] = value
    return _candidate(draw, task, said)


def _candidate(draw: Draw, task: Task, said: Mapping[str, str]) -> Candidate | Reason:
    source = draw.source
    text, answer, labels = said.get("input", source.text), source.answer, source.labels
    if "answer" in said:
        read = task.answer(said["answer"])
        if read is None:
            return "no answer to the task"
        answer, labels = read, (read,) if source.labels and task.pool.labels else ()
    elif _tells(text, source):
        return "gives the answer away"
    media = () if draw.mode == "item" else source.media
    content = {
        "media": [part.sha256 for part in media],
        "text": text,
        "answer": answer,
        "labels": list(labels),
    }
    example = Example(
        id=f"{SYNTHETIC}-{digest(content)[:16]}",
        media=media,
        text=text,
        answer=answer,
        labels=labels,
        group=source.group,
        split="train",
        tags=(SYNTHETIC,),
    )
    return Candidate(draw.number, example, tuple(one.id for one in draw.shown))


def without_copies(
    found: Sequence[Candidate | Reason],
    modes: Sequence[Mode],
    inputs: Collection[tuple[str, ...]],
    wholes: Collection[tuple[str, ...]],
) -> list[Candidate | Reason]:
    """The same with candidates marked that repeat a real example or a candidate before them.

    Captions may share their input, all others not even that.

    Args:
        found: By number.
        modes: What is new in each.
        inputs: Keys of the inputs of all real examples.
        wholes: Keys of the same with their answers.
    """
    before: set[tuple[str, ...]] = set()
    checked: list[Candidate | Reason] = []
    for one, mode in zip(found, modes, strict=True):
        if isinstance(one, Candidate):
            key, real = (
                (whole_key(one.example), wholes) if mode == "caption" else (input_key(one.example), inputs)
            )
            if key in real or key in before:
                checked.append("a copy")
                continue
            before.add(key)
        checked.append(one)
    return checked


def scored(candidate: Candidate, score: float) -> Candidate:
    """The candidate with its score."""
    return replace(candidate, score=score)


def _text(value: Any) -> str | None:
    """What a JSON value says; None for nothing that could be stored."""
    if value is None:
        return None
    text = value if isinstance(value, str) else canonical_json(value).decode()
    try:
        check_text("reply", text)
    except InvalidInput:
        return None
    return text.strip()


def _tells(text: str, source: Example) -> bool:
    """Whether a rewording says a label that the source's input does not."""

    def says(where: str, label: str) -> bool:
        return bool(re.search(rf"(?<!\w){re.escape(normal_text(label))}(?!\w)", normal_text(where)))

    return any(says(text, label) and not says(source.text, label) for label in source.labels)
