"""A query that equals an example of the cached prefix: it is told, it never sees its own answer, and others' prompts
keep their bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from drafts import draft
from hypothesis import given, settings
from hypothesis import strategies as st

from shotsmith.domain.examples import ImageFile, Query
from shotsmith.domain.messages import canonical
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Prompt, Selection
from shotsmith.engine import Engine
from shotsmith.prompts.economics import CacheRule, Prices, Sizes, Traffic, plan_hybrid
from shotsmith.settings import Settings

PREFIX = 6
HYBRID = f"hybrid(cached=k_centre,prefix={PREFIX},k=10)|similar_last"
EVALUATION = f"{HYBRID}|with(evaluation=true)"
TOLD = "may not be shown for this one"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A pool of 30 examples in groups of three, and ten held-out queries."""
    root: Path = tmp_path_factory.mktemp("leaks")
    with Engine(Settings(data_dir=root, index_url="memory:", encoder="fake")) as opened:
        opened.create_pool("p", instruction="What is it?")
        opened.add("p", [draft(number, number % 4, group=f"g{number // 3}") for number in range(30)])
        opened.add(
            "p", [draft(900 + number, number % 4, split="test", text=f"new {number}") for number in range(10)]
        )
        yield opened


def chosen(engine: Engine, query: Query, recipe: str = HYBRID) -> Selection:
    return engine.select("p", query, Recipe.read(recipe))


def held_out(engine: Engine, number: int) -> Query:
    return engine.query_of("p", f"e{900 + number}")


def fixed(selection: Selection) -> list[str]:
    return [shot.example.id for shot in selection.demonstrations if shot.fixed]


def ids(selection: Selection) -> list[str]:
    return [shot.example.id for shot in selection.demonstrations]


def beginning(prompt: Prompt, shots: int) -> bytes:
    """The instruction and so many demonstrations of the dialect `chat`, with the bytes of their images by hash."""
    return json.dumps(canonical(prompt.messages[: 1 + 2 * shots])).encode()


def test_the_prefix_is_the_same_bytes_for_queries_that_it_does_not_hold(engine: Engine) -> None:
    for recipe in (HYBRID, EVALUATION):
        found = [chosen(engine, held_out(engine, number), recipe) for number in range(10)]
        assert len({beginning(engine.prompt(one), PREFIX) for one in found}) == 1
        assert len({beginning(engine.prompt(one), PREFIX + 1) for one in found}) > 1
        assert [flag for one in found for flag in one.flags if TOLD in flag] == []


@pytest.mark.parametrize("recipe", [HYBRID, EVALUATION])
def test_an_example_of_the_prefix_that_is_asked_is_told_and_replaced(engine: Engine, recipe: str) -> None:
    usual = fixed(chosen(engine, held_out(engine, 0), recipe))
    assert len(usual) == PREFIX
    for id in usual:
        found = chosen(engine, engine.query_of("p", id), recipe)
        assert id not in ids(found)
        assert (len(ids(found)), len(fixed(found))) == (10, PREFIX)
        told = [flag for flag in found.flags if TOLD in flag]
        assert len(told) == 1
        assert repr(id) in told[0]
        # The manifest says so as well.
        manifest = engine.prompt(found).manifest
        assert told[0] in manifest["flags"]
        assert id in [one["id"] for one in manifest["removed"]]
        assert id not in [one["id"] for one in manifest["demonstrations"]]


@pytest.mark.parametrize("recipe", [HYBRID, EVALUATION])
def test_a_copy_of_an_example_of_the_prefix_is_known_by_its_content(engine: Engine, recipe: str) -> None:
    """The same picture and text without an id, as a user of a service sends them."""
    id = fixed(chosen(engine, held_out(engine, 0), recipe))[2]
    example = engine.example("p", id)
    picture = ImageFile("upload.png", engine.image(example.media[0].sha256))
    found = chosen(engine, engine.query([picture], example.text), recipe)
    assert id not in ids(found)
    assert any(TOLD in flag and repr(id) in flag for flag in found.flags)
    assert {one.id: one.reason for one in found.removed}[id] == "same content"


def test_in_evaluation_nothing_of_its_group_stands_in_the_prefix(engine: Engine) -> None:
    usual = fixed(chosen(engine, held_out(engine, 0), EVALUATION))
    for id in usual:
        example = engine.example("p", id)
        found = chosen(engine, engine.query_of("p", id), EVALUATION)
        groups = {engine.example("p", one).group for one in ids(found)}
        assert example.group not in groups
        assert (len(ids(found)), len(fixed(found))) == (10, PREFIX)


def test_outside_evaluation_its_group_is_shown_and_nothing_is_told(engine: Engine) -> None:
    usual = fixed(chosen(engine, held_out(engine, 0)))
    groups = {engine.example("p", id).group for id in usual}
    others = [one for one in engine.examples("p", limit=100) if one.group in groups and one.id not in usual]
    assert others
    for one in others:
        found = chosen(engine, engine.query_of("p", one.id))
        assert fixed(found) == usual
        assert [flag for flag in found.flags if TOLD in flag] == []


def test_one_leak_does_not_change_what_others_are_shown(engine: Engine) -> None:
    before = beginning(engine.prompt(chosen(engine, held_out(engine, 1), EVALUATION)), PREFIX)
    for id in fixed(chosen(engine, held_out(engine, 1), EVALUATION)):
        chosen(engine, engine.query_of("p", id), EVALUATION)
    assert beginning(engine.prompt(chosen(engine, held_out(engine, 1), EVALUATION)), PREFIX) == before


@settings(max_examples=25)
@given(
    number=st.integers(0, 29),
    prefix=st.integers(0, 12),
    similar=st.integers(0, 6),
    cached=st.sampled_from(["k_centre", "random_fixed", "k_means|balanced"]),
    evaluation=st.booleans(),
)
def test_no_query_sees_its_own_answer_whatever_is_fixed(
    engine: Engine, number: int, prefix: int, similar: int, cached: str, evaluation: bool
) -> None:
    text = f"hybrid(cached={cached},prefix={prefix},k={prefix + similar})|with(evaluation={str(evaluation).lower()})"
    usual = fixed(chosen(engine, held_out(engine, 0), text))
    found = chosen(engine, engine.query_of("p", f"e{number:03d}"), text)
    assert f"e{number:03d}" not in ids(found)
    assert len(ids(found)) == len(set(ids(found))) == prefix + similar
    leaking = set(usual) & {one.id for one in found.removed}
    assert any(TOLD in flag for flag in found.flags) == bool(leaking)
    if not leaking:
        assert fixed(found) == usual


def test_a_plan_is_a_recipe_that_the_engine_takes(engine: Engine) -> None:
    rule = CacheRule("cache_control", 100, read=0.1, write=1.25)
    plan = plan_hybrid(
        Sizes(100), Prices.by_rule(1e-6, 0, rule), rule, Traffic(60), similar=4, fixed=30, most_shots=25
    )
    found = chosen(engine, held_out(engine, 3), plan.recipe().text)
    assert len(fixed(found)) == plan.chosen.fixed > 0
    assert len(ids(found)) == plan.chosen.fixed + plan.chosen.similar
