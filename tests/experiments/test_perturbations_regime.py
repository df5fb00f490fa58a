"""The sets behind regime diagnostics, as perturbations: what is shown instead, and that prompts show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from experiment_pools import draft
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import encoded, picture

from shotsmith import imaging
from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.examples import Example, Pool, Query
from shotsmith.domain.recipes import Recipe, stages_of
from shotsmith.domain.selections import Demonstration, Removal, Selection
from shotsmith.engine import Engine
from shotsmith.experiments.arms import Arm
from shotsmith.experiments.bench import Bench
from shotsmith.experiments.perturbations import PERTURBATIONS, Duplicated, perturb, read_perturbations
from shotsmith.experiments.trials import Trials

IMAGE = imaging.inspect(encoded(picture(1)))
POOL = Pool("p", "p", "classification", "fake", "fake", datetime(2026, 1, 1, tzinfo=UTC))
REGIME = ("without", "replaced", "duplicated")


def _examples(labels: str) -> list[Example]:
    return [
        Example(f"e{place:02}", (IMAGE,), f"thing {place}", label, (label,))
        for place, label in enumerate(labels)
    ]


def _selection(shown: Sequence[Example], *, eligible: int = 60) -> Selection:
    """Shown in this order, the last one ranking first, as `similar_last` has it; fixed as a cached part is."""
    shots = tuple(
        Demonstration(one, len(shown) - place, place + 1, "chosen", fixed=True)
        for place, one in enumerate(shown)
    )
    return Selection(
        POOL, Query((IMAGE,), "?", id="q"), Recipe(), shots, eligible, (Removal("gone", "itself"),)
    )


def _ranked(examples: Sequence[Example]) -> Callable[[Recipe], Sequence[Example]]:
    return lambda recipe: examples[: recipe.k]


def _ids(selection: Selection) -> list[str]:
    return [shot.example.id for shot in selection.demonstrations]


def _labels(selection: Selection) -> list[str | None]:
    return [shot.example.label for shot in selection.demonstrations]


labels_of_a_pool = st.text("abc", min_size=2, max_size=40)


@settings(max_examples=100, deadline=None)
@given(labels=labels_of_a_pool, data=st.data(), name=st.sampled_from(REGIME))
def test_they_are_pure_and_number_everything_once(labels: str, data: st.DataObject, name: str) -> None:
    ranking = _examples(labels)
    shown = data.draw(st.lists(st.sampled_from(ranking), unique_by=lambda one: one.id, max_size=len(ranking)))
    selection = _selection(shown)
    before = repr(selection)
    changed = perturb(selection, name, others=_ranked(ranking))
    assert changed == perturb(selection, name, others=_ranked(ranking), seed=7)
    assert repr(selection) == before
    numbers = list(range(1, len(changed.demonstrations) + 1))
    assert [shot.position for shot in changed.demonstrations] == numbers
    assert sorted(shot.rank for shot in changed.demonstrations) == numbers
    assert not any(shot.fixed for shot in changed.demonstrations)
    assert changed.flags[-1].startswith(f"perturbed: {name}: ")
    assert bool(changed.demonstrations) == bool(shown)


@settings(max_examples=150, deadline=None)
@given(
    labels=labels_of_a_pool,
    data=st.data(),
    end=st.sampled_from(["most", "least"]),
    share=st.floats(0.01, 0.99),
)
def test_substitutes_keep_number_labels_and_places(
    labels: str, data: st.DataObject, end: str, share: float
) -> None:
    ranking = _examples(labels)
    shown = data.draw(st.lists(st.sampled_from(ranking), unique_by=lambda one: one.id, min_size=2))
    selection = _selection(shown)
    changed = perturb(selection, f"replaced(end={end},share={share})", others=_ranked(ranking))
    assert _labels(changed) == _labels(selection)  # so the same number of each, in the same places
    assert len(set(_ids(changed))) == len(shown)
    new = [one for one in changed.demonstrations if one.example not in shown]
    wanted = min(len(shown) - 1, max(1, int(share * len(shown) + 0.5)))
    leaving = sorted(shown, key=ranking.index, reverse=end == "least")[:wanted]
    spare = Counter(one.label for one in ranking if one not in shown)
    kept = sum((Counter(one.label for one in leaving) - spare).values())
    assert len(new) == wanted - kept
    assert f"{len(new)} of {len(shown)} replaced" in changed.flags[-1]
    assert (f"{kept} kept for want of others" in changed.flags[-1]) == bool(kept)
    gone = {one.id for one in shown} - set(_ids(changed))
    assert gone <= {one.id for one in leaving}


@settings(max_examples=100, deadline=None)
@given(labels=labels_of_a_pool, end=st.sampled_from(["most", "least"]), share=st.floats(0.01, 0.99))
def test_what_is_left_keeps_its_order(labels: str, end: str, share: float) -> None:
    ranking = _examples(labels)
    selection = _selection(ranking[::-1])
    changed = perturb(selection, f"without(end={end},share={share})", others=_ranked(ranking))
    count = len(ranking) - len(changed.demonstrations)
    assert count == min(len(ranking) - 1, max(1, int(share * len(ranking) + 0.5)))
    left = _ids(selection)[:-count] if end == "most" else _ids(selection)[count:]
    assert _ids(changed) == left
    assert [shot.rank for shot in changed.demonstrations] == list(range(len(left), 0, -1))


def test_duplicates_are_as_many_and_end_with_the_nearest_that_is_left() -> None:
    selection = _selection(_examples("a" * 8)[::-1])
    changed = perturb(selection, "duplicated")
    assert _ids(changed) == ["e06", "e02"] * 4
    assert [shot.rank for shot in changed.demonstrations] == [8, 4, 7, 3, 6, 2, 5, 1]
    assert _ids(perturb(_selection(_examples("a" * 6)), "duplicated(times=3)")) == ["e01", "e04"] * 3
    # Where the number is no multiple, the round that is not whole comes first.
    assert _ids(perturb(_selection(_examples("a" * 7)), "duplicated(times=3)")) == [
        "e05",
        *["e02", "e05"] * 3,
    ]


def test_nothing_is_done_where_nothing_can_be_and_the_flag_says_so() -> None:
    one = _selection(_examples("a"))
    for text, said in (
        ("without", "none removed: 1 shown"),
        ("replaced", "none replaced: 1 shown"),
        ("duplicated", "none repeated: 1 shown"),
    ):
        changed = perturb(one, text, others=_ranked(_examples("ab")))
        assert _ids(changed) == _ids(one)
        assert said in changed.flags[-1]
    twice = perturb(
        _selection(_examples("a" * 8)), "duplicated|without|duplicated", others=_ranked(_examples("a" * 8))
    )
    assert len(twice.demonstrations) == 8
    assert "an example is shown twice" in twice.flags[-1]


def test_what_cannot_be_compared_ranks_last_and_is_flagged() -> None:
    ranking = _examples("aaaa")
    ranking[3] = replace(ranking[3], media=())
    selection = _selection(ranking)
    changed = perturb(selection, "without(end=least)", others=_ranked(ranking))
    assert _ids(changed) == ["e00", "e01", "e02"]
    assert "1 have no image and rank last" in changed.flags[-1]
    blind = replace(selection, query=replace(selection.query, text=""))
    flags = perturb(blind, "without(modality=text)", others=_ranked(ranking)).flags
    assert "the query has no text: ranked by what it has" in flags[-1]
    assert "have no" not in perturb(selection, "without(modality=joint)", others=_ranked(ranking)).flags[-1]
    strange = perturb(selection, "without(end=least)", others=_ranked(ranking[:2]))
    assert "2 are not among what could be ranked" in strange.flags[-1]


def test_bad_input_is_one_clear_error() -> None:
    for name in ("without", "replaced"):
        with pytest.raises(InvalidParameter, match="Pass `others`"):
            perturb(_selection(_examples("aa")), name)
    for text in ("without(share=0)", "replaced(share=1)", "without(end=middle)", "duplicated(times=1)"):
        with pytest.raises(InvalidParameter, match=text.partition("(")[0]):
            read_perturbations(text)
    with pytest.raises(InvalidParameter, match="times"):
        Duplicated.read({"times": True})
    assert not any(PERTURBATIONS[name].draws for name in REGIME)


def test_an_example_that_is_shown_several_times_is_in_the_prompt_as_often(engine: Engine) -> None:
    query = engine.query_of("p", "e035")
    recipe = Recipe(selector="random", k=12, symbols="letters")
    plain = engine.prompt(engine.select("p", query, recipe))
    changed = perturb(engine.select("p", query, recipe), "duplicated")
    prompt = engine.prompt(changed)
    shown = prompt.manifest["demonstrations"]
    assert [one["id"] for one in shown] == _ids(changed)
    assert [one["position"] for one in shown] == list(range(1, 13))
    assert set(Counter(one["id"] for one in shown).values()) == {4}
    assert not prompt.manifest["dropped"]
    assert prompt.manifest["counts"]["images"] == plain.manifest["counts"]["images"]
    assert prompt.manifest["tokens"]["total"] == pytest.approx(plain.manifest["tokens"]["total"], rel=0.02)
    assert len(prompt.messages) == len(plain.messages)


def test_a_budget_drops_repetitions_one_by_one(engine: Engine) -> None:
    query = engine.query_of("p", "e035")
    recipe = Recipe.model_validate({"selector": "random", "k": 12, "budget": {"max_images": 6}})
    changed = perturb(engine.select("p", query, recipe), "duplicated")
    manifest = engine.prompt(changed).manifest
    assert manifest["counts"]["images"] == 6  # the query's included
    assert (len(manifest["demonstrations"]), len(manifest["dropped"])) == (5, 7)
    assert sorted(one["rank"] for one in manifest["demonstrations"]) == [1, 2, 3, 4, 5]
    tight = recipe.model_copy(
        update={"budget": recipe.budget.model_copy(update={"max_images": None, "max_tokens": 2500})}
    )
    some = engine.prompt(replace(changed, recipe=tight)).manifest
    assert len(some["demonstrations"]) + len(some["dropped"]) == 12
    assert some["tokens"]["total"] <= 2500


def test_they_are_asked_as_arms(engine: Engine) -> None:
    """By the real ranking: without the most similar ones others are shown than without the least similar."""
    engine.add("p", [draft(number, number % 4, split="train") for number in range(50, 60)])
    bench = Bench(engine, "p")
    recipe = Recipe(selector=stages_of("random_fixed"), k=20, evaluation=True)
    texts = [f"{name}(end={end})" for name in ("without", "replaced") for end in ("most", "least")]
    arms = [Arm(text, "recipe", 20, recipe, changes=text) for text in [*texts, "duplicated"]]
    assert [arm.draws for arm in arms] == [True] * 5  # the draw is the recipe's
    found = Trials(bench, remember=False, workers=1).ask(arms, bench.items[:3])
    shown = {arm.family: [set(one.demonstrations) for one in found.of_arm(arm)[0]] for arm in arms}
    plain = [set(_ids(bench.selection(Arm("plain", "recipe", 20, recipe), item))) for item in bench.items[:3]]
    for place in range(3):
        most, least = (plain[place] - shown[f"without(end={end})"][place] for end in ("most", "least"))
        assert len(most) == len(least) == 2
        assert not most & least
        assert plain[place] - shown["replaced(end=most)"][place] <= most
        assert plain[place] - shown["replaced(end=least)"][place] <= least
        assert len(shown["duplicated"][place]) == 5
    counts = [len(one.labels) for arm in arms[2:] for one in found.of_arm(arm)[0]]
    assert set(counts) == {20}
