"""Regime diagnostics on scores whose regime is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.experiments.regimes import (
    all_gain,
    modality_impact,
    modality_probe,
    retrieval_gain,
    similar_ratio,
    unique_gain,
    visual_dependence,
    vote_gap,
)
from shotsmith.selectors.modality import Modality

ITEMS = 400


def right(share: float, *, seeds: int = 1, key: int = 0) -> np.ndarray:
    """Items that are right in that share; of two shares under one key the larger one holds the smaller one."""
    ease = np.random.default_rng(key).random((ITEMS, seeds))
    return (ease < share).astype(float)


def test_a_similar_sample_learner_has_a_ratio_above_one():
    found = similar_ratio(right(0.8), right(0.5))
    assert found.value == pytest.approx((right(0.8).mean() + 0.01) / (right(0.5).mean() + 0.01))
    assert found.low < found.value < found.high
    assert found.above_one
    assert not found.contains_one


def test_an_all_sample_learner_has_a_ratio_about_one():
    found = similar_ratio(right(0.7, seeds=3), right(0.7, seeds=3, key=1))
    assert found.contains_one
    assert not found.above_one
    assert found.value == pytest.approx(1, abs=0.1)


def test_a_ratio_turned_round_is_its_inverse():
    there, back = similar_ratio(right(0.7), right(0.6)), similar_ratio(right(0.6), right(0.7))
    assert there.value == pytest.approx(1 / back.value)
    assert (there.low, there.high) == pytest.approx((1 / back.high, 1 / back.low), rel=0.02)


def test_a_ratio_exists_where_nothing_is_right():
    nothing = similar_ratio(np.zeros(ITEMS), np.zeros(ITEMS))
    assert nothing.value == 1
    assert nothing.contains_one
    found = similar_ratio(right(0.5), np.zeros(ITEMS))
    assert math.isfinite(found.high)
    assert found.above_one


def test_ratios_of_two_modalities_have_resamples_of_their_own():
    one, other = (similar_ratio(right(0.7), right(0.6), scope=scope) for scope in ("SLR|image", "SLR|text"))
    assert one.value == other.value
    assert one != other
    assert one == similar_ratio(right(0.7), right(0.6), scope="SLR|image")


def test_seeds_of_a_ratio_are_paired():
    """A good draw is good for both arms, so that their ratio is known better than either."""
    base = right(0.6, seeds=3)
    draws = np.array([0.9, 0.95, 1.0])
    ratio = similar_ratio(base * draws, base * draws * 0.9, smoothing=1e-6)
    assert ratio.high / ratio.low < 1.05


@pytest.mark.parametrize(
    "gain",
    [
        unique_gain,
        all_gain,
        visual_dependence,
        lambda a, b: retrieval_gain(a, b, 16),
        lambda a, b: vote_gap(a, b, 16),
    ],
)
def test_gains_are_paired_differences(gain):
    better = gain(right(0.7), right(0.6))
    assert better.value == pytest.approx(right(0.7).mean() - right(0.6).mean())
    assert better.low > 0
    assert not gain(right(0.6), right(0.6)).certain
    assert gain(right(0.6, seeds=3), right(0.7)).value < 0
    with pytest.raises(InvalidInput):
        gain([1.0], [1.0, 0.0])


def test_impact_is_the_mean_loss_without_noise():
    clean = right(0.8)
    losses = {"remove": right(0.5), "swap": right(0.6), "permute": right(0.7)}
    found = modality_impact(clean, losses)
    assert found.impact == pytest.approx(clean.mean() - np.mean([one.mean() for one in losses.values()]))
    assert 0 < found.lower < found.impact
    assert found.matters
    # Noise hurts nobody; counting it would hide that the modality matters.
    assert modality_impact(clean, {**losses, "noise": clean}) == found
    assert modality_impact(clean, dict(reversed(losses.items()))) == found


def test_a_probe_weighs_the_selector():
    clean = right(0.8)
    probe = modality_probe(clean, {"remove": right(0.5)}, {"remove": clean, "permute": clean})
    assert probe.image.matters
    assert not probe.text.matters
    weights, note = Modality(probe=probe).mixture
    assert weights.image == pytest.approx(clean.mean() - right(0.5).mean())
    assert (weights.text, note) == (0, None)
    blind = modality_probe(clean, {"remove": clean}, {"remove": clean})
    assert Modality(probe=blind).mixture[1] == (
        "neither modality was measured to matter: equal weights for image and text"
    )


def test_bad_scores():
    with pytest.raises(InvalidInput, match="0 or more"):
        similar_ratio([-1.0, 0.0], [1.0, 1.0])
    with pytest.raises(InvalidParameter):
        similar_ratio([1.0, 0.0], [1.0, 1.0], smoothing=0)
    with pytest.raises(InvalidInput, match="no perturbation"):
        modality_impact([1.0, 0.0], {"noise": [1.0, 0.0]})
