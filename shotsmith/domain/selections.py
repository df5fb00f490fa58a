"""What a selection returns, and the prompt built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .examples import Example, Pool, Query
from .messages import Message
from .recipes import Recipe

RemovalReason = Literal["itself", "same content", "same group", "near-duplicate"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An example as a selector returns it, in rank order.

    Attributes:
        id: Example id.
        reason: Why it was chosen, for people.
        score: What it was ranked by; None where ranking is not by similarity.
        scores: Similarity by modality; a missing modality is absent, never zero.
        label: Its balancing label.
        flags: What the caller should know of how it came in, e.g. "no image: ranked by text instead".
    """

    id: str
    reason: str
    score: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    label: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demonstration:
    """An example chosen for a query's prompt.

    Attributes:
        example: The example itself.
        rank: 1 is the most useful one.
        position: 1 is shown first.
        reason: Why it was chosen.
        score: What it was ranked by.
        scores: Similarity by modality.
    """

    example: Example
    rank: int
    position: int
    reason: str
    score: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Removal:
    """An example that the leak guard kept out, and why."""

    id: str
    reason: RemovalReason


@dataclass(frozen=True, slots=True)
class Selection:
    """The demonstrations for one query, in prompt order.

    Attributes:
        pool: The pool as it was read.
        query: What was asked.
        recipe: How.
        demonstrations: In prompt order.
        eligible: How many examples could have been chosen.
        removed: What the leak guard kept out.
        flags: What the caller should know, e.g. "short: 3 of 8 ..." or a missing modality.
    """

    pool: Pool
    query: Query
    recipe: Recipe
    demonstrations: tuple[Demonstration, ...]
    eligible: int
    removed: tuple[Removal, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def short(self) -> bool:
        """Whether there are fewer demonstrations than asked for; zero-shot asks for none."""
        return len(self.demonstrations) < self.recipe.k and self.recipe.selector.name != "none"

    @property
    def by_rank(self) -> tuple[Demonstration, ...]:
        """The demonstrations, most useful first."""
        return tuple(sorted(self.demonstrations, key=lambda shot: shot.rank))


@dataclass(frozen=True, slots=True)
class Prompt:
    """The rendered messages and the manifest that explains and reproduces them."""

    messages: tuple[Message, ...]
    manifest: Mapping[str, Any]
