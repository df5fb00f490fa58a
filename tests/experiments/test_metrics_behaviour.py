"""Places, copies, votes, label bias, confidence and costs, on answers whose properties are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.domain.messages import Reply, Usage
from shotsmith.experiments.metrics import (
    calibration,
    content_free_bias,
    copy_rate,
    costs,
    gold_last_gain,
    label_bias,
    order_flips,
    position_bias,
    recency_lift,
    risk_coverage,
    vote_agreement,
)

LABELS = ("a", "b", "c")


def test_position_bias():
    found = position_bias({0.0: [1, 0, 0, 0], 0.5: [0, 0, 0, 0], 1.0: [1, 1, 1, 0]})
    assert (found.best, found.worst, found.bias) == (1.0, 0.5, 0.75)
    assert found.means == {0.0: 0.25, 0.5: 0, 1.0: 0.75}
    for bad in ({}, {0.0: []}, {0.0: [1], 1.0: [1, 0]}):
        with pytest.raises(InvalidInput):
            position_bias(bad)


def test_recency_of_a_copier_of_a_random_one_and_of_none():
    rng = np.random.default_rng(0)
    shown = [[LABELS[one] for one in row] for row in rng.integers(3, size=(3000, 4))]
    assert recency_lift([told[-1] for told in shown], shown) == pytest.approx(2 / 3, abs=0.03)
    assert recency_lift([told[0] for told in shown], shown) == pytest.approx(
        (1 / 3 - (1 + 2 / 3) / 3), abs=0.03
    )
    assert recency_lift(["a"] * 3000, shown) == pytest.approx(0, abs=0.03)
    assert recency_lift([None] * 3000, shown) == 0
    assert recency_lift(["a", "a"], [["a"], ["b", "a"]]) == 1  # one demonstration has no other position
    with pytest.raises(InvalidInput, match="two demonstrations"):
        recency_lift(["a"], [["a"]])


def test_gold_last():
    shown = [["a", "b"], ["b", "a"], ["a", "a"], ["b", "b"]]
    assert gold_last_gain([0, 1, 1, 0], ["a"] * 4, shown) == 1
    assert gold_last_gain([1, 1], ["a", "a"], [["b", "a"], ["a", "a"]]) is None
    with pytest.raises(InvalidInput):
        gold_last_gain([1], ["a"], [])


def test_copies():
    assert copy_rate(["a", "B", None, "z"], [["a", "b"], ["b"], ["c"], []]) == pytest.approx(1 / 3)
    with pytest.raises(InvalidInput, match="no item has a demonstration"):
        copy_rate(["a"], [[]])
    with pytest.raises(InvalidInput):
        copy_rate(["a"], [])


def test_flips():
    found = order_flips([["a", "a", "a"], ["a", "b", "a"], ["a", "b", None], [None, None, None]])
    assert found.items == 0.5
    assert found.pairs == pytest.approx((0 + 2 / 3 + 1 + 0) / 4)
    for bad in ([], [["a"]], [["a", "b"], ["a"]]):
        with pytest.raises(InvalidInput):
            order_flips(bad)


def test_a_model_that_says_one_label_is_biased():
    truths = ["a"] * 50 + ["b"] * 50
    fair, biased = label_bias(truths, truths), label_bias(["a"] * 100, truths)
    assert (fair.kl, fair.entropy) == (0, pytest.approx(math.log(2)))
    assert fair.recall == {"a": 1, "b": 1}
    p, q = 100.5 / 101, 0.5
    assert biased.kl == pytest.approx(p * math.log(p / q) + (1 - p) * math.log((1 - p) / q))
    assert (biased.entropy, biased.truth_entropy) == (0, pytest.approx(math.log(2)))
    assert biased.recall == {"a": 1, "b": 0}
    assert biased.predicted == {"a": 1, "b": 0}


def test_what_is_not_read_is_no_label_and_misses():
    found = label_bias(["a", None, None, "c"], ["a", "a", "b", "a"], LABELS)
    assert found.unread == 0.5
    assert found.recall == {"a": pytest.approx(1 / 3), "b": 0}
    assert found.predicted == {"a": 0.5, "b": 0, "c": 0.5}
    assert math.isfinite(found.kl)
    assert label_bias([None], ["a"]).entropy == 0
    with pytest.raises(InvalidInput):
        label_bias([], [])


def test_queries_without_content_show_a_prior():
    even, odd = content_free_bias(["a", "b", "c"], LABELS), content_free_bias(["a"] * 30, LABELS)
    assert even.kl == pytest.approx(0)
    assert odd.kl > 0.8
    assert odd.truth_entropy == pytest.approx(math.log(3))
    assert odd.recall == {}
    with pytest.raises(InvalidInput):
        content_free_bias([], LABELS)


def test_votes():
    found = vote_agreement(["a", "b", "c", None, "a"], ["a", "a", "a", "a", None], ["a", "b", "a", "a", "b"])
    assert found.agreement == pytest.approx(1 / 5)
    assert (found.overrides, found.override_accuracy, found.vote_accuracy) == (4, 1 / 4, 2 / 4)
    assert vote_agreement([None], [None], ["b"]).overrides == 1
    alike = vote_agreement(["a"], ["a"], ["b"])
    assert (alike.agreement, alike.overrides, alike.override_accuracy) == (1, 0, None)
    with pytest.raises(InvalidInput):
        vote_agreement(["a"], [], ["a"])


def test_calibration_of_known_answers():
    found = calibration([0.9] * 10 + [0.6] * 10, [True] * 9 + [False] + [True] * 3 + [False] * 7)
    assert [(one.items, one.accuracy) for one in found.bins] == [(10, 0.3), (10, 0.9)]
    assert found.ece == pytest.approx((0.3 + 0) / 2)
    thirds = calibration([0.1] * 3 + [0.5] * 4 + [0.9] * 3, [True] * 10, bins=3)
    assert [one.items for one in thirds.bins] == [3, 4, 3]
    assert found.brier == pytest.approx((9 * 0.01 + 0.81 + 3 * 0.16 + 7 * 0.36) / 20)


def test_a_calibrated_model_has_next_to_no_error_and_an_overconfident_one_has_much():
    rng = np.random.default_rng(0)
    sure = rng.random(20_000)
    right = rng.random(20_000) < sure
    found = calibration(sure.tolist(), right.tolist())
    assert [one.items for one in found.bins] == pytest.approx([20_000 / 15] * 15, abs=1)
    assert found.ece < 0.015
    assert found.brier == pytest.approx(1 / 6, abs=0.01)
    assert calibration(np.minimum(1, sure + 0.3).tolist(), right.tolist()).ece == pytest.approx(
        0.255, abs=0.02
    )


answers = st.lists(
    st.tuples(st.none() | st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=40
).filter(lambda rows: any(sure is not None for sure, _ in rows))


@given(answers, st.randoms())
def test_confidence_is_judged_whatever_the_order(rows, random):
    mixed = list(rows)
    random.shuffle(mixed)
    sure, right = (list(one) for one in zip(*rows, strict=True))
    again = [list(one) for one in zip(*mixed, strict=True)]
    found, other = calibration(sure, right), calibration(*again)
    assert (found.ece, found.brier) == (pytest.approx(other.ece), pytest.approx(other.brier))
    assert 0 <= found.ece <= 1
    assert sum(one.items for one in found.bins) + found.unknown == len(rows)
    curve, same = risk_coverage(sure, right), risk_coverage(*again)
    assert curve.coverage == same.coverage
    assert curve.risk == pytest.approx(same.risk)
    assert curve.area == pytest.approx(same.area)
    assert curve.coverage[-1] == 1
    assert curve.risk[-1] == pytest.approx(1 - np.mean(right))
    assert 0 <= curve.area <= 1


def test_risk_and_coverage():
    found = risk_coverage([0.9, 0.8, 0.7, None], [True, False, True, False])
    assert found.coverage == (0.25, 0.5, 0.75, 1)
    assert found.risk == (0, 0.5, pytest.approx(1 / 3), 0.5)
    assert found.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    # Equally sure answers, in whatever order: half of those given are wrong.
    tied = risk_coverage([0.5] * 4, [True, True, False, False])
    assert (tied.coverage, tied.risk, tied.area) == ((1.0,), (0.5,), pytest.approx(0.5))


def test_bad_confidence():
    for sure, right in (([None], [True]), ([1.2], [True]), ([math.nan], [True]), ([0.5], [])):
        with pytest.raises(InvalidInput):
            calibration(sure, right)
        with pytest.raises(InvalidInput):
            risk_coverage(sure, right)
    with pytest.raises(InvalidParameter):
        calibration([0.5], [True], bins=0)


def test_costs():
    replies = [
        Reply(
            "a", "m", Usage(100 * n, 10, 80 * n, 5), 0.01 * n, 100.0 * n, from_ledger=n == 2, saved_usd=0.001
        )
        for n in (1, 2, 3)
    ]
    found = costs(replies, queries=30)
    assert (found.calls, found.from_ledger, found.queries) == (3, 1, 30)
    tokens = (found.input_tokens, found.cached_tokens, found.cache_write_tokens, found.output_tokens)
    assert tokens == (600, 480, 15, 30)
    assert found.hit_rate == pytest.approx(0.8)
    assert found.usd == pytest.approx(0.06)
    assert found.usd_per_thousand == pytest.approx(2.0)
    assert found.usd_per_right(20) == pytest.approx(0.003)
    assert found.saved_usd == pytest.approx(0.003)
    assert (found.p50_ms, found.p95_ms) == (200, pytest.approx(290))


def test_unknown_costs_stay_unknown():
    found = costs([Reply("a", "m", Usage(100, 10), 0.01), Reply("a", "m")])
    assert found.input_tokens is found.hit_rate is found.usd is found.usd_per_thousand is None
    assert costs([Reply("a", "m", cost_usd=0.1)]).usd_per_right(0) is None
    with pytest.raises(InvalidInput):
        costs([])
    with pytest.raises(InvalidInput):
        costs([Reply("a", "m")], queries=0)
