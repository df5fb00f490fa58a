"""What reports teach: convergence, the margin's promise, and what must not mislead."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotsmith.domain.messages import Usage
from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.tokens import Calibration, Calibrations, Features

MODELS = st.sampled_from(["claude-sonnet-4-5", "gemini/gemini-2.5-flash", "qwen/qwen2.5-vl-7b", "nobody/x"])
SEEDS = st.integers(0, 2**32)


@dataclass(frozen=True)
class Provider:
    """A simulated provider whose true rule is linear in ours."""

    text: float
    images: float
    turn: float
    request: float

    def report(self, features: Features) -> int:
        tokens = self.text * features.text + self.images * features.images
        return max(1, round(tokens + self.turn * features.turns + self.request))


def prompt(draw: random.Random) -> Features:
    shots = draw.choice([0, 1, 2, 4, 8, 16, 32])
    text = draw.randint(20, 200) + sum(draw.randint(10, 120) for _ in range(shots + 1))
    images = (shots + 1) * draw.choice([85, 255, 361, 765, 1120])
    return Features(text, images, 0, 2 * shots + 1 + draw.randint(0, 1), shots + 1)


def within_prior(calibration: Calibration, draw: random.Random) -> Provider:
    low_high = [
        (start - spread, start + spread)
        for start, spread in zip(calibration.start, calibration.spread, strict=True)
    ]
    text, images, _, turn, request = (draw.uniform(low, high) for low, high in low_high)
    return Provider(text, images, turn, request)


def worst_error(calibration: Calibration, provider: Provider, draw: random.Random) -> float:
    errors = []
    for _ in range(20):
        features = prompt(draw)
        true = provider.report(features)
        errors.append(abs(calibration.expected(features) - true) / true)
    return max(errors)


@settings(max_examples=150)
@given(
    MODELS,
    SEEDS,
    st.builds(Provider, st.floats(0.5, 2), st.floats(0.5, 2), st.floats(0, 10), st.floats(0, 500)),
)
def test_any_linear_rule_is_learnt_from_twenty_reports(model: str, seed: int, provider: Provider) -> None:
    draw = random.Random(seed)
    calibration = Calibration.prior(facts_of(model))
    for _ in range(20):
        features = prompt(draw)
        calibration = calibration.observe(features, Usage(provider.report(features)))
    assert calibration.calls == 20
    assert worst_error(calibration, provider, draw) <= 0.02


@settings(max_examples=150)
@given(MODELS, SEEDS)
def test_no_report_exceeds_the_margin_while_the_rule_is_as_close_as_the_facts_say(
    model: str, seed: int
) -> None:
    draw = random.Random(seed)
    calibration = Calibration.prior(facts_of(model))
    provider = within_prior(calibration, draw)
    for _ in range(40):
        features = prompt(draw)
        true = provider.report(features)
        assert true <= ceil(calibration.expected(features) + calibration.margin(features))
        calibration = calibration.observe(features, Usage(true))


@given(MODELS, SEEDS)
def test_the_margin_shrinks_with_evidence(model: str, seed: int) -> None:
    draw = random.Random(seed)
    calibration = Calibration.prior(facts_of(model))
    provider = within_prior(calibration, draw)
    probe = Features(400, 8 * 361, 0, 17, 8)
    before = calibration.margin(probe) / calibration.expected(probe)
    for _ in range(30):
        features = prompt(draw)
        calibration = calibration.observe(features, Usage(provider.report(features)))
    after = calibration.margin(probe) / calibration.expected(probe)
    assert after < before / 2
    assert after < 0.06


def test_known_models_start_with_a_smaller_margin() -> None:
    probe = Features(400, 8 * 361, 0, 17, 8)
    shares = [
        Calibration.prior(facts_of(model)).margin(probe) / Calibration.prior(facts_of(model)).expected(probe)
        for model in ("claude-sonnet-4-5", "gpt-4o", "nobody/x")
    ]
    assert max(shares[:2]) < 0.2 < shares[2] < 0.6


@settings(max_examples=60)
@given(MODELS, SEEDS)
def test_outliers_mislead_little(model: str, seed: int) -> None:
    draw = random.Random(seed)
    calibration = Calibration.prior(facts_of(model))
    provider = within_prior(calibration, draw)
    for number in range(60):
        features = prompt(draw)
        true = provider.report(features)
        if number % 10 == 7:
            true = max(1, int(true * draw.choice([0.1, 0.3, 3, 10])))
        calibration = calibration.observe(features, Usage(true))
    assert worst_error(calibration, provider, draw) <= 0.03


@settings(max_examples=40)
@given(SEEDS)
def test_a_rule_that_changes_is_learnt_anew(seed: int) -> None:
    draw = random.Random(seed)
    calibration = Calibration.prior(facts_of("claude-sonnet-4-5"))
    before, after = Provider(1.1, 1.0, 5, 10), Provider(1.5, 1.4, 5, 10)
    for provider in (before, after):
        for _ in range(60):
            features = prompt(draw)
            calibration = calibration.observe(features, Usage(provider.report(features)))
    assert worst_error(calibration, after, draw) <= 0.02


@settings(max_examples=40)
@given(SEEDS, st.floats(0.01, 0.05))
def test_reports_that_scatter_widen_the_margin(seed: int, scatter: float) -> None:
    draw = random.Random(seed)
    calibration = Calibration.prior(facts_of("claude-sonnet-4-5"))
    provider = within_prior(calibration, draw)
    over = 0
    for number in range(150):
        features = prompt(draw)
        true = max(1, round(provider.report(features) * (1 + draw.gauss(0, scatter))))
        if number >= 50:
            over += true > calibration.expected(features) + calibration.margin(features) + 1
        calibration = calibration.observe(features, Usage(true))
    assert over <= 10
    assert calibration.scatter > 1


@settings(max_examples=40)
@given(SEEDS)
def test_what_was_cached_is_added_where_a_provider_leaves_it_out(seed: int) -> None:
    draw = random.Random(seed)
    facts = facts_of("claude-sonnet-4-5")
    told, untold = Calibration.prior(facts), Calibration.prior(facts)
    provider = within_prior(told, draw)
    for _ in range(40):
        features = prompt(draw)
        true = provider.report(features)
        cached, written = draw.choice([(0, 0), (true // 2, 0), (0, true // 2), (true // 2, true // 3)])
        told = told.observe(features, Usage(true, 5, cached, written))
        untold = untold.observe(features, Usage(true - cached - written, 5, cached, written))
    assert worst_error(told, provider, draw) <= 0.02
    assert worst_error(untold, provider, draw) <= 0.02
    assert min(told.calls, untold.calls) > 20


def test_a_report_that_can_be_read_in_two_ways_teaches_nothing() -> None:
    calibration = Calibration.prior(facts_of("nobody/x"))
    features = Features(100, 2000, 0, 2, 1)
    assert calibration.observe(features, Usage(1900, 5, 600)) is calibration
    assert calibration.observe(features, Usage(1900, 5, 3)).calls == 1


@pytest.mark.parametrize("usage", [Usage(), Usage(0), Usage(-5), Usage(None, 7)])
def test_a_report_of_nothing_teaches_nothing(usage: Usage) -> None:
    calibration = Calibration.prior(facts_of("gpt-4o"))
    assert calibration.observe(Features(100, 765, 0, 2, 1), usage) is calibration


def test_models_that_count_exactly_are_not_corrected() -> None:
    calibration = Calibration.prior(facts_of("offline/knn-vote"))
    features = Features(100, 0, 0, 2, 1)
    assert (calibration.expected(features), calibration.margin(features)) == (100, 0)
    assert calibration.observe(features, Usage(90)) is calibration


@given(st.lists(st.tuples(SEEDS, st.integers(1, 10**7)), max_size=12))
def test_whatever_is_reported_numbers_stay_finite_and_are_restored_exactly(
    reports: list[tuple[int, int]],
) -> None:
    prior = Calibration.prior(facts_of("nobody/x"))
    calibration = prior
    for seed, tokens in reports:
        calibration = calibration.observe(prompt(random.Random(seed)), Usage(tokens, 1, tokens // 2))
        probe = prompt(random.Random(seed + 1))
        assert 0 <= calibration.expected(probe) < 1e9
        assert 0 <= calibration.margin(probe) < 1e10
    assert prior.restored(json.loads(json.dumps(calibration.state()))) == calibration


def test_calibrations_are_kept_apart_by_model_and_by_rules() -> None:
    both = Calibrations()
    gpt, claude = facts_of("gpt-4o"), facts_of("claude-sonnet-4-5")
    after = both.observe(gpt, Features(100, 765, 0, 2, 1), Usage(950))
    assert both.of(gpt) == after
    assert (both.of(gpt).calls, both.of(claude).calls) == (1, 0)
    assert both.of(facts_of("gpt-4o-mini")).calls == 0
