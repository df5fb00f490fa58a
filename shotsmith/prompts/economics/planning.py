"""How many demonstrations to fix and how many to choose for each query, from prices, cache rule and traffic.

A hybrid prompt (Golchin et al., arXiv 2507.16217) begins with N demonstrations that every query gets, so that the
provider's cache keeps them, and goes on with k that are similar to the query. Its two ends are the prompts that people
send now: only similar ones, or all fixed. The plan shows the most useful demonstrations that cost no more than the
cheaper end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ...domain.errors import InvalidParameter
from ...domain.recipes import Recipe, SelectorSpec, stages_of, stages_text
from .costs import Cost, PromptSize, expected_cost, token_factor
from .rules import CacheRule, Prices, check
from .traffic import Traffic

#: What a fixed demonstration is taken to be worth, similar ones being worth 1. Published results lie on both sides: in
#: Bertsch et al. (arXiv 2405.00200) ten retrieved demonstrations do as well as fewer than ten random ones on TREC, as
#: some fifty on TREC-fine, and better than 800 on BANKING77. Measure it on your own pool.
VALUE_FIXED = 0.2


@dataclass(frozen=True, slots=True)
class Sizes:
    """Tokens of the parts of a prompt.

    Attributes:
        demonstration: One demonstration, on average.
        instruction: What stands before the first one.
        query: The query.
        output: The answer.

    Raises:
        InvalidParameter: Below zero, or demonstrations of no tokens.
    """

    demonstration: float
    instruction: float = 0.0
    query: float = 0.0
    output: float = 0.0

    def __post_init__(self) -> None:
        for name in ("instruction", "query", "output"):
            check(f"tokens.{name}", getattr(self, name))
        check("tokens.demonstration", self.demonstration, 1e-6)

    def prompt(self, fixed: int, similar: int) -> PromptSize:
        """The prompt with so many fixed and so many similar demonstrations."""
        return PromptSize(
            self.instruction + fixed * self.demonstration,
            similar * self.demonstration + self.query,
            self.output,
        )


@dataclass(frozen=True, slots=True)
class Point:
    """So many fixed and so many similar demonstrations, and what a query with them costs."""

    fixed: int
    similar: int
    cost: Cost


@dataclass(frozen=True, slots=True)
class Plan:
    """How many demonstrations to fix and how many to choose, and why.

    Attributes:
        chosen: The plan itself.
        similar_only: One of its two ends: no demonstration is fixed.
        all_fixed: The other end: none is chosen for the query.
        limit_usd: What a query may cost at most.
        effective_shots: Worth of the plan in similar demonstrations: similar + value_fixed * fixed.
        value_fixed: What a fixed demonstration was taken to be worth.
        token_factor: What a token of a long enough prefix costs, as a share of one that is not cached.
        why: One sentence a reason, with the numbers.
    """

    chosen: Point
    similar_only: Point
    all_fixed: Point
    limit_usd: float
    effective_shots: float
    value_fixed: float
    token_factor: float
    why: tuple[str, ...]

    @property
    def equivalent_shots(self) -> float:
        """How many fixed demonstrations cost as much as one similar one; infinite where reading is free."""
        return 1 / self.token_factor if self.token_factor else math.inf

    def recipe(self, base: Recipe | None = None, *, cached: str = "k_centre") -> Recipe:
        """The plan as a recipe, e.g. `hybrid(cached=k_centre,similar=rices,prefix=32,k=40)|similar_last`.

        Args:
            base: Its selector chooses the similar part, and everything but the shots stays.
            cached: What chooses the fixed part: a query-independent selector.

        Raises:
            InvalidParameter: `cached` cannot be read.
        """
        base = base or Recipe()
        fixed, shots = self.chosen.fixed, self.chosen.fixed + self.chosen.similar
        selector = base.selector
        if fixed == shots and fixed:
            selector = stages_of(cached)
        elif fixed:
            parts = {"cached": stages_text(stages_of(cached)), "similar": stages_text(base.selector)}
            selector = stages_of(SelectorSpec(name="hybrid", params={**parts, "prefix": fixed}))
        return base.model_copy(update={"selector": selector, "k": shots})


def point(
    fixed: int, similar: int, *, sizes: Sizes, prices: Prices, rule: CacheRule, traffic: Traffic
) -> Point:
    """What a query with so many fixed and so many similar demonstrations costs."""
    return Point(fixed, similar, expected_cost(sizes.prompt(fixed, similar), prices, rule, traffic))


def plan_hybrid(
    sizes: Sizes,
    prices: Prices,
    rule: CacheRule,
    traffic: Traffic,
    *,
    similar: int,
    fixed: int,
    keep: int | None = None,
    value_fixed: float = VALUE_FIXED,
    slack: float = 0.0,
    most_usd: float | None = None,
    most_shots: int | None = None,
    most_tokens: float | None = None,
) -> Plan:
    """The most useful demonstrations that cost no more than the cheaper of two ends.

    Among all (N, k) within the limits it takes those with k >= keep, where any can be afforded; then the most
    effective shots, k + value_fixed * N; then the cheapest; then the most similar ones. Where a fixed demonstration
    costs a larger share of a similar one than it is worth, this fixes none.

    Args:
        sizes: Tokens, as measured on the pool.
        prices: Dollars a token.
        rule: How the provider caches.
        traffic: How often queries come.
        similar: Demonstrations of the similar-only end.
        fixed: Demonstrations of the all-fixed end.
        keep: How many should stay similar at least; by default half of them, rounded up.
        value_fixed: What a fixed demonstration is worth, similar ones being worth 1.
        slack: By how much a query may cost more than at the cheaper end, as a share of it.
        most_usd: Dollars a query at most.
        most_shots: Demonstrations in a prompt at most: the pool, or the images that a request may hold.
        most_tokens: Tokens of a prompt at most; the ends are cut to it as the plan is.

    Raises:
        InvalidParameter: A number is out of range, or already the query alone breaks a limit.
    """
    for name, value in (
        ("similar", similar),
        ("fixed", fixed),
        ("value_fixed", value_fixed),
        ("slack", slack),
    ):
        check(name, value)
    keep = -(-similar // 2) if keep is None else keep
    check("keep", keep, 0, similar)

    def at(fixed: int, similar: int) -> Point:
        return point(fixed, similar, sizes=sizes, prices=prices, rule=rule, traffic=traffic)

    room = _room(sizes, most_shots, most_tokens)
    similar_only, all_fixed = at(0, min(similar, room)), at(min(fixed, room), 0)
    limit = min(similar_only.cost.usd, all_fixed.cost.usd) * (1 + slack)
    if most_usd is not None:
        bare = at(0, 0).cost.usd
        if bare > most_usd:
            raise InvalidParameter(
                f"already a query without demonstrations costs ${bare:.6f}",
                field="most_usd",
                value=most_usd,
                mend="Allow more, or take a cheaper model",
            )
        limit = min(limit, most_usd)

    def wanted(one: Point) -> tuple[bool, float, float, int]:
        return (one.similar >= keep, one.similar + value_fixed * one.fixed, -one.cost.usd, one.similar)

    def affordable() -> Iterator[Point]:
        for count in range(similar_only.similar + 1):
            most = min(all_fixed.fixed, room - count)
            if found := _most_fixed(count, most, limit, sizes, prices, rule, traffic):
                yield found
            yield at(0, count)

    # One cent in a hundred thousand dollars: costs that are equal but for their rounding are equal.
    chosen = max((one for one in affordable() if one.cost.usd <= limit * (1 + 1e-9)), key=wanted)
    factor = token_factor(prices.at(sizes.prompt(chosen.fixed, chosen.similar).input), rule, traffic)
    effective = chosen.similar + value_fixed * chosen.fixed
    ends = (similar_only, all_fixed)
    why = tuple(_reasons(chosen, ends, factor, value_fixed, keep, sizes, rule, traffic))
    return Plan(chosen, similar_only, all_fixed, limit, effective, value_fixed, factor, why)


def _room(sizes: Sizes, most_shots: int | None, most_tokens: float | None) -> int:
    """How many demonstrations fit into a prompt."""
    rooms = [10**9]
    if most_shots is not None:
        check("most_shots", most_shots)
        rooms.append(most_shots)
    if most_tokens is not None:
        left = most_tokens - sizes.instruction - sizes.query - sizes.output
        if left < 0:
            raise InvalidParameter(
                f"already a query without demonstrations needs {most_tokens - left:,.0f} tokens",
                field="most_tokens",
                value=most_tokens,
            )
        rooms.append(int(left // sizes.demonstration))
    return min(rooms)


def _most_fixed(
    similar: int,
    most: int,
    limit: float,
    sizes: Sizes,
    prices: Prices,
    rule: CacheRule,
    traffic: Traffic,
) -> Point | None:
    """The longest affordable prefix beside so many similar ones. Not every shorter one need be affordable.

    The cost falls where the prefix reaches the minimum and with each step beyond, and so is searched from above, from
    where even a prefix that costs the least that a token can would be too dear.
    """
    cheapest = min(prices.input, prices.cache_read, prices.cache_write)
    if prices.above is not None:
        cheapest = min(cheapest, prices.above.input, prices.above.cache_read, prices.above.cache_write)
    if cheapest * sizes.demonstration * most > limit:
        most = math.ceil(limit / (cheapest * sizes.demonstration))
    for fixed in range(most, 0, -1):
        found = point(fixed, similar, sizes=sizes, prices=prices, rule=rule, traffic=traffic)
        if found.cost.usd <= limit * (1 + 1e-9):
            return found
    return None


def _reasons(
    chosen: Point,
    ends: tuple[Point, Point],
    factor: float,
    value_fixed: float,
    keep: int,
    sizes: Sizes,
    rule: CacheRule,
    traffic: Traffic,
) -> Iterator[str]:
    """Why the plan is as it is, one sentence each."""
    rate = f"At {traffic.per_minute:g} queries a minute"
    similar_only, all_fixed = ends
    if chosen.fixed and chosen.cost.cached_tokens:
        yield (
            f"{rate} {chosen.cost.hit_rate:.1%} of the queries read the prefix of {chosen.cost.cached_tokens:,} tokens "
            f"from the cache, so a fixed demonstration costs {factor:.2f} of a similar one and is taken to be worth "
            f"{value_fixed:g}"
        )
    elif chosen.fixed:
        yield (
            f"{rate} nothing is cached, but a fixed demonstration is taken to be worth {value_fixed:g} of a similar one"
        )
    elif factor >= value_fixed:
        yield (
            f"{rate} a fixed demonstration costs {factor:.2f} of a similar one and is taken to be worth "
            f"{value_fixed:g}, so none is fixed"
        )
    elif not rule.cached(sizes.prompt(all_fixed.fixed, 0).prefix):
        yield (
            f"{all_fixed.fixed:,} fixed demonstrations stay below the {rule.minimum:,} tokens that are cached at the "
            "least, so none is fixed"
        )
    else:
        yield "A prefix that is long enough to be cached costs more than what it would replace, so none is fixed"
    if chosen.similar < min(keep, similar_only.similar):
        yield f"{keep:,} similar ones cannot be afforded"
    yield (
        f"{chosen.fixed:,} fixed and {chosen.similar:,} similar demonstrations cost ${chosen.cost.usd:.6f} a query, "
        f"{similar_only.similar:,} similar ones alone ${similar_only.cost.usd:.6f}, "
        f"{all_fixed.fixed:,} fixed ones alone ${all_fixed.cost.usd:.6f}"
    )
