"""Whether predicted costs are what a provider would bill: `python benchmarks/cache_costs --json > cache_costs.json`.

Poisson traffic of 0.1 to 10 queries a minute is billed request by request on each price list, for similar
demonstrations only, for fixed ones only, and for the hybrid that `plan_hybrid` chooses. Beside each bill stands the
cost that was predicted in closed form. Summed up: the largest error of a prediction, how much the hybrid cost beyond
the cheaper of its two ends, and the smallest share of hits where the lifetime promises 95 % of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from price_lists import LISTS, Listed
from replay import Tokens, bill, traffic

from shotsmith.prompts.economics import Point, Sizes, Traffic, hit_rate, plan_hybrid

RATES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
MIXES = ((16, 200), (8, 500), (32, 100))
TOKENS = Tokens()
SIZES = Sizes(TOKENS.demonstration, TOKENS.instruction, TOKENS.query, TOKENS.output)


def billed(listed: Listed, per_minute: float, point: Point, queries: int, seed: int) -> dict[str, Any]:
    """What so many queries cost on average, beside what was predicted."""
    requests = traffic(
        per_minute, queries, point.fixed, point.similar, tokens=TOKENS, mark=point.cost.marked, seed=seed
    )
    found = bill(listed.provider(seed), requests, listed.list)
    usd = found.usd / found.requests
    return {
        "fixed": point.fixed,
        "similar": point.similar,
        "predicted_usd": point.cost.usd,
        "billed_usd": usd,
        "error": point.cost.usd / usd - 1,
        "predicted_hit_rate": point.cost.hit_rate,
        "billed_hit_rate": found.hits / found.requests,
    }


def row(
    listed: Listed, per_minute: float, similar: int, fixed: int, queries: int, seed: int
) -> dict[str, Any]:
    """The three regimes at one rate."""
    rate = Traffic(per_minute)
    plan = plan_hybrid(SIZES, listed.prices, listed.rule, rate, similar=similar, fixed=fixed)
    regimes = {"similar": plan.similar_only, "fixed": plan.all_fixed, "hybrid": plan.chosen}
    bills = {name: billed(listed, per_minute, point, queries, seed) for name, point in regimes.items()}
    better = min(bills["similar"]["billed_usd"], bills["fixed"]["billed_usd"])
    return {
        "list": listed.name,
        "per_minute": per_minute,
        "effective_shots": plan.effective_shots,
        **bills,
        "beyond_better_end": bills["hybrid"]["billed_usd"] / better - 1,
        "warm": listed.promised and hit_rate(listed.rule, rate) >= 0.95,
    }


def measure(rates: Sequence[float], queries: int, seed: int) -> dict[str, Any]:
    """The whole grid."""
    rows = [
        row(listed, per_minute, similar, fixed, queries, seed)
        for listed in LISTS
        for similar, fixed in MIXES
        for per_minute in rates
    ]
    regimes = ("similar", "fixed", "hybrid")
    warm = [one[name]["billed_hit_rate"] for one in rows if one["warm"] for name in ("fixed", "hybrid")]
    return {
        "benchmark": "cache_costs",
        "queries": queries,
        "seed": seed,
        "largest_error": max(abs(one[name]["error"]) for one in rows for name in regimes),
        "most_beyond_better_end": max(one["beyond_better_end"] for one in rows),
        "least_hit_rate_while_warm": min((rate for rate in warm if rate), default=None),
        "rows": rows,
    }


def main() -> None:
    """Print the grid, as JSON or one line a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.rates, given.queries, given.seed)
    if given.json:
        json.dump(found, sys.stdout, indent=2)
        print()
        return
    for one in found["rows"]:
        hybrid = one["hybrid"]
        print(
            f"{one['list']:45} {one['per_minute']:5g}/min  {hybrid['fixed']:3} + {hybrid['similar']:2}  "
            f"billed ${hybrid['billed_usd']:.6f} (predicted {hybrid['error']:+.2%}), "
            f"beyond the better end {one['beyond_better_end']:+.2%}, hits {hybrid['billed_hit_rate']:.1%}"
        )
    for name in ("largest_error", "most_beyond_better_end", "least_hit_rate_while_warm"):
        print(f"{name}: {found[name]:.4f}")


if __name__ == "__main__":
    main()
