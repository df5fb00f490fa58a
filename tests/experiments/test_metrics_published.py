"""Data efficiency, and the numbers of ManyICL (Jiang et al. 2024, arXiv 2405.09798v2) that can be recomputed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput
from shotsmith.experiments.metrics import data_efficiency
from shotsmith.prompts.economics import CacheRule, Prices, PromptSize, Traffic, expected_cost
from shotsmith.prompts.prices import Price, Rates

curves = st.dictionaries(st.integers(1, 2000), st.floats(0, 100), min_size=1, max_size=8)


@given(curves, st.floats(0, 100))
def test_the_slope_is_least_squares_through_zero_shot(rest, zero):
    found = data_efficiency({0: zero, **rest})
    x = np.log10(np.array(list(rest)) + 1)
    expected = np.linalg.lstsq(x[:, None], np.array(list(rest.values())) - zero, rcond=None)[0][0]
    assert found.slope == pytest.approx(expected, abs=1e-9)
    each = (np.array(list(rest.values())) - zero) / x
    assert each.min() - 1e-9 <= found.slope <= each.max() + 1e-9


@given(st.floats(-20, 20), st.floats(0, 100), st.lists(st.integers(1, 2000), min_size=1, unique=True))
def test_a_straight_line_is_found_again(slope, zero, shots):
    found = data_efficiency({0: zero, **{count: zero + slope * math.log10(count + 1) for count in shots}})
    assert found.slope == pytest.approx(slope, abs=1e-9)
    assert found.r2 is None or found.r2 == pytest.approx(1) or abs(slope) < 1e-6


def test_shapes():
    dip = data_efficiency({0: 80, 1: 60, 10: 70, 100: 90})
    assert dip.v_shaped
    assert not dip.monotone
    assert dip.peak_shots == 100
    late = data_efficiency({0: 80, 10: 90, 100: 70})
    assert (late.v_shaped, late.monotone, late.peak_shots) == (False, False, 10)
    rising = data_efficiency({100: 90, 0: 80, 10: 90})
    assert (rising.v_shaped, rising.monotone, rising.peak_shots) == (False, True, 10)
    assert not data_efficiency({0: 80, 1: 79, 10: 90}, tolerance=2).v_shaped
    flat = data_efficiency({0: 80, 10: 80})
    assert (flat.slope, flat.r2) == (0, None)
    assert data_efficiency({0: 80, 1: 20, 1000: 80}).r2 < 0


def test_a_curve_needs_its_ends():
    for bad in ({}, {0: 1}, {1: 1, 2: 2}, {0: 1, -1: 2}, {0: 1, 2: math.nan}):
        with pytest.raises(InvalidInput):
            data_efficiency(bad)


# Table 2, Gemini 1.5 Pro: demonstrations, zero-shot, best, efficiency. These are the classification datasets on which
# section 4.1 says that it improves up to the most demonstrations, so that the end of the curve is known.
RISING = {
    "FIVES": (400, 25.83, 55.00, 7.56),
    "UCMerced": (1470, 91.19, 98.57, 4.36),
    "EuroSAT": (1000, 36.24, 74.16, 20.61),
    "Oxford Pets": (1750, 85.29, 97.43, 4.26),
    "DTD": (2350, 69.89, 83.19, 3.89),
}


@pytest.mark.parametrize("dataset", RISING)
def test_published_slopes_have_our_unit(dataset):
    """The paper prints the curves between the ends as figures alone, so its slopes cannot be had from numbers.

    The ends give a slope of the same size: a logarithm to another base, or scores as shares of 1, would not.
    """
    most, zero, best, published = RISING[dataset]
    assert 0.5 < data_efficiency({0: zero, most: best}).slope / published < 2


def test_one_published_slope_is_that_of_its_ends():
    most, zero, best, published = RISING["DTD"]
    assert data_efficiency({0: zero, most: best}).slope == pytest.approx(published, rel=0.02)


# Table 3: Gemini 1.5 Pro's preview at $7 and $21 per million tokens; dollars a query, alone and 50 in a call.
RATES = Rates(7e-6, 21e-6, 0.7e-6, 7e-6, 7e-6)
ANSWER = 40  # tokens; what an answer takes, the question does not, and nothing below depends on the split
BATCHED = {
    "HAM10000": {"shots": 350, "zero": (0.0038, 0.0038), "many": (0.8420, 0.0877)},
    "TerraIncognita": {"shots": 810, "zero": (0.0037, 0.0038), "many": (1.8420, 0.0406)},
}


def sizes(dataset: str) -> tuple[float, float]:
    """Tokens of a question and of a demonstration, from what single queries cost."""
    row = BATCHED[dataset]
    question = (row["zero"][0] - ANSWER * RATES.output) / RATES.input
    return question, (row["many"][0] - row["zero"][0]) / RATES.input / row["shots"]


def per_query(dataset: str, shots: int, batch: int, *, rule: CacheRule | None = None) -> float:
    """What the cost model says that a query costs in a call of several."""
    question, demonstration = sizes(dataset)
    size = PromptSize(shots * demonstration, batch * question, batch * ANSWER)
    prices = Prices(RATES.input, RATES.output, RATES.cache_read, RATES.cache_write)
    model = expected_cost(size, prices, rule or CacheRule("none"), Traffic(1000)).usd / batch
    if rule is None:
        call = Price(RATES).cost(round(size.input), round(size.output)) / batch
        assert call == pytest.approx(model, rel=1e-3)  # what is billed is what is planned with
    return model


def near(published: float) -> object:
    """Within 2 %, and half a unit of the last digit that is printed."""
    return pytest.approx(published, abs=0.02 * published + 5e-5)


@pytest.mark.parametrize("dataset", BATCHED)
def test_what_batches_cost(dataset):
    row = BATCHED[dataset]
    assert per_query(dataset, 0, 1) == near(row["zero"][0])
    assert per_query(dataset, 0, 50) == near(row["zero"][1])
    assert per_query(dataset, row["shots"], 1) == near(row["many"][0])
    # HAM10000's last cell is what 10 queries in a call cost, though the table's caption says 50.
    batch = 10 if dataset == "HAM10000" else 50
    assert per_query(dataset, row["shots"], batch) == near(row["many"][1])


def test_one_cell_of_the_table_is_not_of_its_caption():
    assert per_query("HAM10000", 350, 50) == pytest.approx(0.0206, abs=5e-5)


def test_a_demonstration_is_an_image_and_a_line():
    """258 tokens are Gemini 1.5's image; the rest is the question with its choices."""
    assert [round(sizes(dataset)[1]) for dataset in BATCHED] == [342, 324]


@pytest.mark.parametrize(("dataset", "usd"), [("HAM10000", 0.084), ("TerraIncognita", 0.184)])
def test_a_cache_saves_as_much_without_batches(dataset, usd):
    rule = CacheRule("automatic", minimum=1, read=0.1)
    cost = per_query(dataset, BATCHED[dataset]["shots"], 1, rule=rule)
    assert cost - BATCHED[dataset]["zero"][0] == pytest.approx(usd, rel=0.02)
