"""Intervals, tests and sample sizes against closed forms, independent definitions and invariants."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.experiments.statistics import (
    contrast,
    holm,
    mcnemar,
    mean,
    needed_by_sd,
    needed_items,
    power_of,
    resample,
    seed_spread,
    within_margin,
)

pairs = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30)


@given(pairs, st.randoms())
@settings(max_examples=30)
def test_the_order_of_the_items_does_not_matter(rows, random):
    mixed = list(rows)
    random.shuffle(mixed)
    one, other = (contrast(*zip(*given, strict=True), resamples=200) for given in (rows, mixed))
    assert one.value == pytest.approx(other.value, abs=1e-12)
    assert one.replicates == pytest.approx(other.replicates, abs=1e-9)


def test_a_contrast_turned_round_has_the_other_sign():
    for trial in range(10):
        rng = np.random.default_rng(trial)
        a, b = rng.random(80) + 0.1, rng.random(80)
        there, back = contrast(a, b).interval(), contrast(b, a).interval()
        assert there.value == pytest.approx(-back.value)
        near = 0.05 * (there.high - there.low)
        assert (there.low, there.high) == (
            pytest.approx(-back.high, abs=near),
            pytest.approx(-back.low, abs=near),
        )


@given(pairs)
@settings(max_examples=50)
def test_an_interval_holds_its_value_and_stays_where_scores_can_be(rows):
    a, b = zip(*rows, strict=True)
    found = contrast(a, b, resamples=500).interval()
    assert -1 <= found.low <= found.high <= 1
    # 500 resamples know their own centre to about a tenth of the width.
    near = 0.1 * (found.high - found.low) + 1e-9
    assert found.low - near <= found.value <= found.high + near


def test_a_seed_and_a_scope_fix_the_resamples():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 40, 3))
    found = contrast(a, b, seed=1, scope="x", resamples=300)
    assert (found.replicates == contrast(a, b, seed=1, scope="x", resamples=300).replicates).all()
    for seed, scope in ((2, "x"), (1, "y")):
        assert (found.replicates != contrast(a, b, seed=seed, scope=scope, resamples=300).replicates).any()


def test_few_distinct_rows_and_many_give_the_same_interval():
    """Counting equal rows and picking items are two ways to draw the same thing."""
    rng = np.random.default_rng(3)
    a, b = (rng.random((2, 300)) < [[0.7], [0.6]]).astype(float)
    counted = contrast(a, b).interval()
    # Not equal any more, but all but equal.
    picked = contrast(a + rng.random(300) * 1e-7, b, seed=1).interval()
    assert (counted.low, counted.high) == pytest.approx((picked.low, picked.high), abs=0.006)


@pytest.mark.parametrize(("items", "quantile"), [(6, 2.5706), (25, 2.0639)])
def test_an_interval_of_a_mean_is_students(items, quantile):
    values = np.random.default_rng(5).normal(3, 2, items)  # outside 0 to 1, so without unknown items
    found = mean(values, resamples=100_000).interval()
    half = quantile * values.std(ddof=1) / math.sqrt(items)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.04)
    assert found.high + found.low == pytest.approx(2 * values.mean(), rel=0.03)


def test_noise_of_items_is_not_counted_again_as_a_difference_between_seeds():
    widths = []
    for trial in range(31):
        noise = np.random.default_rng(trial).random((200, 3))
        found = mean(noise, seed=trial, resamples=1000).interval()
        widths.append(found.high - found.low)
    assert np.median(widths) == pytest.approx(2 * 1.97 * math.sqrt(1 / 12 / 600), rel=0.12)


def test_arms_that_never_disagree_may_still_differ():
    """20 items on which both are right say little; 2,000 say much."""
    few, many = (contrast([1.0] * count, [1.0] * count).interval() for count in (20, 2000))
    assert few.low < -0.04
    assert few.high > 0.04
    assert -0.002 < many.low <= 0 <= many.high < 0.002
    assert not within_margin([1.0] * 20, [1.0] * 20, 0.02).non_inferior
    assert within_margin([1.0] * 2000, [1.0] * 2000, 0.02).non_inferior


def test_seeds_that_differ_widen_an_interval_and_those_that_do_not_leave_it():
    rng = np.random.default_rng(1)
    item = rng.random(200)[:, None]
    other = rng.random(200)
    still = contrast(np.repeat(item, 4, axis=1), other).interval()
    alone = contrast(item, other).interval()
    assert (still.low, still.high) == pytest.approx((alone.low, alone.high), abs=0.006)
    moving = contrast(np.repeat(item, 4, axis=1) + np.array([0, 0.1, 0.2, 0.3]), other).interval()
    assert moving.high - moving.low > 2 * (alone.high - alone.low)


def test_shared_seeds_cancel():
    """A draw of demonstrations that is good for both arms says nothing of their difference."""
    rng = np.random.default_rng(2)
    a, b = rng.random((2, 200, 3)) * 0.2 + [0, 0.3, 0.6]
    shared, apart = (contrast(a, b, same_seeds=same).interval() for same in (True, False))
    assert shared.high - shared.low < 0.2 * (apart.high - apart.low)


def test_any_function_of_means_can_be_resampled():
    rng = np.random.default_rng(4)
    a, b = rng.random((2, 500)) * [[1], [0.5]]
    found = resample([a, b], lambda means: np.log(means[..., 0] / means[..., 1])).interval()
    assert found.value == pytest.approx(math.log(a.mean() / b.mean()))
    spread = math.sqrt((a / a.mean() - b / b.mean()).var(ddof=1) / 500)  # by the delta method
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(spread, rel=0.05)


def test_p_values_and_intervals_agree():
    rng = np.random.default_rng(6)
    for shift in (0.0, 0.03, 0.06, 0.1):
        found = contrast(rng.random(150) + shift, rng.random(150))
        assert (found.p_value() <= 0.05) == found.interval().certain
        assert found.p_value(0, "greater") + found.p_value(0, "less") == pytest.approx(1, abs=1e-3)
        assert found.p_value() == pytest.approx(
            2 * min(found.p_value(0, "greater"), found.p_value(0, "less"))
        )
        assert found.p_value(-9, "greater") == pytest.approx(1 / 10_001)


def test_seed_spread():
    found = seed_spread([[0, 1, 1], [0, 0, 1]])
    assert found.means == (0, 0.5, 1)
    assert (found.sd, found.width) == (pytest.approx(0.5), 1)
    assert seed_spread([0.2, 0.4]).sd == 0


@pytest.mark.parametrize(
    ("wins", "losses", "two_sided", "greater"),
    [(10, 2, 2 * 79 / 4096, 79 / 4096), (5, 5, 1.0, 638 / 1024), (0, 6, 2 / 64, 1.0), (0, 0, 1.0, 1.0)],
)
def test_mcnemar_is_a_coin(wins, losses, two_sided, greater):
    one = [True] * wins + [False] * losses + [True, False]
    other = [False] * wins + [True] * losses + [True, False]
    found = mcnemar(one, other)
    assert (found.wins, found.losses, found.p) == (wins, losses, pytest.approx(two_sided))
    assert mcnemar(one, other, "greater").p == pytest.approx(greater)
    assert mcnemar(np.array(one), np.array(other)) == found


@given(st.dictionaries(st.text(max_size=2), st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_closed_testing_with_bonferroni(p_values):
    """The definition it follows from: a hypothesis is as likely as the likeliest intersection that it is in."""
    adjusted = holm(p_values)
    for name in p_values:
        others = [other for other in p_values if other != name]
        found = max(
            min(1.0, (size + 1) * min(p_values[one] for one in (name, *chosen)))
            for size in range(len(others) + 1)
            for chosen in combinations(others, size)
        )
        assert adjusted[name] == pytest.approx(found)


def test_holm_keeps_names_and_order():
    assert holm({"b": 0.01, "a": 0.04, "c": 0.03}) == {"b": 0.03, "a": 0.06, "c": 0.06}
    assert holm({}) == {}


def test_a_margin():
    rng = np.random.default_rng(7)
    base = rng.random(800)
    noise = rng.normal(0, 0.1, 800)
    worse = within_margin(base - 0.03 + noise, base, 0.02)
    assert not worse.non_inferior
    assert not worse.equivalent
    like = within_margin(base + 0.002 + noise, base, 0.02)
    assert like.equivalent
    assert like.difference.low > -0.02
    better = within_margin(base + 0.1 + noise, base, 0.02)
    assert better.non_inferior
    assert not better.equivalent


@pytest.mark.parametrize(
    ("gap", "discordant", "items"),
    [(0.03, 0.10, 870), (0.05, 0.15, 469), (0.08, 0.16, 194), (0.10, 0.20, 155)],
)
def test_sample_sizes(gap, discordant, items):
    assert needed_items(gap, discordant) == items
    assert power_of(items, gap, discordant) >= 0.8 > power_of(items - 1, gap, discordant)
    # The same from the standard deviation of the differences, but for what the gap itself takes of it.
    assert needed_by_sd(gap, math.sqrt(discordant)) == pytest.approx(items, rel=0.02)


@given(st.floats(0.01, 0.3), st.floats(0, 1), st.floats(0.1, 0.99), st.floats(0.001, 0.2))
def test_needed_items_are_the_fewest_that_suffice(gap, more, power, alpha):
    discordant = gap + more * (1 - gap)
    items = needed_items(gap, discordant, power=power, alpha=alpha)
    assert power_of(items, gap, discordant, alpha=alpha) >= power - 1e-9
    assert items == 1 or power_of(items - 1, gap, discordant, alpha=alpha) <= power + 1e-9


def test_bad_numbers_are_named():
    for call in (
        lambda: contrast([1.0], [1.0, 0.0]),
        lambda: contrast([], []),
        lambda: contrast([1.0, math.nan], [1.0, 0.0]),
        lambda: mean(np.zeros((2, 2, 2))),
        lambda: mcnemar([True], []),
        lambda: holm({"a": 1.5}),
    ):
        with pytest.raises(InvalidInput):
            call()
    two = np.zeros((4, 2))
    for field, call in {
        "resamples": lambda: mean([1.0, 0.0], resamples=0),
        "same_seeds": lambda: contrast(two, two[:, :1], same_seeds=True),
        "level": lambda: mean([1.0, 0.0]).interval(1),
        "margin": lambda: within_margin([1.0], [1.0], 0),
        "alpha": lambda: within_margin([1.0], [1.0], 0.1, alpha=0.5),
        "gap": lambda: needed_items(0, 0.1),
        "discordant": lambda: needed_items(0.2, 0.1),
        "power": lambda: needed_items(0.1, 0.1, power=1),
        "items": lambda: power_of(0, 0.1, 0.1),
        "sd": lambda: needed_by_sd(0.1, -1),
    }.items():
        with pytest.raises(InvalidParameter) as caught:
            call()
        assert caught.value.field == field
