"""From what is known about a model to its cache rule and prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rules import CacheRule, Prices

if TYPE_CHECKING:
    from ..facts import CacheFacts
    from ..prices import Price, Rates


def rule_of(facts: CacheFacts, *, long: bool = False, ready_s: float = 0.0) -> CacheRule:
    """A model's cache as the planner sees it.

    Args:
        facts: What is known about it.
        long: Whether for the longer lifetime, where that is sold.
        ready_s: Seconds until an answer begins, and with it an entry can be read.
    """
    long = long and bool(facts.long_ttl)
    return CacheRule(
        facts.kind,
        minimum=facts.minimum,
        step=max(facts.step, 1),
        read=facts.read,
        write=facts.long_write if long else facts.write,
        ttl_s=facts.long_ttl if long else facts.ttl,
        refreshed=facts.refreshes,
        ready_s=ready_s,
    )


def prices_of(price: Price, *, long: bool = False) -> Prices:
    """A model's prices as the planner sees them, those of longer prompts included."""

    def priced(rates: Rates, threshold: int | None, above: Prices | None) -> Prices:
        write = rates.cache_write_long if long else rates.cache_write
        return Prices(rates.input, rates.output, rates.cache_read, write, threshold, above)

    found: Prices | None = None
    following: int | None = None
    for threshold, rates in reversed(price.above):
        found, following = priced(rates, following, found), threshold
    return priced(price.rates, following, found)
