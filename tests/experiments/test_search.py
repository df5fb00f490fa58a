"""The best arm is found, within the budget, and told by items that nothing was chosen by."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput, InvalidParameter, MissingExtra
from shotsmith.experiments.search import METHODS, Best, Earlier, best_arm, split_items
from shotsmith.experiments.search.halving import cost, rounds
from shotsmith.experiments.statistics import contrast, mean

ITEMS = [f"i{number:03d}" for number in range(160)]


class Arms:
    """Arms of known chances, and what they were asked."""

    def __init__(self, chances: Sequence[float], items: Sequence[str] = ITEMS, seed: int = 0) -> None:
        dice = np.random.default_rng(seed)
        self.names = [f"arm {number}" for number in range(len(chances))]
        self.items = list(items)
        drawn = dice.random((len(chances), len(items))) < np.array(chances)[:, None]
        self.scores = drawn.astype(float)
        self.asked: Counter[tuple[int, str]] = Counter()

    def __call__(self, arm: int, items: Sequence[str]) -> np.ndarray:
        self.asked.update((arm, item) for item in items)
        return self.of(arm, items)

    def of(self, arm: int, items: Sequence[str]) -> np.ndarray:
        return self.scores[arm, [self.items.index(item) for item in items]]

    def best(self, budget: int, **options) -> Best:
        return best_arm(self.names, self, self.items, budget_calls=budget, **options)


@pytest.mark.parametrize(("method", "least"), [("ucb", 0.95), ("halving", 0.9)])
def test_a_planted_best_arm_is_found_for_two_fifths_of_the_grid(method, least):
    items, budget = ITEMS[:100], 200  # of 5 x 100
    hits = 0
    for seed in range(200):
        planted = seed % 5
        arms = Arms([0.9 if arm == planted else 0.6 for arm in range(5)], items, seed)
        found = arms.best(budget, method=method, seed=seed, block=8, confirm=0.3)
        assert sum(arms.asked.values()) == found.calls <= budget
        hits += found.winner == planted
    assert hits / 200 >= least


def evenly(arms: Arms, budget: int, seed: int) -> int:
    """The best arm when all get as many items."""
    search, fresh = split_items(arms.items, seed=seed)
    items = search[: (budget - 2 * len(fresh)) // len(arms.names)]
    return int(np.argmax([arms.of(arm, items).mean() for arm in range(len(arms.names))]))


@pytest.mark.slow
def test_the_numbers_on_the_page_about_instructions():
    items = [f"i{number}" for number in range(200)]
    hits: Counter[str] = Counter()
    for seed in range(200):
        planted = seed % 8
        arms = Arms([0.8 if arm == planted else 0.65 for arm in range(8)], items, seed)
        for method in METHODS:
            hits[method] += arms.best(640, method=method, seed=seed).winner == planted
        hits["evenly"] += evenly(arms, 640, seed) == planted
    assert hits["ucb"] >= 180, hits
    assert hits["ucb"] > max(hits["halving"], hits["evenly"]), hits


@settings(max_examples=60)
@given(
    st.sampled_from(METHODS),
    st.lists(st.floats(0, 1), min_size=2, max_size=9),
    st.integers(2, 40),
    st.integers(0, 500),
    st.integers(0, 9),
    st.floats(0.1, 0.9),
    st.integers(1, 20),
    st.dictionaries(st.integers(0, 1), st.builds(Earlier, st.floats(0, 1), st.integers(0, 30)), max_size=2),
)
def test_no_budget_is_passed_and_nothing_asked_twice(
    method, chances, items, budget, seed, confirm, block, earlier
):
    arms = Arms(chances, ITEMS[:items], seed)
    options = {"method": method, "seed": seed, "confirm": confirm, "block": block}
    if method == "ucb":
        options["earlier"] = earlier
    try:
        found = arms.best(budget, **options)
    except InvalidParameter:
        assert not arms.asked
        assert budget < 2 * len(chances) * items
        return
    assert sum(arms.asked.values()) == found.calls <= budget
    assert set(arms.asked.values()) == {1}
    assert not set(found.search_items) & set(found.confirm_items)
    assert sorted(found.search_items + found.confirm_items) == ITEMS[:items]
    # Nothing but the winner and the own instruction is asked about what is kept for the confirmation.
    assert {arm for arm, item in arms.asked if item in found.confirm_items} == {found.winner, found.own}
    # Whatever the order of the items.
    again = Arms(chances, ITEMS[:items], seed)
    assert best_arm(again.names, again, ITEMS[:items][::-1], budget_calls=budget, **options) == found


@pytest.mark.parametrize("method", METHODS)
def test_the_last_word_is_on_fresh_items(method):
    arms = Arms([0.5, 0.6, 0.9, 0.4], seed=3)
    found = arms.best(400, method=method, seed=3)
    assert (found.winner, found.better) == (2, True)
    last = found.confirmation
    best, own = arms.of(2, found.confirm_items), arms.of(0, found.confirm_items)
    assert last.items == len(best) == 80
    assert last.winner == mean(best, seed=3, scope="winner").interval()
    paired = contrast(best, own, seed=3, scope="best arm")
    assert (last.difference, last.p_value) == (paired.interval(), paired.p_value())
    assert found.verdict.startswith("Take 'arm 2'")
    winner = found.arms[2]
    assert winner.mean.value == pytest.approx(arms.of(2, found.search_items[: winner.items]).mean())
    assert found.optimism == pytest.approx(winner.mean.value - best.mean())
    assert found.as_dict()["confirmation"]["items"] == 80


@pytest.mark.parametrize("method", METHODS)
def test_every_arm_says_what_was_seen_and_why_it_is_not_the_best(method):
    arms = Arms([0.5, 0.9, 0.2, 0.6, 0.3], seed=5)
    found = arms.best(300, method=method)
    for one in found.arms:
        # All arms see the same items first, so that any two can be compared.
        assert [item for item in found.search_items if arms.asked[one.index, item]] == list(
            found.search_items[: one.items]
        )
        both = min(one.items, found.arms[found.winner].items)
        shared = found.search_items[:both]
        assert one.behind == pytest.approx(
            np.mean(arms.of(found.winner, shared) - arms.of(one.index, shared))
        )
        assert one.mean.low <= one.mean.value <= one.mean.high
    assert found.arms[1].why.startswith("best")
    left = [one.why for one in found.arms if one.index != found.winner]
    assert all(why.startswith(("ruled out", "not ruled out", "left in", "lost the last")) for why in left)


def test_selection_is_optimistic_and_confirmation_is_not():
    # Equal arms: the best of them is only the luckiest.
    gaps, fresh, certain = [], [], 0
    for seed in range(40):
        found = Arms([0.5] * 8, seed=seed).best(640, seed=seed, method="halving")
        gaps.append(found.optimism)
        fresh.append(found.confirmation.winner.value)
        certain += found.better
    assert np.mean(gaps) > 0.05
    assert np.mean(fresh) == pytest.approx(0.5, abs=0.03)
    assert certain <= 3


def test_the_own_arm_stays_among_equals():
    found = Arms([0.0, 0.0, 0.0]).best(300, own=1)
    assert (found.winner, found.confirmation.difference, found.better) == (1, None, False)
    assert found.verdict.startswith("Keep the own instruction")
    perfect = Arms([1.0, 1.0]).best(300, method="halving", own=1)
    assert perfect.winner == 1
    # Only one arm had to be confirmed.
    assert perfect.calls <= 300 - 80


def test_earlier_evaluations_spare_calls():
    chances = [0.5, 0.2, 0.2, 0.2, 0.9]
    known = {arm: Earlier(chance, 50) for arm, chance in enumerate(chances)}
    arms = Arms(chances, seed=1)
    told, alone = arms.best(230, earlier=known), Arms(chances, seed=1).best(230)
    assert told.winner == 4
    assert sum(told.arms[arm].items for arm in (1, 2, 3)) == 0
    assert sum(alone.arms[arm].items for arm in (1, 2, 3)) >= 3 * 6
    # They count for ten items at most: what is seen outweighs them.
    wrong = {0: Earlier(0.0, 1000), 1: Earlier(1.0, 1000)}
    assert Arms([0.9, 0.2], seed=2).best(300, earlier=wrong).winner == 0


def test_a_clear_case_ends_early():
    found = Arms([0.0, 1.0]).best(320)
    assert found.winner == 1
    assert found.calls < 240


def test_scores_may_be_shares():
    arms = Arms([0.5, 0.5, 0.5])
    arms.scores = np.repeat([[0.4], [0.45], [0.55]], len(ITEMS), axis=1)
    for method in METHODS:
        found = arms.best(400, method=method)
        assert found.winner == 2
        assert found.confirmation.difference.value == pytest.approx(0.15)


@pytest.mark.parametrize("bad", [[0.5], [0.5] * 7, [2.0] * 6, [float("nan")] * 6, "abcdef", None])
def test_scores_that_are_none_end_the_search(bad):
    with pytest.raises(InvalidInput, match="one score from 0 to 1") as caught:
        best_arm(["a", "b"], lambda arm, items: bad, ITEMS, budget_calls=400)
    assert caught.value.field == "evaluate"


def test_what_evaluate_raises_passes_through():
    def down(arm: int, items: Sequence[str]) -> list[float]:
        raise OSError("no line")

    for method in METHODS:
        with pytest.raises(OSError, match="no line"):
            best_arm(["a", "b"], down, ITEMS, budget_calls=400, method=method)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"arms": ["a"]}, "arms"),
        ({"arms": ["a", "a"]}, "arms"),
        ({"items": ["x"]}, "items"),
        ({"items": ["x", "x", "y"]}, "items"),
        ({"budget_calls": 161}, "budget_calls"),
        ({"budget_calls": 163, "method": "halving", "arms": list("abcdefgh")}, "budget_calls"),
        ({"method": "tpe"}, "method"),
        ({"own": 2}, "own"),
        ({"own": -1}, "own"),
        ({"block": 0}, "block"),
        ({"confirm": 1.0}, "confirm"),
        ({"earlier": {2: Earlier(0.5, 3)}}, "earlier[2]"),
        ({"earlier": {0: Earlier(1.5, 3)}}, "earlier[0]"),
        ({"earlier": {0: Earlier(0.5, 3)}, "method": "halving"}, "earlier"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(changed, field):
    def never(arm: int, items: Sequence[str]) -> list[float]:
        raise AssertionError("asked")

    given = {"arms": ["a", "b"], "items": ITEMS, "budget_calls": 400, **changed}
    with pytest.raises(InvalidInput) as caught:
        best_arm(given.pop("arms"), never, given.pop("items"), **given)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("method", "module"), [("ucb", "bayesianbandits"), ("halving", "sklearn.model_selection")]
)
def test_the_extra_is_named(method, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"shotsmith\[search\]"):
        Arms([0.1, 0.2]).best(400, method=method)


def test_parts_are_keyed():
    search, fresh = split_items(ITEMS, seed=1)
    assert split_items(ITEMS[::-1], seed=1) == (search, fresh)
    assert split_items(ITEMS, seed=2) != (search, fresh)
    assert len(split_items(ITEMS, confirm=0.25)[1]) == 40
    assert [len(part) for part in split_items(["a", "b"], confirm=0.99)] == [1, 1]


@given(st.integers(2, 60), st.integers(1, 50), st.integers(1, 400))
def test_rounds_halve_the_arms_and_double_the_items(arms, least, items):
    plan = rounds(arms, least, items)
    assert plan[0] == (arms, min(least, items))
    for (left, seen), (then, later) in pairwise(plan):
        assert (then, later) == (-(-left // 2), 2 * seen)
    assert plan[-1][1] <= items
    assert plan[-1][0] >= 2
    assert cost(plan) >= arms * plan[0][1]
