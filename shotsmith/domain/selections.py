"""What a selection returns, and the prompt built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .examples import Example, Pool, Query
from .messages import Mark, Message
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
        stage: Which part of the recipe admitted it, e.g. "rices > mmr".
        fixed: Whether it belongs to a part that is the same for every query and stands first, so that caches keep it.
        bare: Whether it is shown without its images.
    """

    id: str
    reason: str
    score: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    label: str | None = None
    flags: tuple[str, ...] = ()
    stage: str = ""
    fixed: bool = False
    bare: bool = False


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
        stage: Which part of the recipe admitted it.
        fixed: Whether it belongs to the part that is the same for every query.
        bare: Whether it is shown without its images.
    """

    example: Example
    rank: int
    position: int
    reason: str
    score: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    stage: str = ""
    fixed: bool = False
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """An example that the leak guard kept out.

    Attributes:
        id: Example id.
        reason: Which rule kept it out.
        detail: By what it was recognised, e.g. "difference hashes differ in 2 of 64 bits".
    """

    id: str
    reason: RemovalReason
    detail: str = ""


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
        short: Whether there are fewer demonstrations than the recipe promises.
    """

    pool: Pool
    query: Query
    recipe: Recipe
    demonstrations: tuple[Demonstration, ...]
    eligible: int
    removed: tuple[Removal, ...] = ()
    flags: tuple[str, ...] = ()
    short: bool = False

    @property
    def by_rank(self) -> tuple[Demonstration, ...]:
        """The demonstrations, most useful first."""
        return tuple(sorted(self.demonstrations, key=lambda shot: shot.rank))


@dataclass(frozen=True, slots=True)
class Prompt:
    """The rendered messages and the manifest that explains and reproduces them.

    Attributes:
        messages: In order.
        manifest: Plain JSON.
        prefix: Where that ends which is the same for every query, so that caches may keep it; None where nothing is.
    """

    messages: tuple[Message, ...]
    manifest: Mapping[str, Any]
    prefix: Mark | None = None
