"""What an augmentation is: how many examples, from what, and how they are judged."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ...domain.recipes import Frozen, ImageSpec, Whole
from ...domain.scoring import digest

RATERS = 30
"""Wordings of the question how good a candidate is."""


class Augmentation(Frozen):
    """How many examples are wanted, what they are made from and how they are judged.

    The paper writes 3,000 candidates and has each judged in 30 wordings, beside 30 real examples.
    """

    count: Whole = Field(ge=1, le=100_000, description="Kept at most.")
    candidates: Whole | None = Field(
        None, ge=2, le=200_000, description="Written; null for twice as many as are kept."
    )
    shots: Whole = Field(
        4, ge=1, le=256, description="Real examples in a prompt that asks for one; the first is its source."
    )
    raters: Whole = Field(
        3, ge=1, le=RATERS, description="Wordings in which a candidate is judged; their mean counts."
    )
    references: Whole = Field(4, ge=0, le=256, description="Real examples that it is judged beside.")
    seed: Whole = Field(0, description="Seeds every draw.")
    write_tokens: Whole = Field(1024, ge=1, description="Longest reply to a prompt that asks for an example.")
    rate_tokens: Whole = Field(64, ge=1, description="Longest judgement; models that think need more.")
    images: ImageSpec = Field(default_factory=ImageSpec)

    @property
    def written(self) -> int:
        """Candidates that are asked for."""
        return 2 * self.count if self.candidates is None else self.candidates

    @property
    def calls(self) -> int:
        """Calls at most."""
        return self.written * (1 + self.raters)

    def run(self, pool: str, model: str) -> str:
        """Names what this makes of a pool, for people; a larger count of the same candidates is the same run."""
        told: dict[str, Any] = self.model_dump(mode="json", exclude={"count"})
        return digest({**told, "candidates": self.written, "pool": pool, "model": model})[:12]
