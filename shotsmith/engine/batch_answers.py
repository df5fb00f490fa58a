"""What asking many queries at once gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Self

from ..domain.examples import Query
from ..domain.messages import Reply
from ..domain.selections import Prompt, Selection
from ..prompts.parsing import Parsed, Tally, tally


class Share(NamedTuple):
    """A query's part of what its calls took: of a batch of q, one q-th. None where a provider does not say.

    Answers out of the ledger cost nothing.
    """

    calls: float = 0.0
    input_tokens: float | None = 0.0
    output_tokens: float | None = 0.0
    cached_tokens: float | None = 0.0
    cost_usd: float | None = 0.0

    @classmethod
    def of(cls, reply: Reply, count: int = 1) -> Self:
        """One of `count` parts of what a reply took."""
        usage = reply.usage
        numbers = (
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_tokens,
            0.0 if reply.from_ledger else reply.cost_usd,
        )
        return cls(1 / count, *(None if number is None else number / count for number in numbers))

    def plus(self, other: Share) -> Share:
        """Both together; unknown where one is."""
        sums = (None if a is None or b is None else a + b for a, b in zip(self, other, strict=True))
        return Share(*sums)  # type: ignore[arg-type]


_NOTHING = Share()


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What became of one query.

    Attributes:
        query: What was asked.
        parsed: The answer that was read; without one it counts as wrong.
        batch: Id of its first batch.
        how: In a batch, alone, or not at all.
        attempts: Calls that it was part of.
        text: What the model last said to it: its block, or the whole reply where it had none or was asked alone.
        trail: What happened in each attempt, for people.
        share: Its part of what the calls took.
        selection: The demonstrations it was last shown; None when no prompt could be built.
        prompt: The prompt it was last part of.
    """

    query: Query
    parsed: Parsed
    batch: str
    how: Literal["batch", "alone", "failed"] = "failed"
    attempts: int = 0
    text: str = ""
    trail: tuple[str, ...] = ()
    share: Share = _NOTHING
    selection: Selection | None = None
    prompt: Prompt | None = None

    def after(
        self,
        what: str,
        selection: Selection | None,
        prompt: Prompt | None,
        *,
        share: Share = _NOTHING,
        called: bool = True,
    ) -> BatchAnswer:
        """This, after another attempt."""
        return replace(
            self,
            attempts=self.attempts + called,
            trail=(*self.trail, what),
            share=self.share.plus(share),
            selection=selection or self.selection,
            prompt=prompt or self.prompt,
        )

    def ended(self, how: Literal["batch", "alone"]) -> BatchAnswer:
        """This, when nothing more is tried."""
        return replace(self, how=how if self.parsed.answer is not None else "failed")


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of all queries.

    Attributes:
        answers: In the order in which they were asked.
        total: What all calls took.
        tally: How answers were read, with the raw text of those that were not; items are places in `answers`, from 0.
    """

    answers: tuple[BatchAnswer, ...]
    total: Share
    tally: Tally

    @classmethod
    def of(cls, answers: Sequence[BatchAnswer]) -> Self:
        """From what became of each."""
        total = Share()
        for answer in answers:
            total = total.plus(answer.share)
        read = tally((str(place), one.text, one.parsed) for place, one in enumerate(answers))
        return cls(tuple(answers), total, read)
