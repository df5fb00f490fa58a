"""Second looks, case by case: `rerank` in its four ways, and `late_interaction` where something is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from selector_pools import chain, ids

from shotsmith.domain.examples import Example, Query
from shotsmith.domain.scoring import unit
from shotsmith.domain.selections import Candidate
from shotsmith.domain.sources import Part
from shotsmith.selectors import ArraySource
from shotsmith.selectors.fake_judge import FakeJudge

ASKED = Query(text="what is it?")


def part(kind: Any, name: str = "", **vectors: Sequence[float]) -> Part:
    return Part(kind, name or kind, {space: unit(vector) for space, vector in vectors.items()})


def picture(*joint: float) -> list[Part]:
    return [part("image", joint=joint)]


# By image e0 is nearest and e5 farthest; in the joint space it is the other way round, and e1 has no picture there.
RANKED = [f"e{number}" for number in range(6)]
ACROSS = {name: [] if name == "e1" else picture(1 + place, 6 - place) for place, name in enumerate(RANKED)}


def source(asked: Sequence[Part], parts: Mapping[str, Sequence[Part]] = ACROSS, **given: Any) -> ArraySource:
    examples = {name: {"image": [6 - place, place]} for place, name in enumerate(RANKED)}
    return ArraySource(examples, {"image": [1, 0]}, parts={"": asked, **parts}, asked=ASKED, **given)


SAID = [part("text", joint=(1, 0))]


def select(text: str, k: int = 6, asked: Sequence[Part] = SAID, **given: Any) -> list[Candidate]:
    return chain(text).select(ASKED, source(asked, **given), k, 0)


# cross


def test_pictures_are_ranked_by_the_words_of_the_query_and_what_has_none_follows_flagged() -> None:
    found = select("rerank")
    assert ids(found) == ["e5", "e4", "e3", "e2", "e0", "e1"]
    best, last = found[0], found[-1]
    assert best.scores == {"image": pytest.approx(0.196116), "cross": pytest.approx(0.986394)}
    assert best.score == best.scores["cross"]
    assert best.reason == (
        "1st by the query's text against its picture (score 0.9864); before: 6th nearest by image, cosine 0.1961"
    )
    assert (last.score, last.flags) == (
        None,
        ("cannot be compared when reranking: placed after those that can",),
    )
    assert [one.flags for one in found[:-1]] == [()] * 5


@pytest.mark.parametrize(
    ("depth", "k", "order"),
    [
        (1, 6, ["e0", "e1", "e2", "e3", "e4", "e5"]),
        (2, 6, ["e0", "e1", "e2", "e3", "e4", "e5"]),  # e1 cannot be compared
        (3, 6, ["e2", "e0", "e1", "e3", "e4", "e5"]),
        (3, 1, ["e2"]),
        (3, 4, ["e2", "e0", "e1", "e3"]),
        (99, 3, ["e5", "e4", "e3"]),
    ],
)
def test_only_the_first_so_many_compete(depth: int, k: int, order: list[str]) -> None:
    found = select(f"rerank(depth={depth})", k)
    assert ids(found) == order
    # Beyond the depth nobody was compared, and nobody is said to lack anything.
    assert [bool(one.flags) for one in found] == [one.id == "e1" and depth > 1 for one in found]


@pytest.mark.parametrize(
    ("asked", "parts", "why"),
    [
        ([], ACROSS, "the query has no text"),
        (SAID, dict.fromkeys(RANKED, ()), "no candidate has a picture"),
    ],
)
def test_what_cannot_be_reranked_keeps_its_order_and_says_why(
    asked: list[Part], parts: dict[str, Any], why: str
) -> None:
    found = chain("rerank").select(ASKED, source(asked, parts), 4, 0)
    plain = select("rices", 4)
    assert [(one.id, one.score, one.reason) for one in found] == [
        (one.id, one.score, one.reason) for one in plain
    ]
    assert [one.flags for one in found] == [(f"cannot be reranked by cross: {why}",)] * 4


# description


def test_a_description_stands_in_for_the_words_of_the_query() -> None:
    """The fake judge describes a query by its key; here that text means the opposite of what the query says."""
    judge = FakeJudge()
    described = [*SAID, part("text", name=ASKED.key, joint=(0, 1))]
    found = select("rerank(by=description)", asked=described, judge=judge)
    assert ids(found) == ["e0", "e2", "e3", "e4", "e5", "e1"]
    assert judge.asked == ["description"]
    assert found[0].reason.startswith("1st by fake/judge's description of the query (score 0.9864)")
    # A description that the encoder has no vector for compares with nothing.
    lost = select("rerank(by=description)", 2, judge=FakeJudge())
    assert ids(lost) == ["e0", "e1"]
    assert lost[0].flags == ("cannot be reranked by description: no candidate has a picture",)


# model


@pytest.mark.parametrize(("passes", "depth"), [(1, 6), (3, 6), (2, 4), (1, 1)])
def test_a_model_that_ranks_alike_in_every_pass_is_followed(passes: int, depth: int) -> None:
    judge = FakeJudge()
    found = select(f"rerank(by=model,passes={passes},depth={depth})", judge=judge)
    examples = [Example(name) for name in RANKED[:depth]]
    wanted = list(FakeJudge().ranking(ASKED, examples))
    assert ids(found) == [*wanted, *RANKED[depth:]]
    assert judge.asked == ["ranking"] * passes
    most = max(depth - 1, 1)
    assert [one.score for one in found[:depth]] == [
        pytest.approx(1 - place / most, abs=1e-6) for place in range(depth)
    ]
    assert [one.score for one in found[depth:]] == [None] * (6 - depth)
    assert found[0].reason.startswith(f"1st by fake/judge in {passes} listwise passes (score 1.0000)")


def test_a_model_that_likes_whoever_comes_first_decides_nothing_by_it() -> None:
    class Lazy(FakeJudge):
        def ranking(self, query: Query, candidates: Sequence[Example]) -> Sequence[str]:
            orders.append([one.id for one in candidates])
            return orders[-1]

    orders: list[list[str]] = []
    found = select("rerank(by=model,passes=20)", judge=Lazy())
    assert len({tuple(order) for order in orders}) > 10
    mean = {name: sum(order.index(name) for order in orders) / 20 for name in RANKED}
    assert {one.id: one.score for one in found} == {
        name: pytest.approx(1 - place / 5, abs=1e-6) for name, place in mean.items()
    }
    assert max(one.score or 0 for one in found) < 0.75


def test_average_ranks_decide_and_equal_ones_go_to_the_smaller_id() -> None:
    class Torn(FakeJudge):
        """Two passes that cancel out but for e4, which is never last."""

        def ranking(self, query: Query, candidates: Sequence[Example]) -> Sequence[str]:
            self.asked.append("ranking")
            order = [name for name in RANKED if name != "e4"]
            order = order if len(self.asked) == 1 else order[::-1]
            return [*order[:2], "e4", *order[2:]]

    found = select("rerank(by=model,passes=2)", judge=Torn())
    # Over both passes e4 has ranks 2 and 2; of the others e2 has 3 and 3, and the rest 5 together as well.
    totals = {"e4": 4, "e0": 5, "e1": 5, "e2": 6, "e3": 5, "e5": 5}
    assert ids(found) == sorted(totals, key=lambda name: (totals[name], name))


# late_interaction


def late(text: str, examples: Mapping[str, Any], query: Mapping[str, Any], k: int = 9) -> list[Candidate]:
    return chain(text).select(ASKED, ArraySource(examples, query, asked=ASKED), k, 0)


BOTH = {"image": [1, 0], "text": [1, 0]}
MIXED = {
    "both": {"image": [4, 1], "text": [4, 1]},
    "far": {"image": [0, 1], "text": [1, 5]},
    "picture": {"image": [3, 1]},
    "words": {"text": [2, 1]},
    "neither": {"joint": [1, 0]},
}


def test_a_modality_that_is_missing_is_flagged_and_is_no_zero() -> None:
    found = {one.id: one for one in late("late_interaction", MIXED, BOTH)}
    assert list(found)[-2:] == ["far", "neither"]
    assert set(found["both"].scores) == {"image", "text"}
    assert (set(found["picture"].scores), found["picture"].flags) == (
        {"image"}, ("has no text: ranked by image alone",),
    )  # fmt: skip
    assert (set(found["words"].scores), found["words"].flags) == (
        {"text"}, ("has no image: ranked by text alone",),
    )  # fmt: skip
    assert (found["neither"].score, found["neither"].stage) == (None, "fill > late_interaction")
    assert found["neither"].flags == (
        "filled up at random: some examples have neither image nor text to compare",
    )


def test_the_weights_of_the_modalities_are_told_and_lean_on_the_one_that_stands_out() -> None:
    examples = {f"e{n}": {"image": [1, n % 2], "text": [1, 9]} for n in range(8)}
    examples["e7"]["text"] = [1, 0]  # one text stands out, pictures come in two kinds
    leaning, even = (late(f"late_interaction(lean={lean})", examples, BOTH, 1) for lean in ("true", "false"))
    assert leaning[0].id == even[0].id == "e7"
    assert "(weight 0.50)" in even[0].reason
    assert "image 0.7071 (weight 0.27), text 1.0000 (weight 0.73)" in leaning[0].reason


@pytest.mark.parametrize("query", [{"joint": [1, 0]}, {}])
def test_a_query_without_picture_and_text_is_ranked_as_by_rices(query: dict[str, Any]) -> None:
    found, plain = (late(text, MIXED, query) for text in ("late_interaction", "rices"))
    assert [(one.id, one.score, one.flags) for one in found] == [
        (one.id, one.score, one.flags) for one in plain
    ]


def test_depth_says_how_many_of_each_modality_compete() -> None:
    """What the whole vectors would not let compete is not seen, however well its parts match."""
    examples = {f"e{n}": {"image": [9 - n, n], "text": [1 + n, 9 - n]} for n in range(10)}
    hidden = part("tile", image=(1, 0))
    parts = {
        id: [part("image", image=given["image"]), part("text", text=given["text"])]
        for id, given in examples.items()
    }
    parts["e5"].append(hidden)
    parts[""] = [part("image", image=(1, 0)), part("text", text=(1, 0))]

    def best(depth: int, k: int = 1) -> list[str]:
        source = ArraySource(examples, BOTH, parts=parts, asked=ASKED)
        return ids(chain(f"late_interaction(depth={depth})").select(ASKED, source, k, 0))

    assert best(1) in (["e0"], ["e9"])  # the nearest by image and the nearest by text
    assert best(10) == ["e5"]
    assert best(5)[0] == "e5"  # the fifth by text
    assert "e5" not in best(4, 4)
    # Fewer than k compete: further ones follow them, unscored.
    assert best(1, 6)[:2] == best(1, 2)
    assert len(best(1, 6)) == 6
