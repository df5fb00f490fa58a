"""Several queries as numbered questions in the last turn, behind demonstrations in any dialect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...domain.errors import InvalidInput, InvalidParameter
from ...domain.examples import Query
from ...domain.messages import Message, Part, TextPart
from ..dialects import Brief, Dialect, Shot, SummaryKind
from ..dialects.fields import field

# Stands where the questions go; no text that people write holds it.
_HERE = "\N{OBJECT REPLACEMENT CHARACTER}questions\N{OBJECT REPLACEMENT CHARACTER}"
_NAME = re.compile(r"[^\n:]{0,40}:[ \t]*")

PLACEHOLDER = "answer to question"


def batch_prompt(
    brief: Brief, questions: Sequence[Shot], tags: Sequence[str], dialect: Dialect, *, one_line: bool = True
) -> tuple[Message, ...]:
    """The messages that ask several questions at once.

    Instruction and demonstrations are laid out by the dialect, to the byte as for one query, so that caches keep them
    for both. What the dialect would put around a query gives way to the questions: number and tag, media,
    `Input: ...` where there is a text; then the form of the answers, a block for each.

    Args:
        brief: Instruction, demonstrations and labels; its query is not shown.
        questions: What is asked, at least one.
        tags: One for each.
        dialect: Lays out the demonstrations.
        one_line: Whether an answer fits on one line.

    Raises:
        InvalidInput: Not as many tags as questions, or no question.
        InvalidParameter: The dialect does not show a query's text in the last user turn, or puts a query's images into
            words.
    """
    if not questions or len(tags) != len(questions):
        raise InvalidInput("every question needs a tag", field="tags", value=len(tags))
    if getattr(dialect, "query_summary", None) and any(question.media for question in questions):
        raise _unable(dialect, "puts the query's images into words")
    *before, last = dialect.render(replace(brief, query=Shot(text=_HERE)))
    place = next(
        (
            number
            for number, part in enumerate(last.parts)
            if last.role == "user" and isinstance(part, TextPart) and _HERE in part.text
        ),
        None,
    )
    if place is None:
        raise _unable(dialect, "does not show a query's text in the last turn")
    part = last.parts[place]
    assert isinstance(part, TextPart)
    above = _above(part.text)
    parts = (
        *last.parts[:place],
        *((TextPart(above),) if above else ()),
        *_asked(questions, tags, one_line=one_line, shown=bool(brief.shots)),
    )
    return (*before, Message(last.role, parts))


def together(queries: Sequence[Query], tags: Sequence[str]) -> Query:
    """Several queries as one: all media in order, and the texts as numbered fields."""
    lines = [
        field(f"Question {number} ({tag})", query.text.strip())
        for number, (query, tag) in enumerate(zip(queries, tags, strict=True), start=1)
    ]
    return Query(tuple(part for query in queries for part in query.media), "\n".join(lines))


@dataclass(frozen=True, slots=True)
class BatchDialect:
    """A dialect that shows the queries of `together` as questions; any other query as the dialect inside does.

    Attributes:
        inner: Lays out the demonstrations.
        queries: What is asked.
        tags: One for each.
        one_line: Whether an answer fits on one line.
    """

    inner: Dialect
    queries: tuple[Query, ...]
    tags: tuple[str, ...]
    one_line: bool = True

    @property
    def merges(self) -> bool:
        """As the dialect inside."""
        return bool(getattr(self.inner, "merges", False))

    @property
    def shot_summary(self) -> SummaryKind | None:
        """As the dialect inside."""
        found: SummaryKind | None = getattr(self.inner, "shot_summary", None)
        return found

    @property
    def query_summary(self) -> SummaryKind | None:
        """None: `batch_prompt` refuses dialects that want one for a query with images."""
        return None

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """As `batch_prompt`.

        Raises:
            InvalidParameter: As there.
            InvalidInput: The queries' media are not those of `together`, one part each.
        """
        asked = together(self.queries, self.tags)
        if brief.query.text != asked.text.strip():
            return self.inner.render(brief)
        if len(brief.query.media) != len(asked.media):
            raise InvalidInput(
                "nobody can say which question each medium belongs to",
                field="query.media",
                value=len(brief.query.media),
                mend="Give every query its media as they are shown, videos as their pictures",
            )
        media = iter(brief.query.media)
        questions = [
            Shot(tuple(next(media) for _ in query.media), query.text.strip()) for query in self.queries
        ]
        return batch_prompt(brief, questions, self.tags, self.inner, one_line=self.one_line)


def _asked(questions: Sequence[Shot], tags: Sequence[str], *, one_line: bool, shown: bool) -> Iterator[Part]:
    several = f"{len(questions)} questions follow" if len(questions) > 1 else "One question follows"
    as_shown = ", as in the examples above" if shown else ""
    yield TextPart(f"{several}. Each stands on its own: answer each by itself{as_shown}.")
    for number, (question, tag) in enumerate(zip(questions, tags, strict=True), start=1):
        yield TextPart(f"Question {number} (tag {tag}):")
        yield from question.media
        if question.text.strip():
            yield TextPart(field("Input", question.text))
    lines = "each on one line" if one_line else "an answer may take several lines"
    form = "\n".join(
        f"[{number} {tag}] {PLACEHOLDER} {number} [/{number} {tag}]"
        for number, tag in enumerate(tags, start=1)
    )
    yield TextPart(
        f"Answer with one block for each question, {lines}. Copy the marks with number and tag exactly, and write "
        f"nothing before, between or after the blocks:\n{form}"
    )


def _above(text: str) -> str:
    """What a dialect writes above the query's text, such as a heading, without the name of the text's field."""
    above = text[: text.rindex(_HERE)]
    lines, _, line = above.rpartition("\n")
    return lines if _NAME.fullmatch(line) or not line else above


def _unable(dialect: Dialect, why: str) -> InvalidParameter:
    return InvalidParameter(
        f"this dialect {why}, so it cannot hold several queries",
        field="dialect",
        value=type(dialect).__name__,
        mend="Use another dialect, or a batch size of 1",
    )
