from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput
from shotsmith.experiments.metrics import accuracy, difference

outcomes = st.lists(st.booleans(), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    # Brown, Cai & DasGupta 2001; also R's prop.test(correct = FALSE).
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_interval_has_the_known_values(right, total, low, high):
    found = accuracy([True] * right + [False] * (total - right))
    assert found.value == right / total
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(outcomes)
def test_an_accuracy_lies_in_its_interval_within_0_and_1(correct):
    found = accuracy(correct)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


@given(outcomes)
def test_an_arm_does_not_differ_from_itself(correct):
    found = difference(correct, correct)
    assert (found.value, found.low, found.high, found.certain) == (0, 0, 0, False)


def test_difference_is_the_same_every_time_and_paired():
    one, other = [True] * 60 + [False] * 40, [True] * 50 + [False] * 50
    found = difference(one, other, seed=3, scope="x")
    assert found == difference(one, other, seed=3, scope="x")
    assert len({difference(one, other, seed=seed, scope="x") for seed in range(20)}) > 1
    assert found.value == pytest.approx(0.1)
    assert found.certain
    # The same accuracies on other items: unpaired disagreement makes the interval wider.
    assert not difference(one, other[::-1]).certain


def test_bootstrap_intervals_cover_the_truth():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(300):
        one, other = rng.random(120) < 0.6, rng.random(120) < 0.5
        found = difference(list(one), list(other), seed=trial, resamples=2000)
        covered += found.low <= 0.1 <= found.high
    assert 0.91 <= covered / 300 <= 0.985


def test_nothing_cannot_be_measured():
    with pytest.raises(InvalidInput):
        accuracy([])
    with pytest.raises(InvalidInput):
        difference([True], [True, False])
