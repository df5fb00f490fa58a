"""The expected cost of a query in closed form, for queries that come as a Poisson process.

With rate r, lifetime T and an entry that can be read L seconds after its write (L <= T):

- Refreshed on use: a run of queries ends with a gap longer than T, which has the probability exp(-rT), so a run has
  exp(rT) queries. The first of them misses, and so do the r L that come before its entry is there:
  hits = 1 - (1 + rL) exp(-rT).
- Not refreshed: an entry lives for T, in which rT queries come after its first; the next one to come writes it anew.
  A renewal has 1 + rT queries, of which r(T - L) hit: hits = r(T - L) / (1 + rT).

Both are long-run shares. Token counts enter the cost linearly, so that their means suffice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .rules import CacheRule, Prices, check
from .traffic import Traffic


@dataclass(frozen=True, slots=True)
class PromptSize:
    """Tokens of one call.

    Attributes:
        prefix: The beginning that is the same for every query.
        suffix: The rest of the prompt.
        output: The answer.

    Raises:
        InvalidParameter: Below zero.
    """

    prefix: float
    suffix: float
    output: float = 0.0

    def __post_init__(self) -> None:
        for name in ("prefix", "suffix", "output"):
            check(name, getattr(self, name))

    @property
    def input(self) -> float:
        """Tokens of the prompt."""
        return self.prefix + self.suffix


@dataclass(frozen=True, slots=True)
class Cost:
    """What a query is expected to cost.

    Attributes:
        usd: US dollars.
        hit_rate: Share of the queries that read their prefix from the cache.
        cached_tokens: Tokens that are read then.
        marked: Whether the prefix is offered to the cache.
        uncached_usd: What it would cost without a cache.
    """

    usd: float
    hit_rate: float
    cached_tokens: int
    marked: bool
    uncached_usd: float


def hit_rate(rule: CacheRule, traffic: Traffic) -> float:
    """Share of all queries that find a prefix that is long enough in the cache, in the long run."""
    if rule.kind == "none":
        return 0.0
    rate = traffic.per_second
    waiting = rate * rule.ready_s
    if rule.refreshed:
        warm = 1 - (1 + waiting) * math.exp(-rate * rule.ttl_s)
    else:
        warm = (rate * rule.ttl_s - waiting) / (1 + rate * rule.ttl_s)
    return max(warm, 0.0) * rule.kept * (1 - traffic.broken)


def expected_cost(size: PromptSize, prices: Prices, rule: CacheRule, traffic: Traffic) -> Cost:
    """What a query of this size costs, with its prefix marked only where that is cheaper."""
    at = prices.at(size.input)
    plain = size.input * at.input + size.output * at.output
    rest = _uncached(at, rule) if size.input >= rule.minimum else at.input
    bare = Cost(size.input * rest + size.output * at.output, 0.0, 0, marked=False, uncached_usd=plain)
    cached = rule.cached(size.prefix)
    if not cached:
        return bare
    hits = hit_rate(rule, traffic)
    token = hits * at.cache_read + (1 - hits) * at.cache_write
    usd = cached * token + (size.input - cached) * rest + size.output * at.output
    if rule.optional and usd > bare.usd:
        return bare
    return Cost(usd, hits, cached, marked=rule.optional, uncached_usd=plain)


def _uncached(prices: Prices, rule: CacheRule) -> float:
    """The price of a token that is not read from a cache and not meant for one."""
    return prices.cache_write if rule.writes_rest and rule.kind != "none" else prices.input


def token_factor(prices: Prices, rule: CacheRule, traffic: Traffic) -> float:
    """What a token of the prefix costs, as a share of one that is not cached; the prefix being long enough.

    Its inverse is how many fixed demonstrations cost as much as one similar one.
    """
    uncached = _uncached(prices, rule)
    if rule.kind == "none" or not uncached:
        return 1.0
    hits = hit_rate(rule, traffic)
    factor = (hits * prices.cache_read + (1 - hits) * prices.cache_write) / uncached
    return min(factor, 1.0) if rule.optional else factor


def rate_for_factor(factor: float, prices: Prices, rule: CacheRule) -> float | None:
    """From how many queries a minute on a token of the prefix costs no more than this share of an uncached one.

    None where no traffic makes it so cheap. Found by bisection: the share only falls with the rate.
    """

    def cheap(per_minute: float) -> bool:
        hits = hit_rate(rule, Traffic(per_minute))
        return hits * prices.cache_read + (1 - hits) * prices.cache_write <= factor * _uncached(prices, rule)

    low, high = 0.0, 1e6
    if rule.kind == "none" or not cheap(high):
        return None
    if cheap(low):
        return 0.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if cheap(middle) else (middle, high)
    return high
