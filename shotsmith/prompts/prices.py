"""What tokens cost, from litellm's bundled map of prices; litellm itself is not imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .facts import ModelFacts, facts_of
from .facts.price_map import entry

_ABOVE = re.compile(r"input_cost_per_token_above_(\d+)(k?)_tokens")


@dataclass(frozen=True, slots=True)
class Rates:
    """USD a token.

    Attributes:
        input: Read from the prompt.
        output: Written as the answer.
        cache_read: Of the prompt, read from a cache.
        cache_write: Of the prompt, written into a cache for the shorter time.
        cache_write_long: Likewise for the longer time, where that is sold.
    """

    input: float
    output: float
    cache_read: float
    cache_write: float
    cache_write_long: float


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs.

    Attributes:
        rates: Of prompts of any length.
        above: Rates of longer prompts, for all of their tokens: (more than so many input tokens, rates), ascending.
    """

    rates: Rates
    above: tuple[tuple[int, Rates], ...] = ()

    def at(self, input_tokens: int) -> Rates:
        """The rates of a prompt of so many tokens."""
        found = self.rates
        for threshold, rates in self.above:
            if input_tokens > threshold:
                found = rates
        return found

    def cost(
        self, input: int, output: int, cached: int = 0, written: int = 0, *, long: bool = False
    ) -> float:
        """USD of one call.

        Args:
            input: All tokens of the prompt, cached or not.
            output: Tokens of the answer.
            cached: Those of the prompt that were read from a cache.
            written: Those of the prompt that were written into one.
            long: Whether for the longer time.
        """
        rates = self.at(input)
        write = rates.cache_write_long if long else rates.cache_write
        fresh = max(0, input - cached - written)
        return fresh * rates.input + cached * rates.cache_read + written * write + output * rates.output


def price_of(model: str | ModelFacts) -> Price | None:
    """The price of a model; None where nobody knows it. What a user's file says stands above the map.

    Cache prices that are missing are those that the facts' factors give.

    Args:
        model: Its name, or its facts, which may hold a price of the user's.
    """
    return _price(facts_of(model) if isinstance(model, str) else model)


@lru_cache(maxsize=256)
def _by_map(name: str) -> Mapping[str, Any] | None:
    found = entry(name)
    return found if found is not None and _number(found, "input_cost_per_token") is not None else None


def _price(facts: ModelFacts) -> Price | None:
    if facts.price is not None:
        given = facts.price
        return Price(_rates(facts, given.input, given.output, given.cache_read, given.cache_write, None))
    found = _by_map(facts.model)
    if found is None:
        return None
    thresholds = sorted(
        (int(match[1]) * (1000 if match[2] else 1), f"_above_{match[1]}{match[2]}_tokens")
        for match in map(_ABOVE.fullmatch, found)
        if match
    )
    return Price(
        _mapped(facts, found, ""),
        tuple((number, _mapped(facts, found, suffix)) for number, suffix in thresholds),
    )


def _mapped(facts: ModelFacts, found: Mapping[str, Any], suffix: str) -> Rates:
    def rate(name: str, above: str = suffix) -> float | None:
        tier = _number(found, name + above)
        return _number(found, name) if tier is None else tier

    return _rates(
        facts,
        rate("input_cost_per_token") or 0.0,
        rate("output_cost_per_token") or 0.0,
        rate("cache_read_input_token_cost"),
        rate("cache_creation_input_token_cost"),
        rate("cache_creation_input_token_cost_above_1hr"),
    )


def _rates(
    facts: ModelFacts,
    input: float,
    output: float,
    read: float | None,
    write: float | None,
    write_long: float | None,
) -> Rates:
    cache = facts.cache
    return Rates(
        input,
        output,
        input * cache.read if read is None else read,
        input * cache.write if write is None else write,
        input * cache.long_write if write_long is None else write_long,
    )


def _number(found: Mapping[str, Any], name: str) -> float | None:
    value = found.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
