"""Many queries, several in a call."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..domain.recipes import Frozen, Recipe, RecipeField, Whole
from .selections import ConfidenceOut, QueryIn

_MOST = 1000


class BatchIn(Frozen):
    """Ask many queries, several in a call to the model."""

    pool: str
    queries: tuple[QueryIn, ...] = Field(min_length=1, max_length=_MOST)
    recipe: RecipeField = Field(default_factory=Recipe, description="An object, or its text form.")
    batch_size: Whole = Field(ge=1, le=50, description="Queries in a call; 1 asks each alone.")
    model: str | None = Field(None, description="By default the configured one.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Sampling parameters, passed on.")
    retries: Whole = Field(1, ge=0, le=5, description="How often a query is asked again alone.")
    tokens_per_query: Whole = Field(60, ge=1, description="Longest answer of a batch, tokens for each query.")
    workers: Whole = Field(1, ge=1, le=16, description="Batches in work at the same time.")


class ShareOut(Frozen):
    """Part of what calls took; null where the provider does not say."""

    calls: float
    input_tokens: float | None
    output_tokens: float | None
    cached_tokens: float | None
    cost_usd: float | None


class BatchAnswerOut(Frozen):
    """What became of one query."""

    id: str | None = Field(description="Of the query, where it has one.")
    answer: str | None = Field(description="Null when none could be read, which counts as wrong.")
    parsed: str = Field(description="How it was read.")
    confidence: ConfidenceOut | None
    how: Literal["batch", "alone", "failed"]
    batch: str = Field(description="Which batch it was in first.")
    attempts: int = Field(description="Calls that it was part of.")
    trail: tuple[str, ...] = Field(description="What happened in each attempt.")
    text: str = Field(description="What the model last said to it.")
    demonstrations: tuple[str, ...] = Field(description="Ids of those it was last shown, in prompt order.")
    share: ShareOut


class BatchOut(Frozen):
    """What became of all queries, in their order."""

    answers: tuple[BatchAnswerOut, ...]
    total: ShareOut
