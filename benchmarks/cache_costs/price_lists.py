"""Three price lists, one of them before and after a change, with the machine that bills by their rules.

Prices are in US dollars per million tokens as published in October 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from replay import MarkedPrefixes, PriceList, Provider, SeenPrefixes

from shotsmith.prompts.economics import CacheRule, Prices


@dataclass(frozen=True)
class Listed:
    """A price list, the rule as the planner knows it, and a provider that bills by it.

    Attributes:
        promised: Whether the provider promises that a warm entry is found.
    """

    name: str
    source: str
    rule: CacheRule
    list: PriceList
    provider: Callable[[int], Provider]
    promised: bool = True

    @property
    def prices(self) -> Prices:
        """The same prices as the planner takes them."""
        return _per_token(self.list)


def _per_token(given: PriceList) -> Prices:
    above = None if given.above is None else _per_token(given.above)
    four = (1e-6 * price for price in (given.input, given.output, given.read, given.write))
    return Prices(*four, threshold=given.threshold, above=above)


READY_S = 2.0  # until the first answer begins

LISTS = (
    Listed(
        "Anthropic, 5 minutes (Claude Sonnet 5)",
        "https://platform.claude.com/docs/en/build-with-claude/prompt-caching",
        CacheRule("cache_control", 1024, read=0.1, write=1.25, ttl_s=300, ready_s=READY_S),
        PriceList(2.0, 10.0, 0.2, 2.5),
        lambda seed: MarkedPrefixes(1024, 300, refreshed=True, ready_s=READY_S),
    ),
    Listed(
        "OpenAI, 30 minutes and a write fee (GPT-5.6)",
        "https://developers.openai.com/api/docs/guides/prompt-caching",
        # The 30 minutes are promised from the write on; a use is not said to lengthen them.
        CacheRule("explicit", 1024, read=0.1, write=1.25, ttl_s=1800, refreshed=False, ready_s=READY_S),
        PriceList(4.0, 20.0, 0.4, 5.0, 272_000, PriceList(8.0, 30.0, 0.8, 10.0)),
        lambda seed: MarkedPrefixes(1024, 1800, refreshed=False, ready_s=READY_S, look_back=None),
    ),
    Listed(
        "OpenAI, automatic (GPT-5)",
        "https://developers.openai.com/api/docs/guides/prompt-caching",
        CacheRule("automatic", 1024, 128, read=0.1, write=1.0, ttl_s=300),
        PriceList(1.25, 10.0, 0.125, 1.25),
        lambda seed: SeenPrefixes(1024, 128, 300),
    ),
    Listed(
        "Gemini, implicit (Gemini 2.5 Flash)",
        "https://ai.google.dev/gemini-api/docs/caching",
        # Neither lifetime nor share of hits is published; both are assumed, here as in the machine.
        CacheRule("automatic", 2048, read=0.1, write=1.0, ttl_s=300, kept=0.8),
        PriceList(0.3, 2.5, 0.03, 0.3),
        lambda seed: SeenPrefixes(2048, 1, 300, kept=0.8, seed=seed),
        promised=False,
    ),
)
