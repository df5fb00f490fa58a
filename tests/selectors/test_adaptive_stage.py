"""Where `adaptive` stops: at gaps, below a share of the best score, or once a model is sure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selector_pools import chain, ids

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.domain.examples import Example, Query
from shotsmith.domain.selections import Candidate
from shotsmith.domain.sources import Judge
from shotsmith.selectors import ArraySource
from shotsmith.selectors.fake_judge import FakeJudge

ASKED = Query(text="what is it?")


def source(
    scores: Sequence[float | None], judge: Judge | None = None, labels: Mapping[str, str] | None = None
) -> ArraySource:
    """Examples e00, e01 ... with these cosines by image, to the quantum; None for one without a picture."""
    examples = {
        f"e{place:02d}": {} if score is None else {"image": [score, math.sqrt(1 - score * score)]}
        for place, score in enumerate(scores)
    }
    given_labels = {id: "ab"[place % 2] for place, id in enumerate(examples)} if labels is None else labels
    return ArraySource(examples, {"image": [1, 0]}, given_labels, asked=ASKED, judge=judge)


def select(text: str, scores: Sequence[float | None], k: int | None = None) -> list[Candidate]:
    return chain(text).select(ASKED, source(scores), len(scores) if k is None else k, 0)


FLAT = [0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "scores", "kept"),
    [
        ("adaptive", [0.9, 0.88, 0.5, 0.49], 2),
        ("adaptive", [0.9, 0.7, 0.5], 1),  # equal drops: the first
        ("adaptive", [0.9, 0.2, 0.15, 0.14], 1),
        ("adaptive", FLAT, 4),
        ("adaptive", [0.4, 0.3, -0.8], 2),
        ("adaptive(k_min=2)", [0.9, 0.2, 0.15, 0.14], 2),
        ("adaptive(k_min=2)", [0.9, 0.2, 0.19, 0.1], 3),
        ("adaptive(k_min=3)", FLAT, 4),
        ("adaptive(k_min=4)", [0.9, 0.2, 0.15, 0.14], 4),
        ("adaptive(k_min=99)", [0.9, 0.2, 0.15, 0.14], 4),
        (
            "adaptive(k_max=3)",
            [0.9, 0.88, 0.87, 0.1, 0.09],
            3,
        ),  # the fourth is looked at, and not worth showing
        ("adaptive(k_max=2)", [0.9, 0.88, 0.2, 0.1], 2),
        ("adaptive(k_max=99)", [0.9, 0.88, 0.87, 0.1, 0.09], 3),
        ("adaptive(k_min=2,k_max=2)", [0.9, 0.2, 0.15, 0.14], 2),
        ("adaptive(by=ratio)", [1, 0.85, 0.8, 0.79, 0.1], 3),
        ("adaptive(by=ratio)", FLAT, 4),
        ("adaptive(by=ratio,threshold=0.5)", [1, 0.85, 0.5, 0.49], 3),
        ("adaptive(by=ratio,threshold=1)", [0.6, 0.6, 0.599999, 0.5], 2),
        ("adaptive(by=ratio,k_min=4)", [1, 0.85, 0.5, 0.49, 0.1], 4),
        ("adaptive(by=ratio,k_max=2)", FLAT, 2),
        ("adaptive(by=ratio,k_min=2)", [-0.2, -0.3, -0.4], 2),  # a share of a negative score is above it
    ],
)
def test_it_keeps_the_beginning_of_the_ranking(text: str, scores: list[float], kept: int) -> None:
    chosen = select(text, scores)
    assert ids(chosen) == [f"e{place:02d}" for place in range(kept)]
    everyone = chain("rices").select(ASKED, source(scores), len(scores), 0)
    assert [one.score for one in chosen] == [one.score for one in everyone[:kept]]


def test_a_share_of_the_best_score_is_compared_on_the_grid_of_scores() -> None:
    """0.72 is not below 0.8 times 0.9, whatever binary fractions say."""
    assert len(select("adaptive(by=ratio)", [0.9, 0.72, 0.1])) == 2


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("adaptive", "adaptive: 2 of 4, before the largest drop of the score, 0.3800"),
        ("adaptive(by=ratio)", "adaptive: 2 of 4, as the score then falls below 0.7200"),
    ],
)
def test_it_says_how_many_of_how_many_and_why(text: str, flag: str) -> None:
    chosen = select(text, [0.9, 0.88, 0.5, 0.49])
    assert [one.flags for one in chosen] == [(flag,)] * 2
    assert [one.stage for one in chosen] == ["rices > adaptive"] * 2


def test_it_claims_no_fall_where_nothing_falls() -> None:
    assert not any(
        "then falls below" in flag for one in select("adaptive(by=ratio)", FLAT) for flag in one.flags
    )


@pytest.mark.parametrize(
    "text", ["adaptive(k_min=5)", "adaptive(by=ratio,k_min=4)", "adaptive(by=confidence,k_min=4)"]
)
def test_with_no_more_than_the_least_there_is_nothing_to_decide(text: str) -> None:
    chosen = select(text, FLAT)
    assert len(chosen) == 4
    assert [one.flags for one in chosen] == [()] * 4
    assert select(text, FLAT, k=0) == []
    assert len(select(text, FLAT, k=2)) == 2


# Candidates without a score


@pytest.mark.parametrize("text", ["random|adaptive(k_min=2)", "random|adaptive(by=ratio,k_min=2)"])
def test_a_ranking_without_scores_is_kept_whole(text: str) -> None:
    chosen = select(text, FLAT)
    assert ids(chosen) == ids(select("random", FLAT))
    assert chosen[0].flags[0] == "adaptive: 4 of 4, as none is scored"


@pytest.mark.parametrize(
    ("options", "kept", "why"),
    [
        ("", 1, "before the largest drop of the score, 0.5000"),
        ("(k_min=2)", 2, "before the largest drop of the score, 0.1000"),
        ("(k_min=3)", 3, "as no further one is scored"),
        ("(k_min=4)", 4, "as no further one is scored"),
        ("(by=ratio,threshold=0.4)", 2, "as the score then falls below 0.3600"),
        ("(by=ratio,k_min=3)", 3, "as no further one is scored"),
    ],
)
def test_only_scores_are_compared_and_what_has_none_is_shown_when_k_min_asks_for_it(
    options: str, kept: int, why: str
) -> None:
    scores = [0.9, 0.4, 0.3, None, None, None]
    chosen = select(f"adaptive{options}", scores)
    filled = ids(select("rices", scores))
    assert filled[:3] == ["e00", "e01", "e02"]
    assert ids(chosen) == filled[:kept]
    assert chosen[0].flags[0] == f"adaptive: {kept} of 6, {why}"


# Confidence


class Sure(FakeJudge):
    """As sure as it is told after so many demonstrations, else 0.5; it remembers what it was shown."""

    name = "sure"

    def __init__(self, by_count: Mapping[int, float]) -> None:
        super().__init__()
        self.by_count = by_count
        self.shown: list[list[str]] = []
        self.labels: list[list[str]] = []

    def probabilities(
        self, query: Query, shots: Sequence[Example], labels: Sequence[str]
    ) -> Mapping[str, float]:
        self.shown.append([shot.id for shot in shots])
        self.labels.append(list(labels))
        best = self.by_count.get(len(shots), 0.5)
        rest = (1 - best) / (len(labels) - 1)
        return {label: best if place == 1 else rest for place, label in enumerate(labels)}


def ten() -> list[float]:
    return [0.95 - place / 20 for place in range(10)]


def confident(judge: Judge, options: str = "", k: int = 10, **given: Mapping[str, str]) -> list[Candidate]:
    text = f"adaptive(by=confidence{options})"
    return chain(text).select(ASKED, source(ten(), judge, **given), k, 0)


@pytest.mark.parametrize(
    ("options", "k", "sizes"),
    [
        ("", 10, [1, 2, 4, 8, 10]),
        ("", 8, [1, 2, 4, 8]),
        ("", 2, [1, 2]),
        ("", 1, []),
        (",k_min=3", 10, [3, 6, 10]),
        (",k_min=5", 10, [5, 10]),
        (",k_min=9", 10, [9, 10]),
        (",k_min=10", 10, []),
        (",k_min=2,k_max=7", 10, [2, 4, 7]),
    ],
)
def test_a_model_that_is_never_sure_is_asked_after_twice_as_many_each_time(
    options: str, k: int, sizes: list[int]
) -> None:
    judge = Sure({})
    chosen = confident(judge, options, k)
    assert [len(shown) for shown in judge.shown] == sizes
    assert len(chosen) == (sizes[-1] if sizes else k)
    if sizes:
        count = sizes[-1]
        flag = f"adaptive: {count} of {count}, sure is not sure yet: 0.50 for its likeliest label"
        assert chosen[0].flags == (flag,)


@given(st.integers(1, 40), st.integers(1, 40))
def test_it_asks_no_more_often_than_it_says(k_min: int, k: int) -> None:
    judge = Sure({})
    scores = [0.99 - place / 50 for place in range(k)]
    chain(f"adaptive(by=confidence,k_min={k_min})").select(ASKED, source(scores, judge), k, 0)
    if k <= k_min:
        assert judge.shown == []
    else:
        assert 2 <= len(judge.shown) <= math.log2(k / k_min) + 2


@pytest.mark.parametrize(
    ("options", "kept"),
    [("", 8), (",threshold=0.6", 4), (",threshold=0.61", 8), (",k_min=3", 6), (",threshold=1", 10)],
)
def test_it_stops_as_soon_as_the_likeliest_label_reaches_the_threshold(options: str, kept: int) -> None:
    rising = {1: 0.5, 2: 0.55, 3: 0.6, 4: 0.6, 6: 0.9, 8: 0.95, 10: 0.98}
    judge = Sure(rising)
    chosen = confident(judge, options)
    assert ids(chosen) == [f"e{place:02d}" for place in range(kept)]
    assert len(judge.shown[-1]) == kept
    reached = "is sure" if kept < 10 else "is not sure yet"
    assert chosen[0].flags[0] == (
        f"adaptive: {kept} of 10, sure {reached}: {rising[kept]:.2f} for its likeliest label"
    )


def test_the_model_sees_the_best_one_last_and_the_labels_of_the_eligible_examples() -> None:
    judge = Sure({4: 1.0})
    labels = {f"e{place:02d}": f"label {9 - place}" for place in range(9)}  # the last one has none
    confident(judge, labels=labels)
    assert judge.shown == [["e00"], ["e01", "e00"], ["e03", "e02", "e01", "e00"]]
    assert judge.labels == [[f"label {number}" for number in range(1, 10)]] * 3


def test_the_fake_judge_decides_by_its_own_numbers() -> None:
    examples = source(ten()).examples([f"e{place:02d}" for place in range(10)])
    best = list(examples.values())
    for threshold in (0.55, 0.7, 0.9, 1.0):
        judge = FakeJudge()
        chosen = confident(judge, f",threshold={threshold}")
        sizes = [1, 2, 4, 8, 10]
        sure = [max(FakeJudge().probabilities(ASKED, best[:size][::-1], "ab").values()) for size in sizes]
        calls = next((place for place, one in enumerate(sure, 1) if one >= threshold), len(sizes))
        assert judge.asked == ["probabilities"] * calls
        assert len(chosen) == sizes[calls - 1]


def test_confidence_without_a_label_is_one_clear_error_before_anybody_is_asked() -> None:
    judge = Sure({})
    with pytest.raises(InvalidInput) as caught:
        confident(judge, labels={})
    assert (caught.value.field, caught.value.value) == ("adaptive.by", "confidence")
    assert caught.value.mend == 'Use by="gap" or by="ratio"'
    assert judge.shown == []


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ("k_min=0", "adaptive.k_min", "0"),
        ("k_max=0", "adaptive.k_max", "0"),
        ("threshold=0", "adaptive.threshold", "0"),
        ("threshold=1.1", "adaptive.threshold", "1.1"),
        ("by=entropy", "adaptive.by", "entropy"),
        ("k_min=3,k_max=2", "adaptive", None),
    ],
)
def test_bounds_that_cannot_be_met_are_refused_when_it_is_built(
    options: str, field: str, value: str | None
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        chain(f"adaptive({options})")
    assert caught.value.field == field
    assert value is None or caught.value.value == value
    assert str(caught.value.mend).startswith("Parameters of adaptive: by (")
