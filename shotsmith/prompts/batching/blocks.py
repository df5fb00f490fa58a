"""Reading numbered answers: each query's own, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ...domain.examples import normal_text
from .layout import PLACEHOLDER

State = Literal["answered", "missing", "mismatched"]

_MARK = re.compile(
    r"[\[［【]\s{0,3}(?P<end>/|\\|end\b)?\s{0,3}(?:(?:answer|question|q|no\.?|#)\s{0,3})?"
    r"(?:(?P<number>\d{1,3})[\s.:)|#,-]{1,3})?(?:tag\s{1,3})?(?P<tag>[^\W\d_]{4})\s{0,3}[\]］】]",
    re.IGNORECASE,
)
# What is left of a damaged mark.
_DEBRIS = re.compile(
    r"[\[［【]\s*[/\\]|[\[［【]\s*\d{1,3}\s+\w{1,8}\s*(?:[\]］】]|$|\s)|(?:^|\s)/?\d{1,3}\s+\w{1,8}[\]］】]"
)
_DRESS = "*_`"


@dataclass(frozen=True, slots=True)
class Block:
    """What a reply says to one question.

    Attributes:
        state: "answered"; "missing" when no whole block is there; "mismatched" when a mark contradicts itself or
            another one, so that nobody can say whose answer it is.
        text: The answer; empty unless answered.
        why: What is wrong, for people; empty when answered.
    """

    state: State
    text: str = ""
    why: str = ""


class _Mark(NamedTuple):
    """A mark in a reply: the questions that its number and its tag name, from 0; None for none."""

    ends: bool
    number: int | None
    tag: int | None
    start: int
    end: int

    @property
    def question(self) -> int | None:
        """The question it names; None when number and tag do not belong together, or one is unknown."""
        return self.tag if self.number == self.tag else None


def read_blocks(text: str, tags: Sequence[str], *, one_line: bool = True) -> tuple[Block, ...]:
    """What a reply says to each question, in the order of the tags.

    A block counts when its start and its end carry the same known tag and the number that belongs to it. Marks may be
    dressed in Markdown, capitals or other brackets, blocks may come in any order with any text between them. A block
    twice counts when both say the same. All else is missing or mismatched: another number or none, a mark inside a
    block, debris of a mark, an end without a start.

    An answer of several lines may have swallowed its neighbour's, and so may one that shares its line with another.
    Where an answer fits on one line, several lines are not taken; and as soon as any block is not whole, neither is.

    Args:
        text: The reply.
        tags: The tag of each question, as `tags_of` gave them.
        one_line: Whether an answer fits on one line.
    """
    marks = list(_marks(text, tags))
    found, wrong, cut = _matched(marks, len(tags))
    blocks = [
        Block("mismatched", why=wrong[question])
        if question in wrong
        else Block("missing", why="cut off")
        if question == cut
        else _block([text[span.start : span.end] for span in spans], tags, one_line=one_line)
        for question, spans in enumerate(found)
    ]
    if all(block.state == "answered" for block in blocks):
        return tuple(blocks)
    lines = [text.count("\n", 0, mark.start) for mark in marks]
    for question, block in enumerate(blocks):
        if block.state == "answered" and not _alone(block, found[question], text, lines):
            blocks[question] = Block(
                "mismatched", why="not on a line of its own, where another block is not whole"
            )
    return tuple(blocks)


class _Span(NamedTuple):
    """Where the text of a block stands, between its marks."""

    start: int
    end: int


def _matched(marks: Sequence[_Mark], count: int) -> tuple[list[list[_Span]], dict[int, str], int | None]:
    """The blocks of each question, what is wrong with some, and the question whose block is open at the end."""
    found: list[list[_Span]] = [[] for _ in range(count)]
    wrong: dict[int, str] = {}
    opened: _Mark | None = None

    def spoil(why: str, *questions: int | None) -> None:
        for question in questions:
            if question is not None:
                wrong.setdefault(question, why)

    for mark in marks:
        if mark.question is None:
            spoil(
                "a mark whose number and tag do not belong together",
                mark.number,
                mark.tag,
                opened and opened.tag,
            )
            opened = None
        elif not mark.ends:
            if opened is not None:
                spoil("a block that does not end", opened.tag)
            opened = mark
        elif opened is None or opened.tag != mark.tag:
            spoil("a block that ends as another", mark.tag, opened and opened.tag)
            opened = None
        else:
            found[mark.question].append(_Span(opened.end, mark.start))
            opened = None
    return found, wrong, opened.tag if opened else None


def _block(blocks: Sequence[str], tags: Sequence[str], *, one_line: bool) -> Block:
    answers = [answer for block in blocks if not _is_form(answer := _bare(block))]
    if not answers:
        return Block("missing", why="no block")
    if len({normal_text(answer) for answer in answers}) > 1:
        return Block("mismatched", why="two different answers")
    answer = answers[0]
    if not answer:
        return Block("missing", why="an empty block")
    if _damaged(answer, tags):
        return Block("mismatched", why="a damaged mark within")
    if one_line and len(answer.splitlines()) > 1:
        return Block("mismatched", why="several lines where one was asked for")
    return Block("answered", answer)


def _alone(block: Block, spans: Sequence[_Span], text: str, lines: Sequence[int]) -> bool:
    """Whether an answer is one line, and no mark but its block's own stands on the lines of its block."""
    if len(block.text.splitlines()) > 1:
        return False
    taken = [text.count("\n", 0, place) for span in spans for place in (span.start, span.end)]
    return all(lines.count(line) == taken.count(line) for line in set(taken))


def _marks(text: str, tags: Sequence[str]) -> Iterator[_Mark]:
    known = {tag: question for question, tag in enumerate(tags)}
    for match in _MARK.finditer(text):
        tag = known.get(match["tag"].casefold())
        numbered = match["number"] is not None
        if tag is None and not numbered and not match["end"]:
            continue  # a word in brackets
        number = int(match["number"]) - 1 if numbered else None
        if number is not None and not 0 <= number < len(tags):
            number = None
        yield _Mark(bool(match["end"]), number, tag, match.start(), match.end())


def _damaged(answer: str, tags: Sequence[str]) -> bool:
    words = set(re.findall(r"[^\W\d_]+", answer.casefold()))
    return bool(_DEBRIS.search(answer)) or not words.isdisjoint(tags)


def _bare(block: str) -> str:
    """Without the emphasis that a mark's own dress leaves on both sides."""
    text = block.strip()
    dress = text[: len(text) - len(text.lstrip(_DRESS))]
    if dress and text.endswith(dress) and len(text) > 2 * len(dress):
        return text[len(dress) : -len(dress)].strip()
    return text


def _is_form(answer: str) -> bool:
    """Whether it is the form as it was shown, repeated before the answers."""
    return re.fullmatch(rf"{PLACEHOLDER} \d+", answer) is not None
