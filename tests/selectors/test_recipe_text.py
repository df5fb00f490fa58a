"""The text form of recipes: what is written is read back, and what cannot be read is said."""

import json
from typing import Any, get_args

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from selector_pools import ALL

from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.recipe_text import Segment, read_segments, write_segments
from shotsmith.domain.recipes import (
    Budget,
    FilterSpec,
    ImageSpec,
    OrderName,
    Recipe,
    SelectorSpec,
    stages_of,
    stages_text,
)

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,6}", fullmatch=True)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(
        ["rices", "rices(modality=text)|mmr", "a|b", "true", "3", "-0.5e3", "", " x", "a=b", '"', "猫"]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
segments = st.lists(
    st.builds(Segment, names, st.dictionaries(names, values, max_size=3)), min_size=1, max_size=4
)


@given(segments)
def test_segments_survive_the_text(written: list[Segment]) -> None:
    assert read_segments(write_segments(written)) == written


@given(segments)
def test_there_is_one_text_and_spaces_do_not_matter(written: list[Segment]) -> None:
    text = write_segments(written)
    assert write_segments(read_segments(text)) == text
    assert write_segments(read_segments(f"  {text} ")) == text


ordered = st.sampled_from(get_args(OrderName))
strings = st.lists(st.text(max_size=4), max_size=2).map(tuple)
recipes = st.builds(
    Recipe,
    selector=st.lists(
        st.builds(
            SelectorSpec,
            name=names.filter(lambda name: name not in {*get_args(OrderName), "where", "with"}),
            params=st.dictionaries(names.filter(lambda name: name != "k"), values, max_size=3),
        ),
        min_size=1,
        max_size=3,
    ),
    k=st.integers(0, 999),
    order=ordered,
    filters=st.builds(
        FilterSpec,
        labels=st.none() | strings,
        splits=st.none() | strings,
        groups=st.none() | strings,
        metadata=st.dictionaries(
            st.text(max_size=4), st.booleans() | st.integers() | st.text(max_size=3), max_size=2
        ),
    ),
    dialect=st.text(max_size=5),
    seed=st.integers(),
    evaluation=st.booleans(),
    images=st.builds(ImageSpec, max_side=st.integers(16, 8000)),
    budget=st.builds(Budget, max_images=st.none() | st.integers(0, 99)),
)


@settings(max_examples=300)
@given(recipes)
@example(Recipe(selector="random|random"))
@example(Recipe(k=0))
def test_recipes_survive_text_json_and_yaml(recipe: Recipe) -> None:
    assert Recipe.read(recipe.text) == recipe
    assert Recipe.read(recipe.text).text == recipe.text
    assert Recipe.read(json.loads(recipe.model_dump_json())) == recipe
    assert Recipe.read(yaml.safe_load(yaml.safe_dump(recipe.model_dump(mode="json")))) == recipe


@pytest.mark.parametrize("text", ALL)
def test_every_selector_survives_its_text(text: str) -> None:
    stages = stages_of(text)
    assert stages_of(stages_text(stages)) == stages


def test_a_recipe_reads_like_a_sentence() -> None:
    recipe = Recipe.read(
        'where(labels=[cat,"big dog"], splits=null) | rices(modality=text, k=16) | mmr(lambda_mult=0.7) | balanced '
        "| ends | with(seed=3, dialect=interleaved, images={max_side=256}, evaluation=true)"
    )
    assert recipe == Recipe(
        selector=[
            {"name": "rices", "params": {"modality": "text"}},
            {"name": "mmr", "params": {"lambda_mult": 0.7}},
            "balanced",
        ],
        k=16,
        order="ends",
        filters={"labels": ["cat", "big dog"], "splits": None},
        seed=3,
        dialect="interleaved",
        images={"max_side": 256},
        evaluation=True,
    )
    assert recipe.text == (
        'where(labels=[cat,"big dog"],splits=null)|rices(modality=text,k=16)|mmr(lambda_mult=0.7)|balanced|ends'
        "|with(dialect=interleaved,seed=3,evaluation=true,images={max_side=256})"
    )


def test_k_stands_with_any_stage_and_the_order_may_be_left_out() -> None:
    assert Recipe.read("rices|balanced(k=4)") == Recipe(selector="rices|balanced", k=4)
    assert Recipe.read("rices") == Recipe()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a name at column 1"),
        ("rices(", "expected NAME=VALUE at column 7"),
        ("rices(k=1", r"expected , or \) at column 10"),
        ("rices(k)", "expected = after k at column 8"),
        ("rices(k=)", "expected a value at column 9"),
        ("rices)", "expected | or the end at column 6"),
        ("rices(k=1,k=2)", "k stands twice"),
        ("rices(k=1)|balanced(k=2)", "k is given twice"),
        ("rices|ends|mmr", "mmr stands after the order"),
        ("rices|ends|grouped", "order is given twice"),
        ("rices|ends(x=1)", "the order ends takes no arguments"),
        ("where(labels=a)", "no selector is named"),
        ("rices|where(labels=a)", "where.* comes first"),
        ("rices|with(colour=red)", "not colour"),
        ("rices|with(k=3)", "not k"),
        ('rices(x="a', "a string that does not end"),
        ("rices(x=[1,)", "expected a value"),
        ("rices(x=1e999)", "a number too large"),
        ("rices(x=" + "[" * 30, "too many brackets"),
        ("rices(x=" + "9" * 5000 + ")", "a number too long"),
        ("rices|with(seed=one)", "seed"),
        ("rices(k=-1)", "greater than or equal to 0"),
        ("where(label=a)|rices", "label"),
    ],
    ids=lambda text: text[:30],
)
def test_what_cannot_be_read_is_one_clear_error(text: str, said: str) -> None:
    with pytest.raises(InvalidParameter, match=said) as caught:
        Recipe.read(text, "recipe")
    assert str(caught.value.field).startswith("recipe")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"x"])
def test_what_text_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidParameter, match=r"cannot|can hold"):
        stages_text((SelectorSpec(name="rices", params={"x": value}),))
    with pytest.raises(InvalidParameter, match="no name"):
        stages_text((SelectorSpec(name="a b"),))
