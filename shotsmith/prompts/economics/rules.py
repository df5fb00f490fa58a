"""What a provider caches, for how long, and what a token costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from ...domain.errors import InvalidParameter

CacheKind = Literal["none", "cache_control", "explicit", "automatic"]


def check(field: str, value: float, least: float = 0.0, most: float = math.inf) -> None:
    """Refuse what is no finite number from `least` to `most`.

    Raises:
        InvalidParameter: Naming the field.
    """
    if not (math.isfinite(value) and least <= value <= most):
        bounds = f"at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise InvalidParameter(f"not a number {bounds}", field=field, value=value)


@dataclass(frozen=True, slots=True)
class CacheRule:
    """How a provider caches the beginning of prompts.

    Attributes:
        kind: "cache_control" and "explicit" cache what ends at a mark, which may be left out; "automatic" caches
            whatever repeats; "none" caches nothing.
        minimum: Tokens; a shorter prefix is passed over without a word.
        step: Tokens; beyond the minimum a cached prefix grows by so many at a time.
        read: Price of a token that is read, as a share of an input token's.
        write: Price of a token that is written, likewise; 1 where writing has no fee.
        ttl_s: Seconds for which an entry lives.
        refreshed: Whether each use begins that time anew; otherwise it runs from the write.
        kept: Share of the queries within that time that really find the entry, where nothing is promised.
        ready_s: Seconds from a write until others can read it: an entry is there once the first answer begins.
        writes_rest: Whether all that is not read is written, marked or not, at the price of a write: OpenAI does so
            from GPT-5.6 on unless a request says that the mode of its cache is "explicit".

    Raises:
        InvalidParameter: A number is out of range.
    """

    kind: CacheKind
    minimum: int = 1024
    step: int = 1
    read: float = 0.1
    write: float = 1.0
    ttl_s: float = 300.0
    refreshed: bool = True
    kept: float = 1.0
    ready_s: float = 0.0
    writes_rest: bool = False

    def __post_init__(self) -> None:
        check("cache.minimum", self.minimum)
        check("cache.step", self.step, 1)
        check("cache.read", self.read)
        check("cache.write", self.write)
        check("cache.ttl_s", self.ttl_s)
        check("cache.kept", self.kept, 0, 1)
        check("cache.ready_s", self.ready_s, 0, self.ttl_s)

    @property
    def optional(self) -> bool:
        """Whether a prompt can do without caching, by bearing no mark."""
        return self.kind in ("cache_control", "explicit")

    def cached(self, prefix: float) -> int:
        """How many of a prefix's tokens can be cached: none below the minimum, then up to a step."""
        if self.kind == "none" or prefix < self.minimum:
            return 0
        return self.minimum + int((prefix - self.minimum) // self.step) * self.step


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars a token.

    Attributes:
        input: A token of the prompt.
        output: A token of the answer.
        cache_read: A token of the prompt that is read from a cache.
        cache_write: A token of the prompt that is written into one.
        threshold: Tokens of a prompt beyond which all its tokens have other prices; None where there are none.
        above: Those prices.

    Raises:
        InvalidParameter: A price below zero, or a threshold without the prices above it.
    """

    input: float
    output: float
    cache_read: float
    cache_write: float
    threshold: int | None = None
    above: Prices | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "cache_read", "cache_write"):
            check(f"prices.{name}", getattr(self, name))
        if (self.threshold is None) != (self.above is None):
            raise InvalidParameter(
                "a threshold and the prices above it come together",
                field="prices.threshold",
                value=self.threshold,
            )

    @classmethod
    def by_rule(cls, input: float, output: float, rule: CacheRule) -> Self:
        """Prices of a provider that names those of its cache as shares of the input price."""
        return cls(input, output, input * rule.read, input * rule.write)

    def at(self, tokens: float) -> Prices:
        """The prices of a prompt of so many tokens."""
        if self.above is None or self.threshold is None or tokens <= self.threshold:
            return self
        return self.above.at(tokens)
