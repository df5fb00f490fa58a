"""What caches cost and save: worked examples, limits, and what a plan never does."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.recipes import Recipe
from shotsmith.prompts.economics import (
    CacheRule,
    Plan,
    Prices,
    PromptSize,
    Sizes,
    Traffic,
    expected_cost,
    hit_rate,
    plan_hybrid,
    point,
    prices_of,
    rate_for_factor,
    rule_of,
    token_factor,
)
from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.prices import Price, Rates, price_of
from shotsmith.selectors import build

FIVE_MINUTES = CacheRule("cache_control", 1024, read=0.1, write=1.25, ttl_s=300)
AN_HOUR = CacheRule("cache_control", 1024, read=0.1, write=2.0, ttl_s=3600)
STEPS = CacheRule("automatic", 1024, 128, read=0.5, write=1.0, ttl_s=300)
NOTHING = CacheRule("none")


def prices(rule: CacheRule, input: float = 4e-6) -> Prices:
    return Prices.by_rule(input, 5 * input, rule)


# Rules


@pytest.mark.parametrize(
    ("prefix", "anthropic", "openai"),
    [
        (0, 0, 0),
        (1023, 0, 0),
        (1024, 1024, 1024),
        (1151, 1151, 1024),
        (1152, 1152, 1152),
        (84_200, 84_200, 84_096),
    ],
)
def test_a_prefix_is_cached_from_the_minimum_on_and_in_steps(
    prefix: int, anthropic: int, openai: int
) -> None:
    assert FIVE_MINUTES.cached(prefix) == anthropic
    assert STEPS.cached(prefix) == openai
    assert NOTHING.cached(prefix) == 0


def test_a_prefix_below_the_minimum_costs_what_it_costs_without_a_cache() -> None:
    short = expected_cost(PromptSize(1000, 500, 20), prices(FIVE_MINUTES), FIVE_MINUTES, Traffic(10))
    assert short.usd == short.uncached_usd == pytest.approx(1500 * 4e-6 + 20 * 20e-6)
    assert (short.cached_tokens, short.hit_rate, short.marked) == (0, 0, False)


def test_prices_beyond_a_threshold_hold_for_the_whole_prompt() -> None:
    dear = Prices(8e-6, 30e-6, 0.8e-6, 10e-6)
    tiered = Prices(4e-6, 20e-6, 0.4e-6, 5e-6, threshold=272_000, above=dear)
    size, rate = PromptSize(272_000, 0, 10), Traffic(1000)
    assert expected_cost(size, tiered, FIVE_MINUTES, rate).usd == pytest.approx(272_000 * 0.4e-6 + 10 * 20e-6)
    longer = PromptSize(272_000, 1, 10)
    assert expected_cost(longer, tiered, FIVE_MINUTES, rate).usd == pytest.approx(
        272_000 * 0.8e-6 + 8e-6 + 10 * 30e-6
    )


def test_where_the_rest_is_written_too_it_has_the_price_of_a_write() -> None:
    rule = CacheRule("explicit", 1024, read=0.1, write=1.25, ttl_s=1800, writes_rest=True)
    found = expected_cost(PromptSize(10_000, 2_000), prices(rule, 1e-6), rule, Traffic(1e5))
    assert found.usd == pytest.approx(10_000 * 0.1e-6 + 2_000 * 1.25e-6, rel=1e-3)


# Hits


@pytest.mark.parametrize(
    ("per_minute", "refreshed", "expected"),
    [
        (0.0, True, 0.0),
        (0.2, True, 1 - math.exp(-1)),
        (2.0, True, 1 - math.exp(-10)),
        (0.0, False, 0.0),
        (0.2, False, 1 / 2),
        (2.0, False, 10 / 11),
    ],
)
def test_hits_of_poisson_traffic(per_minute: float, refreshed: bool, expected: float) -> None:
    rule = CacheRule("cache_control", ttl_s=300, refreshed=refreshed)
    assert hit_rate(rule, Traffic(per_minute)) == pytest.approx(expected)


def test_an_entry_that_is_being_written_is_not_read() -> None:
    refreshed = CacheRule("cache_control", ttl_s=300, ready_s=30)
    assert hit_rate(refreshed, Traffic(2)) == pytest.approx(1 - 2 * math.exp(-10))
    renewed = CacheRule("cache_control", ttl_s=300, ready_s=30, refreshed=False)
    assert hit_rate(renewed, Traffic(2)) == pytest.approx(9 / 11)


RULES = st.builds(
    CacheRule,
    st.sampled_from(["cache_control", "explicit", "automatic", "none"]),
    minimum=st.integers(0, 5000),
    step=st.sampled_from([1, 16, 128]),
    read=st.floats(0, 1),
    write=st.floats(1, 2),
    ttl_s=st.floats(30, 7200),
    refreshed=st.booleans(),
    kept=st.floats(0, 1),
    ready_s=st.floats(0, 30),
)
RATES = st.floats(0, 100)


@given(RULES, RATES, RATES, st.floats(0, 1))
def test_hits_are_a_share_that_grows_with_the_traffic(
    rule: CacheRule, one: float, two: float, broken: float
) -> None:
    fewer, more = (hit_rate(rule, Traffic(rate, broken)) for rate in sorted((one, two)))
    assert 0 <= fewer <= more + 1e-12
    assert more <= 1 - broken + 1e-12


@given(RULES, RATES, st.floats(0, 1e5), st.floats(0, 1e5))
def test_a_cost_lies_between_all_read_and_all_written(
    rule: CacheRule, rate: float, prefix: float, suffix: float
) -> None:
    size = PromptSize(prefix, suffix, 10)
    found = expected_cost(size, prices(rule, 1e-6), rule, Traffic(rate))
    cached = rule.cached(prefix)
    rest = (size.input - cached) * 1e-6 + 10 * 5e-6
    assert rest + cached * 1e-6 * rule.read - 1e-9 <= found.usd <= rest + cached * 1e-6 * rule.write + 1e-9
    if rule.optional:
        assert found.usd <= found.uncached_usd + 1e-12


# Published and worked numbers


@pytest.mark.parametrize(("rule", "queries"), [(FIVE_MINUTES, 2), (AN_HOUR, 3)])
def test_caching_pays_from_the_second_query_or_the_third(rule: CacheRule, queries: int) -> None:
    """One write and reads after it: 1.25 + 0.1 (n - 1) < n from n = 2 on, 2 + 0.1 (n - 1) from n = 3 on."""
    size = PromptSize(10_000, 0)
    for count in (queries - 1, queries):
        # Of n queries within the lifetime n - 1 hit; a rule that keeps that share has the cost of their mean.
        share = CacheRule("automatic", read=rule.read, write=rule.write, ttl_s=1e9, kept=(count - 1) / count)
        mean = expected_cost(size, prices(share), share, Traffic(10))
        assert (mean.usd < mean.uncached_usd) == (count == queries)


@pytest.mark.parametrize(("read", "equivalent"), [(0.1, 160), (0.05, 320), (0.025, 640)])
def test_sixteen_similar_ones_cost_as_much_as_many_cached_ones(read: float, equivalent: int) -> None:
    rule = CacheRule("cache_control", read=read, write=1.25, ttl_s=300)
    sizes, rate = Sizes(420), Traffic(60)
    similar = point(0, 16, sizes=sizes, prices=prices(rule), rule=rule, traffic=rate)
    fixed = point(equivalent, 0, sizes=sizes, prices=prices(rule), rule=rule, traffic=rate)
    assert fixed.cost.usd == pytest.approx(similar.cost.usd, rel=1e-6)
    assert 16 / token_factor(prices(rule), rule, rate) == pytest.approx(equivalent)


def test_two_hundred_cached_ones_can_be_cheaper_than_sixteen_that_are_not() -> None:
    """84,200 tokens at $4 a million: $0.42 to write, $0.017 to read; 16 uncached ones cost $0.027."""
    rule = CacheRule("cache_control", read=0.05, write=1.25, ttl_s=300)
    sizes, four = Sizes(421), prices(rule)
    cold = CacheRule("automatic", read=0.05, write=1.25, kept=0)
    first = point(200, 0, sizes=sizes, prices=four, rule=cold, traffic=Traffic(0)).cost.usd
    next_ones = point(200, 0, sizes=sizes, prices=four, rule=rule, traffic=Traffic(1000)).cost.usd
    similar = point(0, 16, sizes=sizes, prices=four, rule=rule, traffic=Traffic(1000)).cost.usd
    assert (round(first, 2), round(next_ones, 3), round(similar, 3)) == (0.42, 0.017, 0.027)
    assert next(n for n in range(1, 100) if first + (n - 1) * next_ones < n * similar) == 41


def test_the_rate_from_which_caching_pays() -> None:
    """Hits of (1.25 - 1) / (1.25 - 0.1) = 21.7 % break even: -ln(1 - 0.217) / 5 minutes."""
    rate = rate_for_factor(1, prices(FIVE_MINUTES), FIVE_MINUTES)
    assert rate == pytest.approx(-math.log(1 - 0.25 / 1.15) / 5)
    assert rate_for_factor(0.05, prices(FIVE_MINUTES), FIVE_MINUTES) is None
    assert rate_for_factor(1, prices(STEPS), STEPS) == 0
    assert rate_for_factor(1, prices(NOTHING), NOTHING) is None


@given(RULES, st.floats(0.01, 1.5))
def test_from_that_rate_on_it_is_so_cheap(rule: CacheRule, factor: float) -> None:
    known = prices(rule)
    rate = rate_for_factor(factor, known, rule)
    if rate:
        assert token_factor(known, rule, Traffic(rate * 1.001)) <= factor + 1e-6
        hits = hit_rate(rule, Traffic(rate * 0.999))
        assert hits * rule.read + (1 - hits) * rule.write >= factor - 1e-6


# Plans


def plan(rate: float = 2, rule: CacheRule = FIVE_MINUTES, sizes: Sizes | None = None, **asked: Any) -> Plan:
    sizes = sizes or Sizes(420, 50, 600, 20)
    return plan_hybrid(sizes, prices(rule), rule, Traffic(rate), **{"similar": 16, "fixed": 200, **asked})


def numbers(found: Plan) -> tuple[int, int]:
    return found.chosen.fixed, found.chosen.similar


def test_cold_traffic_fixes_nothing() -> None:
    for rate in (0, 0.01, 0.1):
        found = plan(rate)
        assert numbers(found) == (0, 16)
        assert found.recipe().text == "rices(k=16)|similar_last"
        assert "none is fixed" in found.why[0]


def test_heavy_traffic_buys_as_many_fixed_ones_as_reading_allows() -> None:
    """Eight similar ones are given up, and buy 80 that are read at a tenth; the instruction is read as well now."""
    found = plan(10)
    assert numbers(found) == (81, 8)
    assert found.equivalent_shots == pytest.approx(10)
    assert found.effective_shots == pytest.approx(8 + 0.2 * 81)
    assert found.recipe().text == "hybrid(cached=k_centre,similar=rices,prefix=81,k=89)|similar_last"
    assert plan(10, keep=0, sizes=Sizes(420)).chosen.fixed == 160
    assert found.why[0].startswith(
        "At 10 queries a minute 100.0% of the queries read the prefix of 34,070 tokens"
    )


def test_without_a_cache_similar_ones_alone_are_the_plan() -> None:
    assert numbers(plan(100, NOTHING)) == (0, 16)
    assert numbers(plan(100, NOTHING, value_fixed=1.5)) == (8, 8)  # unless fixed ones are worth more


def test_fixed_ones_that_are_worth_little_are_left_out() -> None:
    assert numbers(plan(10, value_fixed=0.05)) == (0, 16)
    assert numbers(plan(10, value_fixed=0)) == (0, 16)


def test_a_pool_too_small_for_the_minimum_is_said_to_be() -> None:
    found = plan(10, sizes=Sizes(40), fixed=20)
    assert found.chosen.fixed == 0
    assert found.why[0] == (
        "20 fixed demonstrations stay below the 1,024 tokens that are cached at the least, so none is fixed"
    )


def test_limits_cut_the_plan_and_its_ends() -> None:
    found = plan(10, most_shots=20)
    assert sum(numbers(found)) <= 20
    assert found.all_fixed.fixed == 20
    found = plan(10, most_tokens=50 + 600 + 20 + 30 * 420)
    assert sum(numbers(found)) <= 30
    assert found.all_fixed.fixed == 30
    cheap = plan(10, most_usd=0.01)
    assert cheap.limit_usd == 0.01
    assert cheap.chosen.cost.usd <= 0.01 < plan(10).chosen.cost.usd


def test_where_all_fixed_is_cheaper_the_plan_is_no_dearer_than_that() -> None:
    found = plan(10, fixed=60)
    assert found.all_fixed.cost.usd < found.similar_only.cost.usd
    assert found.chosen.cost.usd <= found.all_fixed.cost.usd * (1 + 1e-9)
    assert "8 similar ones cannot be afforded" in found.why
    assert found.recipe(cached="k_means").text == "k_means(k=60)|similar_last"


def test_stages_go_into_the_similar_part() -> None:
    base = Recipe.read("where(tags=a)|rices(modality=text)|mmr|random|with(dialect=interleaved)")
    found = plan(10).recipe(base, cached="k_centre|balanced")
    text = (
        "where(tags=a)|hybrid(cached=k_centre|balanced,similar=rices(modality=text)|mmr,prefix=81,k=89)|random"
        "|with(dialect=interleaved)"
    )
    assert found == Recipe.read(text)
    assert plan(0).recipe(base) == base.model_copy(update={"k": 16})
    assert build(Recipe.read(text).selector).prefixed


PLANS = {
    "rule": RULES,
    "rate": RATES,
    "sizes": st.builds(Sizes, st.floats(1, 2000), st.floats(0, 3000), st.floats(0, 2000), st.floats(0, 100)),
    "similar": st.integers(0, 20),
    "fixed": st.integers(0, 150),
    "value_fixed": st.floats(0, 1),
}


@given(**PLANS)
def test_a_plan_never_costs_more_than_its_better_end(**asked: Any) -> None:
    found = plan(asked.pop("rate"), asked.pop("rule"), asked.pop("sizes"), **asked)
    better = min(found.similar_only.cost.usd, found.all_fixed.cost.usd)
    assert found.chosen.cost.usd <= better * (1 + 1e-8)
    assert found.chosen.fixed <= asked["fixed"]
    assert found.chosen.similar <= asked["similar"]
    assert found.recipe().k == sum(numbers(found))


@given(**{**PLANS, "similar": st.integers(0, 5), "fixed": st.integers(0, 25)})
def test_a_plan_is_the_best_of_all_pairs(**asked: Any) -> None:
    rate, rule, sizes = asked.pop("rate"), asked.pop("rule"), asked.pop("sizes")
    found = plan(rate, rule, sizes, **asked)
    pairs = [
        point(fixed, similar, sizes=sizes, prices=prices(rule), rule=rule, traffic=Traffic(rate))
        for fixed in range(asked["fixed"] + 1)
        for similar in range(asked["similar"] + 1)
    ]
    affordable = [one for one in pairs if one.cost.usd <= found.limit_usd * (1 + 1e-9)]
    keep = -(-asked["similar"] // 2)
    kept = [one for one in affordable if one.similar >= keep] or affordable
    worth = max(one.similar + asked["value_fixed"] * one.fixed for one in kept)
    assert found.effective_shots == pytest.approx(worth)


# What is wrong


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda: CacheRule("automatic", step=0), "cache.step"),
        (lambda: CacheRule("automatic", read=-0.1), "cache.read"),
        (lambda: CacheRule("automatic", ttl_s=math.inf), "cache.ttl_s"),
        (lambda: CacheRule("automatic", kept=1.1), "cache.kept"),
        (lambda: CacheRule("automatic", ttl_s=5, ready_s=6), "cache.ready_s"),
        (lambda: Prices(math.nan, 0, 0, 0), "prices.input"),
        (lambda: Prices(1, 1, 1, 1, threshold=5), "prices.threshold"),
        (lambda: Traffic(-1), "rate"),
        (lambda: Traffic(1, broken=2), "broken"),
        (lambda: PromptSize(-1, 0), "prefix"),
        (lambda: Sizes(0), "tokens.demonstration"),
        (lambda: Sizes(1, query=-1), "tokens.query"),
        (lambda: plan(similar=-1), "similar"),
        (lambda: plan(keep=17), "keep"),
        (lambda: plan(value_fixed=math.inf), "value_fixed"),
        (lambda: plan(most_usd=0.001), "most_usd"),
        (lambda: plan(most_tokens=600), "most_tokens"),
        (lambda: plan(most_shots=-1), "most_shots"),
    ],
)
def test_what_is_out_of_range_is_named(wrong: Any, field: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        wrong()
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "per_minute"),
    [("2/min", 2), ("0.5/s", 30), (" 90 / h ", 1.5), ("1440/day", 1), (".1/min", 0.1), ("0/min", 0)],
)
def test_rates_are_read(text: str, per_minute: float) -> None:
    assert Traffic.read(text).per_minute == pytest.approx(per_minute)


@pytest.mark.parametrize("text", ["", "2", "2/week", "-1/min", "1e9/min", "two/min", "2/min/min", "٢/min"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="not a rate"):
        Traffic.read(text)


# From what is known about a model


def test_known_models_have_rules_and_prices() -> None:
    facts, price = facts_of("anthropic/claude-sonnet-5"), price_of("anthropic/claude-sonnet-5")
    assert price is not None
    rule = rule_of(facts.cache, ready_s=2)
    assert (rule.kind, rule.ttl_s, rule.refreshed, rule.write, rule.ready_s) == (
        "cache_control",
        300,
        True,
        1.25,
        2,
    )
    assert rule.minimum == facts.cache.minimum
    found = prices_of(price)
    assert (found.input, found.output, found.cache_read, found.cache_write) == pytest.approx(
        (2e-6, 10e-6, 0.2e-6, 2.5e-6)
    )
    hour = rule_of(facts.cache, long=True)
    assert (hour.ttl_s, hour.write) == (3600, 2.0)
    assert prices_of(price, long=True).cache_write == pytest.approx(4e-6)


@pytest.mark.parametrize(
    "model", ["openai/gpt-5.6", "openai/gpt-4o", "gemini/gemini-2.5-pro", "nobody/knows-it"]
)
def test_the_prices_of_long_prompts_are_taken_over(model: str) -> None:
    rule = rule_of(facts_of(model).cache, long=True)
    assert rule.step >= 1
    price = price_of(model)
    if price is None:
        assert model.startswith("nobody")
        return
    found = prices_of(price)
    for tokens in (1_000, 200_000, 200_001, 272_000, 272_001):
        rates = price.at(tokens)
        assert found.at(tokens).input == rates.input
        assert found.at(tokens).cache_read == rates.cache_read
        call = expected_cost(PromptSize(0, tokens, 10), found, CacheRule("none"), Traffic(1))
        assert call.usd == pytest.approx(price.cost(tokens, 10))


def test_each_of_several_thresholds_has_its_prices() -> None:
    rates = [Rates(n, n, n, n, n) for n in (1.0, 2.0, 3.0)]
    found = prices_of(Price(rates[0], ((100, rates[1]), (200, rates[2]))))
    assert [found.at(tokens).input for tokens in (1, 100, 101, 200, 201)] == [1, 1, 2, 2, 3]
