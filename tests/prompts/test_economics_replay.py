"""Predicted costs against bills: simulated traffic, billed request by request by machines that know no formula."""

from __future__ import annotations

import dataclasses
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from shotsmith.prompts.economics import Sizes, Traffic, expected_cost, plan_hybrid, point

FOLDER = Path(__file__).parents[2] / "benchmarks" / "cache_costs"
NAMES = ("Anthropic", "OpenAI, 30", "OpenAI, automatic", "Gemini")


@pytest.fixture(scope="module")
def replay() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        importlib.import_module("price_lists")
        yield importlib.import_module("replay")


def listed(name: str) -> Any:
    return next(one for one in sys.modules["price_lists"].LISTS if one.name.startswith(name))


def billed(
    replay: ModuleType, name: str, rate: float, fixed: int, similar: int, queries: int, **more: Any
) -> Any:
    """The bill beside the prediction."""
    one, tokens = listed(name), replay.Tokens()
    sizes = Sizes(tokens.demonstration, tokens.instruction, tokens.query, tokens.output)
    traffic = Traffic(rate, more.get("broken", 0.0))
    cost = expected_cost(sizes.prompt(fixed, similar), one.prices, one.rule, traffic)
    requests = replay.traffic(rate, queries, fixed, similar, tokens=tokens, mark=cost.marked, **more)
    return replay.bill(one.provider(0), requests, one.list), cost


# The machines themselves


def asked(replay: ModuleType, at: float, *blocks: tuple[str, int, bool]) -> Any:
    return replay.Request(at, tuple(replay.Block(*block) for block in blocks), 0)


def served(provider: Any, request: Any) -> tuple[int, int, int]:
    usage = provider.serve(request)
    return usage.read, usage.written, usage.plain


def test_a_marked_prefix_is_written_then_read_until_nobody_used_it(replay) -> None:
    provider = replay.MarkedPrefixes(1024, 300, refreshed=True, ready_s=2)
    seen = [
        served(provider, asked(replay, at, ("p", 2000, True), (str(at), 100, False)))
        for at in (0, 1, 3, 290, 580, 881, 882, 884)
    ]
    write, read = (0, 2000, 100), (2000, 0, 100)
    assert seen == [write, write, read, read, read, write, write, read]


def test_a_lifetime_that_runs_from_the_write_is_not_lengthened(replay) -> None:
    provider = replay.MarkedPrefixes(1024, 1800, refreshed=False, look_back=None)
    seen = [served(provider, asked(replay, at, ("p", 2000, True)))[0] for at in (0, 900, 1799, 1800, 3599)]
    assert seen == [0, 2000, 2000, 0, 2000]


def test_what_is_too_short_or_bears_no_mark_is_passed_over(replay) -> None:
    provider = replay.MarkedPrefixes(1024, 300, refreshed=True)
    for at in (0, 1):
        assert served(provider, asked(replay, at, ("p", 1023, True), ("s", 5, False))) == (0, 0, 1028)
        assert served(provider, asked(replay, at, ("p", 5000, False))) == (0, 0, 5000)


@pytest.mark.parametrize(("blocks", "found"), [(19, 2000), (20, 0)])
def test_a_mark_at_the_end_finds_the_prefix_only_within_twenty_blocks(
    replay, blocks: int, found: int
) -> None:
    """Which is why the end of the fixed part bears a mark of its own."""
    provider = replay.MarkedPrefixes(1024, 300, refreshed=True)
    provider.serve(asked(replay, 0, ("p", 2000, True)))
    rest = [(f"d{number}", 10, number == blocks - 1) for number in range(blocks)]
    assert served(provider, asked(replay, 1, ("p", 2000, False), *rest))[0] == found
    own = [("p", 2000, True), *((name, tokens, False) for name, tokens, _ in rest)]
    assert served(provider, asked(replay, 2, *own)) == (2000, 0, 10 * blocks)


def test_an_automatic_cache_reads_what_is_common_in_steps(replay) -> None:
    provider = replay.SeenPrefixes(1024, 128, 300)
    prompts = [(("p", 1100, False), ("a", 500, False)), (("p", 1100, False), ("b", 500, False))]
    assert served(provider, asked(replay, 0, *prompts[0])) == (0, 0, 1600)
    assert served(provider, asked(replay, 1, *prompts[1])) == (1024, 0, 576)
    assert served(provider, asked(replay, 2, *prompts[0])) == (1536, 0, 64)
    assert served(provider, asked(replay, 301.5, *prompts[1])) == (
        1024,
        0,
        576,
    )  # "b" has expired, "p" has not
    assert served(provider, asked(replay, 602, *prompts[1])) == (0, 0, 1600)


def test_a_bill_adds_up(replay) -> None:
    found, _ = billed(replay, "Anthropic", 2, 20, 4, 300)
    assert found.requests == 300
    plain = found.input - found.read - found.written
    parts = (plain * 2, found.read * 0.2, found.written * 2.5, found.output * 10)
    assert found.usd == pytest.approx(sum(parts) / 1e6)
    assert found.read == found.hits * (50 + 20 * 420)


# Predictions


@pytest.mark.parametrize("rate", [0.1, 0.5, 2, 10])
@pytest.mark.parametrize("name", NAMES)
def test_predicted_costs_are_within_five_per_cent_of_the_bill(replay, name: str, rate: float) -> None:
    for fixed, similar in ((60, 0), (0, 16), (40, 8), (3, 4)):
        found, cost = billed(replay, name, rate, fixed, similar, 3000)
        assert cost.usd == pytest.approx(found.usd / found.requests, rel=0.05)
        assert cost.hit_rate == pytest.approx(found.hits / found.requests, abs=0.04)


def test_queries_that_break_the_prefix_are_predicted_too(replay) -> None:
    for name in ("Anthropic", "OpenAI, 30"):
        found, cost = billed(replay, name, 1, 80, 4, 4000, broken=0.2)
        unbroken, _ = billed(replay, name, 1, 80, 4, 4000)
        assert cost.usd == pytest.approx(found.usd / found.requests, rel=0.05)
        assert found.usd > 1.3 * unbroken.usd


def test_unless_told_otherwise_a_provider_may_write_whatever_it_does_not_read(replay) -> None:
    """Then even similar demonstrations alone cost the fee, marked or not."""
    one, tokens = listed("OpenAI, 30"), replay.Tokens()
    sizes = Sizes(tokens.demonstration, tokens.instruction, tokens.query, tokens.output)
    rule = dataclasses.replace(one.rule, writes_rest=True)
    for fixed, similar in ((40, 8), (0, 16), (2, 8)):
        for rate in (0.02, 2):
            cost = point(
                fixed, similar, sizes=sizes, prices=one.prices, rule=rule, traffic=Traffic(rate)
            ).cost
            provider = replay.MarkedPrefixes(
                1024, 1800, refreshed=False, ready_s=2, look_back=None, implicit=True
            )
            requests = replay.traffic(rate, 1500, fixed, similar, tokens=tokens, mark=cost.marked)
            found = replay.bill(provider, requests, one.list)
            assert cost.usd == pytest.approx(found.usd / found.requests, rel=0.05)
            if fixed < 40:
                assert cost.usd > 1.15 * cost.uncached_usd


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.7, 2, 10])
@pytest.mark.parametrize("name", NAMES)
def test_a_hybrid_is_never_billed_over_five_per_cent_more_than_its_better_end(
    replay, name: str, rate: float
) -> None:
    one, tokens = listed(name), replay.Tokens()
    sizes = Sizes(tokens.demonstration, tokens.instruction, tokens.query, tokens.output)
    plan = plan_hybrid(sizes, one.prices, one.rule, Traffic(rate), similar=16, fixed=200)
    usd = []
    for chosen in (plan.similar_only, plan.all_fixed, plan.chosen):
        found, _ = billed(replay, name, rate, chosen.fixed, chosen.similar, 3000)
        usd.append(found.usd / found.requests)
    assert usd[2] <= 1.05 * min(usd[:2])


@pytest.mark.parametrize(
    ("name", "least"), [("Anthropic", 0.7), ("OpenAI, 30", 0.8), ("OpenAI, automatic", 0.7)]
)
def test_a_warm_prefix_is_read_by_95_of_100_queries(replay, name: str, least: float) -> None:
    for rate in (least, 2, 10):
        found, cost = billed(replay, name, rate, 40, 8, 3000)
        assert found.hits / found.requests >= 0.95
        assert cost.hit_rate >= 0.95
    cold, _ = billed(replay, name, 0.05, 40, 8, 3000)
    assert cold.hits / cold.requests < 0.75


def test_point_is_what_is_billed(replay) -> None:
    """The planner's own points carry the same cost as the formula on their sizes."""
    one, tokens = listed("Anthropic"), replay.Tokens()
    sizes = Sizes(tokens.demonstration, tokens.instruction, tokens.query, tokens.output)
    _, cost = billed(replay, "Anthropic", 2, 40, 8, 10)
    assert point(40, 8, sizes=sizes, prices=one.prices, rule=one.rule, traffic=Traffic(2)).cost == cost


def test_the_benchmark_prints_the_whole_grid() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER, "--json", "--rates", "0.5", "5", "--queries", "6000"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = json.loads(done.stdout)
    assert len(found["rows"]) == 4 * 3 * 2
    assert found["largest_error"] < 0.05
    assert found["most_beyond_better_end"] < 0.05
    assert found["least_hit_rate_while_warm"] >= 0.95
    for row in found["rows"]:
        for regime in ("similar", "fixed", "hybrid"):
            assert row[regime]["error"] == pytest.approx(
                row[regime]["predicted_usd"] / row[regime]["billed_usd"] - 1
            )
