"""Selectors that choose once for all queries: what they promise where pools are odd."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from selector_pools import chain, ids

from shotsmith.domain.examples import Example, Query
from shotsmith.domain.selections import Candidate
from shotsmith.domain.sources import Rows
from shotsmith.selectors import ArraySource
from shotsmith.selectors.coverage import KCentre
from shotsmith.selectors.difficulty import Curriculum, Hard
from shotsmith.selectors.fake_judge import FakeJudge
from shotsmith.selectors.fixed import FixedBase

FIXED = ["k_centre", "k_means", "vote_k", "vote_k_openicl", "hard", "curriculum"]


def circle(count: int, **given: Any) -> ArraySource:
    """Examples e00, e01 ... around a quarter of a circle; every third has another answer than its neighbours."""
    angles = [math.pi / 2 * place / count for place in range(count)]
    vectors = {
        f"e{place:02d}": {"image": [math.cos(angle), math.sin(angle)]} for place, angle in enumerate(angles)
    }
    contents = {id: Example(id, answer="ab"[place % 3 == 0]) for place, id in enumerate(vectors)}
    return ArraySource(vectors, {"image": [1, 0]}, contents=contents, **given)


def select(text: str, source: ArraySource, k: int, seed: int = 0) -> list[Candidate]:
    return chain(text).select(Query(), source, k, seed)


@pytest.mark.parametrize("text", FIXED)
def test_examples_without_the_space_fill_up_and_say_so(text: str) -> None:
    vectors: Mapping[str, Any] = {
        "a": {"image": [1, 0]},
        "b": {"image": [0, 1]},
        "c": {"text": [1, 0]},
        "d": {},
    }
    contents = {id: Example(id, answer=id) for id in vectors}
    chosen = select(text, ArraySource(vectors, {"image": [1, 0]}, contents=contents), 4)
    assert sorted(ids(chosen)[2:]) == ["c", "d"]
    assert all("filled up at random" in one.flags[-1] for one in chosen[2:])
    assert not any("filled" in flag for one in chosen[:2] for flag in one.flags)


def test_what_is_left_because_it_adds_nothing_is_not_said_to_lack_a_picture() -> None:
    vectors = {f"e{place}": {"image": [1, 0]} for place in range(4)}
    chosen = select("k_means", ArraySource(vectors, {"image": [1, 0]}), 4)
    assert len(chosen) == 4
    told = " ".join(one.reason for one in chosen)
    assert "no image" not in told
    assert "random fill: it has nothing that the chosen ones do not show" in told


def test_clusters_of_another_split_may_outnumber_the_candidates() -> None:
    class Split(ArraySource):
        def everything(self, space: str, splits: Sequence[str] | None = None) -> Rows:
            return super().everything(space) if splits is None else circle(10).everything(space)

    vectors: Mapping[str, Any] = {"a": {"image": [1, 0]}, "b": {"image": [0, 1]}, "c": {}, "d": {}}
    chosen = select("k_means(of=test)", Split(vectors, {"image": [1, 0]}), 4)
    assert sorted(ids(chosen)[:2]) == ["a", "b"]
    assert sorted(ids(chosen)) == ["a", "b", "c", "d"]


def test_a_rated_choice_does_not_depend_on_how_long_a_plan_is() -> None:
    source = circle(80, judge=FakeJudge())
    everyone = circle(80, judge=FakeJudge())
    plans = {size: Hard(by="model", rated=8).plan(everyone, size, 0) for size in (8, 32, 64)}
    assert plans[32].slots[:8] == plans[64].slots[:8] == plans[8].slots
    chosen = select("hard(by=model,rated=8)", source, 10)
    assert ids(chosen)[:8] == [slot[0] for slot in plans[8].slots]
    assert all("no difficulty" in one.flags[-1] for one in chosen[8:])


def test_a_curriculum_rates_no_more_than_it_may_show() -> None:
    judge = FakeJudge()
    select("curriculum(by=model,prompts=2)", circle(40, judge=judge), 5)
    assert judge.asked.count("difficulty") == 2 * (5 + 8)


@pytest.mark.parametrize("removed", range(6))
def test_stand_ins_of_a_curriculum_stand_where_their_difficulty_is(removed: int) -> None:
    whole = select("curriculum(neighbours=4)", circle(30), 6)
    gone = whole[removed].id
    chosen = select("curriculum(neighbours=4)", circle(30, removed=[gone]), 6)
    assert len(chosen) == 6
    assert set(ids(whole)) - {gone} <= set(ids(chosen))
    difficulties = [one.scores["plan"] for one in chosen]
    assert difficulties == sorted(difficulties, reverse=True)
    assert any(flag.startswith("not the same as for other queries") for one in chosen for flag in one.flags)


def test_stored_plans_belong_to_a_class_and_its_revision() -> None:
    source = circle(4)

    class Other(FixedBase):
        pass

    Other.__name__ = "KCentre"
    Other.__qualname__ = "KCentre"

    class Revised(KCentre):
        revision = 2

    Revised.__module__, Revised.__qualname__ = KCentre.__module__, KCentre.__qualname__
    keys = [kind().key(source, 0) for kind in (KCentre, Other, Revised, Curriculum)]
    assert len(set(keys)) == 4
    assert KCentre().key(source, 0) == KCentre().key(circle(5), 0)
    assert KCentre().key(source, 0) != KCentre().key(source, 1)
