"""The JSON Schema of recipes against the recipes themselves, by an independent validator."""

from typing import Any

import jsonschema
import pytest
from selector_pools import ALL

from shotsmith import registry
from shotsmith.domain.errors import ShotsmithError
from shotsmith.domain.recipes import Recipe
from shotsmith.selectors import build
from shotsmith.selectors.schema import recipe_schema

SCHEMA = recipe_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_it_is_a_schema_that_names_every_selector() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert [step["title"] for step in SCHEMA["$defs"]["Step"]["anyOf"]] == registry.names("selectors")


@pytest.mark.parametrize("text", ALL)
def test_every_spelling_of_a_recipe_fits(text: str) -> None:
    recipe = Recipe.read(text)
    spellings = [
        text,
        recipe.text,
        recipe.model_dump(mode="json"),
        recipe.model_dump(mode="json", exclude_defaults=True),
        {"selector": text, "k": 3},
        {"selector": [one.model_dump() for one in recipe.selector], "filters": {"labels": "cat"}},
    ]
    for spelling in spellings:
        assert list(VALIDATOR.iter_errors(spelling)) == []
        assert Recipe.read(spelling).selector == recipe.selector  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"selector": {"name": "ricess"}},
        {"selector": {"name": "rices", "params": {"modality": "smell"}}},
        {"selector": {"name": "rices", "params": {"modalitie": "text"}}},
        {"selector": {"name": "neighbours"}},
        {"selector": {"name": "fused", "params": {"weights": {"smell": 1}}}},
        {"selector": {"name": "hybrid", "params": {"similar": 3}}},
        {"selector": []},
        {"k": -1},
        {"k": "many"},
        {"order": "up"},
        {"shots": 8},
        {"filters": {"label": "cat"}},
        "",
        7,
    ],
    ids=str,
)
def test_what_the_schema_refuses_is_refused(wrong: Any) -> None:
    assert list(VALIDATOR.iter_errors(wrong))
    with pytest.raises((ShotsmithError, TypeError)):
        build(Recipe.read(wrong).selector)
