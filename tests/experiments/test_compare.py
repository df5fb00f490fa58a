from __future__ import annotations

import json

import pytest

from shotsmith.domain.errors import InvalidInput, InvalidParameter, ModelUnavailable, UnknownName
from shotsmith.domain.recipes import Recipe, SelectorSpec
from shotsmith.experiments import compare, headline, plan
from shotsmith.experiments.choices import Choices

SELECTORS = ("rices", "balanced")


def run(engine, **options):
    return compare(engine, "p", **{"selectors": SELECTORS, "shots": (0, 1, 2, 4), **options})


def test_baselines_are_always_there_and_all_arms_see_the_same_items(engine):
    found = run(engine, selectors=(), shots=(2,))
    assert [one.arm.name for one in found.arms] == [
        "zero-shot", "majority class", "kNN vote, k=2", "random, k=2",
    ]  # fmt: skip
    full = run(engine)
    assert len(full.arms) == 2 + 4 * 3
    assert full.items == found.items
    assert sorted(full.items) == [f"e{number:03d}" for number in range(32, 40)]
    for one in full.arms:
        assert tuple(outcome.item for outcome in one.outcomes) == full.items


def test_demonstrations_are_training_examples_and_never_of_the_querys_group(engine):
    found = run(engine, shots=(4, 31))
    training = {f"e{number:03d}" for number in range(32)}
    reached = set()
    for one in found.arms:
        for outcome in one.outcomes:
            shown = set(outcome.demonstrations)
            assert shown <= training
            reached |= shown
            assert outcome.item not in ("e032", "e033") or "e000" not in shown
    assert "e000" in reached


def test_scores_are_those_of_the_answers(engine):
    found = run(engine)
    truths = [truth == "class 1" for truth in found.truths.values()]
    for one in found.arms:
        if one.arm.asks:
            assert one.correct == truths
            assert one.accuracy.value == 0.25
    majority = found.find("majority class")
    assert [outcome.answer for outcome in majority.outcomes] == ["class 0"] * 8
    # The fake encoder sees the hue, which is the label.
    assert found.find("kNN vote", 4).accuracy.value == 1
    assert found.find("kNN vote", 4).to_zero_shot.value == 0.75
    assert found.find("zero-shot").to_zero_shot is None
    assert found.find("random", 2).to_random is None
    assert found.find("rices", 2).to_random.value == 0


def test_a_second_run_is_free_and_says_the_same(engine, hired):
    first = run(engine)
    asked = hired.asked
    assert asked > 0
    assert first.find("zero-shot").from_ledger < 8
    second = run(engine)
    assert hired.asked == asked
    assert all(one.from_ledger == 8 for one in second.arms if one.arm.asks)
    one, two = (json.dumps(found.as_dict(timings=False), sort_keys=True) for found in (first, second))
    assert one == two
    assert "selection_ms" in json.dumps(first.as_dict())


def test_workers_change_nothing(engine):
    assert run(engine, workers=1).as_dict(timings=False) == run(engine, workers=4).as_dict(timings=False)


def test_a_failure_keeps_what_was_answered(engine, hired):
    engine.close()
    answers = iter(["class 1"] * 10)
    with (
        hired.open(lambda request: next(answers, ModelUnavailable("gone"))) as broken,
        pytest.raises(ModelUnavailable),
    ):
        run(broken, workers=1)
    before = hired.asked
    with hired.open(lambda request: "class 1") as whole:
        found = run(whole)
    total = sum(1 for one in found.arms if one.arm.asks) * 8
    assert before == 11
    assert sum(one.from_ledger for one in found.arms) >= 10
    assert hired.asked - before <= total - 10


def test_an_unreadable_answer_counts_as_wrong(engine, hired):
    engine.close()
    with hired.open(lambda request: "no idea") as mute:
        found = run(mute, shots=(1,))
    for one in found.arms:
        assert one.parse_failures == (8 if one.arm.asks else 0)
        assert one.accuracy.value == 0 or not one.arm.asks


@pytest.mark.parametrize(
    "spec", [SelectorSpec(name="random"), SelectorSpec(name="rices"), SelectorSpec(name="balanced")]
)
@pytest.mark.parametrize("order", ["similar_last", "ends", "random", "grouped"])
def test_choices_are_what_the_engine_selects(engine, spec, order):
    query = engine.query_of("p", "e034")
    recipes = [Recipe(selector=spec, k=k, order=order, evaluation=True) for k in (1, 3, 8, 40)]
    choices = Choices(engine, "p", query, recipes)
    for recipe in recipes:
        assert choices.of(recipe)[0] == engine.select("p", query, recipe)


def test_items_can_be_limited_and_depend_on_the_seed(engine):
    few = run(engine, limit=3, shots=(1,))
    assert few.items == run(engine, shots=(1,)).items[:3]
    assert few.held_out == 8
    assert {run(engine, shots=(1,), seed=seed).items for seed in range(3)} != {few.items}


def test_offline_baselines_are_named_as_such(engine):
    found = run(engine, model="offline/knn-vote", shots=(1,), limit=2)
    assert found.notes == ("offline/knn-vote is a baseline from the literature, not a vision-language model",)
    assert "kNN vote" in headline(found)[-1]


def test_arms_are_named_apart():
    arms = plan(
        ["rices", SelectorSpec(name="rices", params={"modality": "text"}), "random", "rices"], [1], Recipe()
    )
    names = [arm.name for arm in arms]
    assert names[-2:] == ["rices, k=1", "rices by text, k=1"]
    assert len(set(names)) == len(names) == 6


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"split": "nowhere"}, InvalidInput),
        ({"shots": (0,)}, InvalidParameter),
        ({"shots": (-1, 2)}, InvalidParameter),
        ({"limit": 0}, InvalidParameter),
        ({"order": "sideways"}, InvalidParameter),
        ({"selectors": ("rice",)}, UnknownName),
    ],
)
def test_bad_input_is_one_clear_error(engine, options, error):
    with pytest.raises(error):
        run(engine, **options)
