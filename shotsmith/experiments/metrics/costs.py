"""What calls took: tokens, cache hits, money and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...domain.errors import InvalidInput
from ...domain.messages import Reply


@dataclass(frozen=True, slots=True)
class Costs:
    """The calls of an arm.

    Every number is what the calls took when they were made, even those that were answered from the ledger since.
    None wherever a single call does not say.

    Attributes:
        calls: How many.
        from_ledger: Those that cost nothing now.
        queries: How many queries they answered; more than calls where queries were batched.
        input_tokens: Of the prompts, cached or not.
        cached_tokens: Of these, read from a cache.
        cache_write_tokens: Of these, written into one.
        output_tokens: Of the answers.
        usd: Price.
        saved_usd: What caches saved, less what writing into them cost.
        p50_ms: Median time of a call.
        p95_ms: Time that 95 % of the calls did not exceed.
    """

    calls: int
    from_ledger: int
    queries: int
    input_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    usd: float | None
    saved_usd: float | None
    p50_ms: float
    p95_ms: float

    @property
    def hit_rate(self) -> float | None:
        """Share of the input tokens that were read from a cache."""
        if self.cached_tokens is None or not self.input_tokens:
            return None
        return self.cached_tokens / self.input_tokens

    @property
    def usd_per_thousand(self) -> float | None:
        """Price of 1,000 queries."""
        return None if self.usd is None else 1000 * self.usd / self.queries

    def usd_per_right(self, right: float) -> float | None:
        """Price of a right answer, given how many were right; None where the price is unknown or none was."""
        return None if self.usd is None or right <= 0 else self.usd / right


def costs(replies: Sequence[Reply], queries: int | None = None) -> Costs:
    """Sum up calls.

    Args:
        replies: One for each call.
        queries: How many queries they answered; by default one each.

    Raises:
        InvalidInput: No calls, or no queries.
    """
    if not replies or (queries is not None and queries < 1):
        raise InvalidInput(
            "there is nothing to sum up", field="queries" if replies else "replies", value=queries
        )

    def total(of: Callable[[Reply], int | None]) -> int | None:
        found = [of(one) for one in replies]
        return None if None in found else sum(one for one in found if one is not None)

    def money(of: Callable[[Reply], float | None]) -> float | None:
        found = [of(one) for one in replies]
        return None if None in found else float(sum(one for one in found if one is not None))

    p50, p95 = np.percentile([one.latency_ms for one in replies], [50, 95])
    return Costs(
        len(replies),
        sum(one.from_ledger for one in replies),
        len(replies) if queries is None else queries,
        total(lambda one: one.usage.input_tokens),
        total(lambda one: one.usage.cached_tokens),
        total(lambda one: one.usage.cache_write_tokens),
        total(lambda one: one.usage.output_tokens),
        money(lambda one: one.cost_usd),
        money(lambda one: one.saved_usd),
        float(p50),
        float(p95),
    )
