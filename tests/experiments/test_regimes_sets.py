"""The sets of demonstrations behind the diagnostics, on random rankings."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.domain.selections import Candidate
from shotsmith.experiments.regime_sets import duplicated, replaced, without


def ranking_of(labels: str) -> list[Candidate]:
    """Candidates e0, e1 ... with one letter as the label of each, most similar first."""
    return [Candidate(f"e{place}", "near", -place, label=label) for place, label in enumerate(labels)]


def ids(candidates) -> list[str]:
    return [one.id for one in candidates]


rankings = st.text("abc", min_size=2, max_size=40).map(ranking_of)
shares = st.floats(0.01, 0.99)


@given(rankings, shares)
def test_what_is_removed_stands_at_an_end(ranking, share):
    most, least = without(ranking, "most", share), without(ranking, "least", share)
    count = len(ranking) - len(most)
    assert len(least) == len(most) >= 1
    assert count == min(len(ranking) - 1, max(1, int(share * len(ranking) + 0.5)))
    assert list(most) == ranking[count:]
    assert list(least) == ranking[: len(ranking) - count]


def test_a_tenth():
    assert ids(without(ranking_of("a" * 20), "most")) == [f"e{place}" for place in range(2, 20)]
    assert len(without(ranking_of("a" * 25), "least")) == 22  # halves are rounded up
    assert ids(without(ranking_of("ab"), "least")) == ["e0"]


@given(rankings, shares, st.data())
def test_substitutes_keep_number_and_labels(ranking, share, data):
    chosen = data.draw(st.sets(st.sampled_from(ids(ranking)), min_size=2))
    shown = [one for one in ranking if one.id in chosen]
    count = len(shown) - len(without(shown, "most", share))
    for end, leaving in (("most", shown[:count]), ("least", shown[-count:])):
        found = replaced(ranking, chosen, end, share)
        assert len(found.candidates) == len(shown)
        assert Counter(one.label for one in found.candidates) == Counter(one.label for one in shown)
        assert [one for one in ranking if one in found.candidates] == list(found.candidates)
        gone = chosen - set(ids(found.candidates))
        assert gone <= set(ids(leaving))
        assert (len(gone), len(leaving) - len(gone)) == (found.replaced, found.kept)
        unused = Counter(one.label for one in ranking if one.id not in chosen)
        wanted = Counter(one.label for one in leaving)
        assert found.kept == sum((wanted - unused).values())
        # Nobody who was passed over stands nearer to the middle than one who came in.
        middle = (len(ranking) - 1) / 2
        for place, one in enumerate(ranking):
            if one.id in set(ids(found.candidates)) - chosen:
                assert all(
                    abs(other - middle) >= abs(place - middle)
                    for other, passed in enumerate(ranking)
                    if passed.label == one.label and passed.id not in {*chosen, *ids(found.candidates)}
                )


def test_a_substitute_comes_from_the_middle_of_its_label():
    ranking = ranking_of("ab" * 10)
    found = replaced(ranking, {"e0", "e1", "e2", "e3"}, "most", 0.25)
    assert ids(found.candidates) == ["e1", "e2", "e3", "e10"]
    assert found == replaced(ranking, ["e3", "e2", "e1", "e0"], "most", 0.25)
    kept = replaced(ranking_of("abbbb"), {"e0", "e1"}, "most", 0.5)
    assert (ids(kept.candidates), kept.replaced, kept.kept) == (["e0", "e1"], 0, 1)


@given(rankings, st.integers(2, 6))
def test_duplicates_are_as_many_and_of_a_fraction(ranking, times):
    if len(ranking) < times:
        with pytest.raises(InvalidInput):
            duplicated(ranking, times)
        return
    found = duplicated(ranking, times)
    assert len(found) == len(ranking)
    counts = Counter(ids(found))
    assert set(counts) <= set(ids(ranking))
    assert len(counts) == len(ranking[times // 2 :: times])
    assert max(counts.values()) - min(counts.values()) <= 1


def test_duplicates_are_repeated_as_a_whole():
    assert ids(duplicated(ranking_of("a" * 8))) == ["e2", "e6"] * 4


def test_bad_rankings():
    ranking = ranking_of("abab")
    for share in (0, 1, -0.1):
        with pytest.raises(InvalidParameter):
            without(ranking, "most", share)
    with pytest.raises(InvalidParameter):
        duplicated(ranking, 1)
    for call in (
        lambda: without(ranking[:1], "most"),
        lambda: without([*ranking, ranking[0]], "most"),
        lambda: duplicated([ranking[0]] * 4),
        lambda: replaced(ranking, {"e0", "e9"}, "most"),
        lambda: replaced([*ranking, ranking[0]], {"e0", "e1"}, "most"),
    ):
        with pytest.raises(InvalidInput):
            call()
