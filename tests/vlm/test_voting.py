"""Votes of demonstrations against the definition, counted in whole millionths so that nothing is rounded."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.voting import Ballot, nearest, shares, tally, winner

ONE = 10**6  # similarities are quantised to millionths
WEIGHTINGS = ["similarity", "uniform"]

# Few answers and few similarities, so that ties are common; None is what cannot be compared.
millionths = st.none() | st.sampled_from([-ONE, -1, 0, 1, 2, 3, 250_000, 250_001, 500_000, ONE])
votes = st.lists(st.tuples(st.sampled_from(["a", "b", "c", ""]), millionths), max_size=9)


def ballots(given_votes: list[tuple[str, int | None]]) -> list[Ballot]:
    return [Ballot(answer, None if units is None else units / ONE) for answer, units in given_votes]


def weight(units: int | None, weighting: str) -> int:
    return ONE if weighting == "uniform" else max(units or 0, 0)


def counted(given_votes: list[tuple[str, int | None]], weighting: str) -> dict[str, int]:
    """The definition of the tally, in millionths."""
    return {
        answer: sum(weight(units, weighting) for other, units in given_votes if other == answer)
        for answer, _ in given_votes
    }


def best_of(given_votes: list[tuple[str, int | None]], answer: str) -> float:
    return max(-math.inf if units is None else units for other, units in given_votes if other == answer)


@given(votes, st.sampled_from(WEIGHTINGS))
def test_the_tally_is_the_sum_of_weights_that_are_never_negative(given_votes, weighting) -> None:
    found = tally(ballots(given_votes), weighting)
    assert found == {answer: total / ONE for answer, total in counted(given_votes, weighting).items()}


@given(votes, st.sampled_from(WEIGHTINGS))
def test_the_winner_has_the_most_votes_then_the_best_ballot_then_the_smaller_answer(
    given_votes, weighting
) -> None:
    totals = counted(given_votes, weighting)
    ranking = sorted(totals, key=lambda answer: (-totals[answer], -best_of(given_votes, answer), answer))
    assert winner(ballots(given_votes), weighting) == (ranking[0] if ranking else None)


@given(votes, st.sampled_from(WEIGHTINGS), st.integers(0, 10), st.integers(0, 99))
def test_the_order_of_ballots_does_not_matter(given_votes, weighting, k, dice) -> None:
    shown = ballots(given_votes)
    mixed = random.Random(dice).sample(shown, len(shown))
    assert tally(mixed, weighting) == tally(shown, weighting)
    assert winner(mixed, weighting) == winner(shown, weighting)
    assert nearest(mixed, k) == nearest(shown, k)
    assert shares(tally(mixed, weighting)) == shares(tally(shown, weighting))


@given(votes, st.integers(0, 10))
def test_the_nearest_are_the_most_similar_and_what_cannot_be_compared_comes_last(given_votes, k) -> None:
    known = sorted((-units, answer) for answer, units in given_votes if units is not None)
    unknown = sorted(answer for answer, units in given_votes if units is None)
    ranking = [(answer, -units) for units, answer in known] + [(answer, None) for answer in unknown]
    assert nearest(ballots(given_votes), k) == ballots(ranking[:k])


@given(votes, st.sampled_from(WEIGHTINGS))
def test_shares_are_probabilities_and_rank_as_the_votes_do(given_votes, weighting) -> None:
    totals = counted(given_votes, weighting)
    found = shares(tally(ballots(given_votes), weighting))
    assert sorted(answer for answer, _ in found) == sorted(totals)
    assert list(found) == sorted(found, key=lambda pair: (-pair[1], pair[0]))
    if not totals:
        return
    assert math.fsum(share for _, share in found) == pytest.approx(1)
    whole = sum(totals.values())
    expected = {answer: total / whole if whole else 1 / len(totals) for answer, total in totals.items()}
    assert dict(found) == pytest.approx(expected)
    assert dict(found)[winner(ballots(given_votes), weighting)] == found[0][1]


def test_nobody_votes_where_nothing_was_shown() -> None:
    assert tally([]) == {}
    assert winner([]) is None
    assert nearest([], 3) == []
    assert shares({}) == ()


def test_a_tie_of_votes_goes_to_the_most_similar_and_a_full_tie_to_the_smaller_answer() -> None:
    split = [Ballot("b", 0.5), Ballot("a", 0.25), Ballot("a", 0.25)]
    assert winner(split) == "b"
    assert winner(split, "uniform") == "a"
    assert winner([Ballot("b", 0.5), Ballot("a", 0.5)]) == "a"
    assert winner([Ballot("b"), Ballot("a")]) == "a"


def test_a_negative_similarity_weighs_nothing_but_still_says_who_is_nearer() -> None:
    assert tally([Ballot("near", -0.1), Ballot("far", -0.9)]) == {"near": 0.0, "far": 0.0}
    assert winner([Ballot("far", -0.9), Ballot("near", -0.1)]) == "near"
    assert winner([Ballot("unknown"), Ballot("far", -0.9)]) == "far"


def test_many_small_weights_add_up_without_drift() -> None:
    assert tally([Ballot("a", 0.1)] * 1000) == {"a": 100.0}
