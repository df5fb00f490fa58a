"""What prompt caches cost and save, and how many demonstrations should be fixed for the sake of it.

Pure arithmetic on plain values: the provider's cache rule and prices, the sizes of prompts and the traffic go in,
the expected cost of a query and a plan come out.
"""

from __future__ import annotations

from .costs import Cost, PromptSize, expected_cost, hit_rate, rate_for_factor, token_factor
from .known import prices_of, rule_of
from .planning import VALUE_FIXED, Plan, Point, Sizes, plan_hybrid, point
from .rules import CacheKind, CacheRule, Prices
from .traffic import Traffic

__all__ = [
    "VALUE_FIXED",
    "CacheKind",
    "CacheRule",
    "Cost",
    "Plan",
    "Point",
    "Prices",
    "PromptSize",
    "Sizes",
    "Traffic",
    "expected_cost",
    "hit_rate",
    "plan_hybrid",
    "point",
    "prices_of",
    "rate_for_factor",
    "rule_of",
    "token_factor",
]
