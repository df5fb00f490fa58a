"""`shotsmith compare`: selectors of every family named by text, beside the baselines, the same every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from ways_in import SETTINGS, Refusal

from shotsmith.domain.recipes import Recipe, stages_text

FAMILIES = {
    "by query": [
        "rices(modality=text)",
        "fused",
        "bm25",
        "every_nth(n=2)",
        "label_space",
        "mmices",
        "late_interaction",
    ],
    "fixed": ["random_fixed", "k_centre", "k_means", "vote_k", "hard(neighbours=3)", "curriculum"],
    "stages": [
        "balanced",
        "rices|mmr",
        "fused|dpp",
        "random|stratified",
        "bm25|matched(by=[site,device])",
        "k_means|balanced",
    ],
    "composed": [
        "hybrid(prefix=1,similar=rices(modality=text)|mmr)",
        "mix(parts=[rices,bm25],shares=[2,1])",
        "rices|text_only",
    ],
}
BASELINES = {
    "zero-shot": "zero-shot",
    "majority class": "majority",
    "kNN vote, k=3": "vote",
    "random, k=3": "random",
}
#: What depends on the machine and the moment.
TIMINGS = {"selection_ms", "latency_ms"}


def arguments(selectors: list[str]) -> list[object]:
    given: list[object] = ["compare", "--pool", "p", "--model", "offline/knn-vote", "-k", 3, "--json"]
    for selector in selectors:
        given += ["-s", selector]
    return given


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: timeless(one) for name, one in value.items() if name not in TIMINGS}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def repeatable(text: str) -> str:
    """What a comparison found, without its timings."""
    return json.dumps(timeless(json.loads(text)), ensure_ascii=False)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_compared_by_name_and_the_same_again(shell, engine, family: str) -> None:
    selectors = FAMILIES[family]
    first = shell.json(*arguments(selectors))
    assert repeatable(first) == repeatable(shell.json(*arguments(selectors)))
    found = json.loads(first)
    assert sorted(found["items"]) == ["e010", "e021", "e032"]
    baselines, arms = found["arms"][: len(BASELINES)], found["arms"][len(BASELINES) :]
    assert {arm["name"]: arm["kind"] for arm in baselines} == BASELINES
    for text, arm in zip(selectors, arms, strict=True):
        recipe = Recipe(selector=text, k=3, evaluation=True)
        named = stages_text(recipe.selector).replace("(modality=text)", " by text")
        assert (arm["name"], arm["kind"]) == (f"{named}, k=3", "recipe")
        assert arm["recipe"] == recipe.model_dump(mode="json")
        assert [outcome["item"] for outcome in arm["outcomes"]] == found["items"]
        # An arm shows what `select` would show.
        for outcome in arm["outcomes"]:
            selection = engine.select("p", engine.query_of("p", outcome["item"]), recipe)
            assert outcome["demonstrations"] == [shot.example.id for shot in selection.demonstrations]


def test_fixed_selectors_show_every_item_the_same_but_for_the_leak_guard(shell, engine) -> None:
    selectors = ["k_centre", "random_fixed", "random_fixed|balanced", "rices"]
    found = json.loads(shell.json(*arguments(selectors)))
    for arm in found["arms"][len(BASELINES) :]:
        fixed = arm["family"] != "rices"
        plan = engine.select("p", engine.query(text="unrelated"), Recipe.read(arm["recipe"]))
        whole = [shot.example.id for shot in plan.demonstrations]
        whole_shown = 0
        for outcome in arm["outcomes"]:
            query = engine.query_of("p", outcome["item"])
            kept_out = {one.id for one in engine.select("p", query, Recipe.read(arm["recipe"])).removed}
            whole_shown += outcome["demonstrations"] == whole
            assert (outcome["demonstrations"] == whole) == fixed or kept_out & set(whole)
        assert bool(whole_shown) == fixed, arm["name"]


def test_another_process_says_the_same(shell, data) -> None:
    selectors = [texts[-1] for texts in FAMILIES.values()]
    command = [sys.executable, "-m", "shotsmith", "--data-dir", data, *arguments(selectors)]
    environment = {**os.environ, **SETTINGS, "PYTHONHASHSEED": "77"}
    done = subprocess.run(
        list(map(str, command)),
        env=environment,
        cwd=shell.scratch,
        capture_output=True,
        text=True,
        check=True,
    )
    assert repeatable(done.stdout) == repeatable(shell.json(*arguments(selectors)))


def test_spellings_of_a_selector_are_one_arm_and_baselines_are_not_repeated(shell) -> None:
    spelled = ["rices(modality=text)|mmr", " rices( modality = text ) | mmr ", 'rices(modality="text")|mmr']
    found = json.loads(shell.json(*arguments([*spelled, "random", "random_per_query", "none"])))
    assert [arm["name"] for arm in found["arms"]] == [
        *BASELINES,
        "rices by text|mmr, k=3",
    ]


def test_people_see_every_arm_by_name(shell) -> None:
    done = shell(
        *(one for one in arguments(["rices|mmr", "k_centre", "hybrid(prefix=1)"]) if one != "--json")
    )
    assert done.code == 0
    for name in ("zero-shot", "majority class", "kNN vote", "random", "|mmr", "k_centre", "hybrid(prefix=1)"):
        assert name in done.out
    assert "not a vision-language model" in done.out


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("mrm", "Did you mean 'mmr'?"),
        ("rices(", "expected NAME=VALUE"),
        ("rices(modality=smell)", "modality"),
        ("rices|ends", "ends is an order"),
        ("mmr|rices", "can only come first"),
        ("", "expected a name"),
        ("matched", "matched.by"),
    ],
)
def test_a_selector_that_cannot_be_is_refused_before_anything_is_asked(
    shell, selector: str, said: str
) -> None:
    with pytest.raises(Refusal, match="detail") as caught:
        shell.json(*arguments(["rices", selector]))
    assert caught.value.outcome == 2
    assert said in caught.value.problem["detail"]
    assert caught.value.problem["field"]
