"""The JSON Schema that a server gives out against what the same server takes and refuses."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from selector_cases import ALL
from ways_in import JSON

from shotsmith.domain.recipes import Recipe

WHOLE = {
    "selector": [{"name": "rices", "params": {"modality": "text"}}, "balanced"],
    "k": 3,
    "order": "interleaved",
    "filters": {
        "splits": ["train", ""],
        "labels": None,
        "tags": "night",
        "groups": ["g1"],
        "ids": None,
        "metadata": {"site": "A", "device": 2, "depth": 0.5, "checked": True},
    },
    "dialect": "interleaved",
    "seed": -3,
    "evaluation": True,
    "images": {"max_side": 64, "query_max_side": 64, "quality": 1},
    "budget": {"max_images": 0, "max_image_bytes": None},
}
GOOD = [
    {},
    WHOLE,
    {"selector": "random"},
    {"selector": {"name": "random"}},
    {"selector": ["rices", {"name": "mmr"}, "balanced"]},
    {"selector": ["rices|mmr", "balanced"]},
    {
        "selector": {
            "name": "hybrid",
            "params": {"similar": {"name": "rices", "params": {"modality": "text"}}},
        }
    },
    {"selector": {"name": "hybrid", "params": {"similar": ["rices", {"name": "mmr"}], "prefix": 0}}},
    {
        "selector": {
            "name": "mix",
            "params": {"parts": ["rices|mmr", {"name": "bm25"}, ["rices", "balanced"]]},
        }
    },
    {"selector": {"name": "matched", "params": {"by": "site"}}},
    {"selector": {"name": "mmr", "params": {"lambda_mult": 1, "space": None}}},
    {"selector": {"name": "fused", "params": {"weights": {"text": 2}}}},
    {"k": 0},
    {"k": 10**30},
    {"k": 3.0},
    {"seed": 10**20},
    {"filters": {"splits": None}},
    {"filters": {"labels": [], "ids": ["e001", "кот"]}},
    "rices",
    "rices(k=2)|balanced|similar_last",
    'where(labels=["класс"])|random|with(seed=1)',
]
BAD = [
    None,
    7,
    True,
    [],
    ["rices"],
    "",
    {"selector": None},
    {"selector": ""},
    {"selector": []},
    {"selector": [["rices"]]},
    {"selector": {"name": "ricess"}},
    {"selector": {"name": "RICES"}},
    {"selector": {"params": {}}},
    {"selector": {"name": "rices", "parameters": {}}},
    {"selector": {"name": "rices", "params": None}},
    {"selector": {"name": "rices", "params": {"modality": "smell"}}},
    {"selector": {"name": "rices", "params": {"modalitie": "text"}}},
    {"selector": {"name": "rices", "params": {"k": 3}}},
    {"selector": {"name": "none", "params": {"k": 3}}},
    {"selector": {"name": "neighbours"}},
    {"selector": {"name": "neighbours", "params": {"rest": "rices"}}},
    {"selector": {"name": "matched", "params": {"by": []}}},
    {"selector": {"name": "matched", "params": {"by": [1]}}},
    {"selector": {"name": "mix", "params": {"parts": []}}},
    {"selector": {"name": "mix", "params": {"parts": "rices"}}},
    {"selector": {"name": "mix", "params": {"shares": [1, -1, 1]}}},
    {"selector": {"name": "mmr", "params": {"lambda_mult": 1.5}}},
    {"selector": {"name": "mmr", "params": {"depth": 0}}},
    {"selector": {"name": "mmr", "params": {"depth": 1.5}}},
    {"selector": {"name": "fused", "params": {"weights": {"smell": 1}}}},
    {"selector": {"name": "fused", "params": {"weights": {"text": -1}}}},
    {"selector": {"name": "modality", "params": {"probe": {"image": {"impact": 1}}}}},
    {"selector": {"name": "hybrid", "params": {"similar": 3}}},
    {"selector": {"name": "hybrid", "params": {"similar": {"name": "nope"}}}},
    {"selector": {"name": "hybrid", "params": {"prefix": -1}}},
    {"k": -1},
    {"k": None},
    {"k": True},
    {"k": 2.5},
    {"k": "many"},
    {"seed": 0.5},
    {"order": "up"},
    {"order": None},
    {"dialect": 3},
    {"evaluation": 1},
    {"evaluation": "true"},
    {"shots": 8},
    {"filters": None},
    {"filters": {"label": "cat"}},
    {"filters": {"labels": 3}},
    {"filters": {"splits": [None]}},
    {"filters": {"metadata": {"site": None}}},
    {"filters": {"metadata": {"site": ["A"]}}},
    {"filters": {"metadata": ["site"]}},
    {"images": {"max_side": 8}},
    {"images": {"quality": 101}},
    {"images": {"side": 100}},
    {"budget": {"images": 3}},
    {"budget": {"max_images": 0.5}},
]
# A flag is no number, and a number below its bound is none either, wherever in a recipe they stand.
SLIPPED = [
    {"selector": {"name": "mmr", "params": {"depth": True}}},
    {"selector": {"name": "mmr", "params": {"lambda_mult": False}}},
    {"selector": {"name": "hybrid", "params": {"prefix": True}}},
    {"selector": {"name": "adaptive", "params": {"threshold": True}}},
    {"budget": {"max_images": -1}},
    {"budget": {"max_image_bytes": -1}},
]
# Whether a text may stand for a number, or a number for a flag, is a matter of taste; both have to agree.
SPELLED = [
    {"k": "3"},
    {"seed": "3"},
    {"images": {"max_side": "64"}},
    {"budget": {"max_images": "3"}},
    {"selector": {"name": "mmr", "params": {"depth": "5"}}},
    {"selector": {"name": "dpp", "params": {"scale": "0.5"}}},
    {"selector": {"name": "late_interaction", "params": {"lean": 1}}},
    {"selector": {"name": "late_interaction", "params": {"lean": "true"}}},
]


@pytest.fixture(scope="module")
def validator(http) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(http.get("/v1/schemas/recipe").json())


@pytest.fixture
def sent(http):
    """Send a recipe to the service; its status, and its answer."""

    def send(recipe: Any) -> tuple[int, dict[str, Any]]:
        query = {"text": "red thing", "id": "e007"}
        body = json.dumps({"pool": "p", "query": query, "recipe": recipe})
        answer = http.post("/v1/selections", content=body, headers=JSON)
        return answer.status_code, answer.json()

    return send


def shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]


@pytest.mark.parametrize("recipe", GOOD, ids=shown)
def test_the_schema_accepts_what_the_service_takes(validator, sent, recipe: Any) -> None:
    status, answer = sent(recipe)
    assert status == 200, answer
    assert list(validator.iter_errors(recipe)) == []
    # So does what the service says it understood, in either form, and it means the same to the service.
    for again in (answer["recipe"], answer["recipe_text"]):
        assert list(validator.iter_errors(again)) == []
        assert sent(again) == (200, answer)


@pytest.mark.parametrize("text", ALL)
def test_both_take_every_selector_in_every_spelling(validator, sent, text: str) -> None:
    stages = [one.model_dump(mode="json") for one in Recipe.read(text).selector]
    answers = []
    for recipe in ({"selector": text, "k": 3}, {"selector": stages, "k": 3}):
        assert list(validator.iter_errors(recipe)) == []
        answers.append(sent(recipe))
    assert answers[0][0] == 200, answers[0]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("recipe", BAD, ids=shown)
def test_the_schema_refuses_what_the_service_refuses(validator, sent, recipe: Any) -> None:
    status, problem = sent(recipe)
    assert status == 422
    assert problem["field"]
    assert list(validator.iter_errors(recipe))


@pytest.mark.parametrize("recipe", SLIPPED, ids=shown)
def test_neither_takes_a_flag_for_a_number_nor_less_than_nothing(validator, sent, recipe: Any) -> None:
    assert sent(recipe)[0] == 422
    assert list(validator.iter_errors(recipe))


@pytest.mark.parametrize("recipe", SPELLED, ids=shown)
def test_both_agree_on_values_of_a_neighbouring_type(validator, sent, recipe: Any) -> None:
    assert validator.is_valid(recipe) == (sent(recipe)[0] == 200)
