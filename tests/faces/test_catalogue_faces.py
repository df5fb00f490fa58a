"""What recipes may say, told by every face: the selectors, one of them, the schema, and a recipe read back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jsonschema
import pytest
import yaml
from ways_in import JSON, Refusal, compact, settle

from shotsmith import AsyncClient, registry
from shotsmith.selectors import StageBase
from shotsmith.selectors.catalogue import load

NAMES = registry.names("selectors")
MISTYPED = [
    ("ricess", "rices"),
    ("mrm", "mmr"),
    ("balance", "balanced"),
    ("k_center", "k_centre"),
    ("bm-25", "bm25"),
]


@pytest.fixture
def told(shell, http, clients, url, data) -> dict[str, tuple[str, str]]:
    """The selectors and the schema of recipes as each face tells them, as compact JSON."""

    async def asked(**where: Any) -> tuple[str, str]:
        async with AsyncClient(**where) as client:
            return written(await client.selectors(), await client.recipe_schema())

    found = {
        "command line": (shell.json("selectors", "--json"), shell.json("recipe", "schema")),
        "rest": (http.get("/v1/selectors").text, http.get("/v1/schemas/recipe").text),
        **{name: written(client.selectors(), client.recipe_schema()) for name, client in clients.items()},
    }
    with pytest.MonkeyPatch.context() as patch:
        settle(patch)
        for name, where in (("async in process", {"path": data}), ("async over http", {"url": url})):
            found[name] = asyncio.run(asked(**where))
    return found


def written(selectors: list[Any], schema: dict[str, Any]) -> tuple[str, str]:
    return compact(json.dumps([one.model_dump() for one in selectors])), compact(json.dumps(schema))


def test_every_face_tells_the_same_selectors_and_the_same_schema(told) -> None:
    assert len(told) == 6
    assert len({selectors for selectors, _ in told.values()}) == 1
    assert len({schema for _, schema in told.values()}) == 1


def test_every_registered_selector_is_there_with_all_there_is_to_know(http) -> None:
    found = http.get("/v1/selectors").json()
    assert [one["name"] for one in found] == NAMES
    for one in found:
        kind = load(one["name"])
        assert list(one) == ["name", "stage", "summary", "details", "card", "parameters"]
        assert one["stage"] == issubclass(kind, StageBase)
        assert one["summary"].endswith(".")
        assert one["summary"] in " ".join((kind.__doc__ or "").split())
        assert isinstance(one["details"], str)
        assert list(one["card"]) == ["paper", "cost", "use", "avoid"]
        assert all(one["card"].values())
        assert [known["name"] for known in one["parameters"]] == list(kind.model_fields)
        for known in one["parameters"]:
            assert list(known) == ["name", "type", "required", "default", "description"]
            assert known["type"]
            assert known["description"].endswith((".", 'e.g. "ocr".'))
            assert not (known["required"] and known["default"] is not None)
    # Some have more to say than one line, and some have parameters.
    assert sum(bool(one["details"]) for one in found) > len(found) / 2
    assert sum(bool(one["parameters"]) for one in found) > len(found) / 2


def test_what_a_selector_says_its_defaults_are_it_takes_as_parameters(http, shell) -> None:
    for one in http.get("/v1/selectors").json():
        params = {known["name"]: known["default"] for known in one["parameters"] if not known["required"]}
        needed = {known["name"]: "x" for known in one["parameters"] if known["required"]}
        written = {"selector": {"name": one["name"], "params": {**needed, **params}}}
        bare = {"selector": {"name": one["name"], "params": needed}}
        shown = [load(one["name"]).model_validate(each["selector"]["params"]) for each in (written, bare)]
        assert shown[0] == shown[1], one["name"]


@pytest.mark.parametrize("name", NAMES)
def test_one_name_is_that_one_entry_and_a_page_for_people(shell, http, name: str) -> None:
    entries = {one["name"]: one for one in http.get("/v1/selectors").json()}
    assert json.loads(shell.json("selectors", name, "--json")) == [entries[name]]
    done = shell("selectors", name)
    assert (done.code, done.err) == (0, "")
    page, entry = " ".join(done.out.split()), entries[name]
    assert page.startswith(f"{name}, a {'stage' if entry['stage'] else 'selector'}. {entry['summary']}")
    for what in ("paper", "cost", "use", "avoid"):
        assert f"{what}: " in page
    assert "](" not in page  # links are for the docs
    for known in entry["parameters"]:
        default = "required" if known["required"] else f"default {json.dumps(known['default'])}"
        assert f"{known['name']} ({known['type']}, {default}): {known['description']}" in page


def test_people_get_a_table_of_all(shell) -> None:
    header, *rows = shell("selectors").out.splitlines()
    assert header.split() == ["name", "kind", "what", "it", "does"]
    kinds = {words[0]: words[1] for words in (row.split() for row in rows) if words[0] in NAMES}
    assert kinds == {name: "stage" if issubclass(load(name), StageBase) else "selector" for name in NAMES}


@pytest.mark.parametrize(("given", "meant"), MISTYPED)
def test_an_unknown_name_suggests_the_nearest_by_every_face(
    shell, http, clients, given: str, meant: str
) -> None:
    problems = []
    for arguments in (["selectors", given], ["recipe", "show", f"rices|{given}"]):
        with pytest.raises(Refusal) as caught:
            shell.json(*arguments, "--json")
        assert caught.value.outcome == 2
        problems.append(caught.value.problem)
        for_people = shell(*arguments)
        assert (for_people.code, for_people.out) == (2, "")
        assert f"Did you mean '{meant}'?" in for_people.err
        assert len(for_people.err.splitlines()) == 1
    body = {"pool": "p", "query": {"text": "x"}, "recipe": {"selector": f"rices|{given}"}}
    refused = http.post("/v1/selections", json=body)
    assert refused.status_code == 422
    problems.append(refused.json())
    for client in clients.values():
        with pytest.raises(Exception, match=f"Did you mean '{meant}'") as raised:
            client.select("p", text="x", selector=f"rices|{given}")
        problems.append(raised.value.problem())
    assert [problem for problem in problems if problem != problems[0]] == []
    assert (problems[0]["field"], problems[0]["value"]) == ("selector", given)
    assert problems[0]["mend"].startswith(f"Did you mean '{meant}'?")


def test_a_short_name_of_a_selector_is_no_unknown_one(shell) -> None:
    shown = shell("recipe", "show", "random")
    assert shown.out.startswith("# random_per_query(k=8)")
    # Whoever is told that it is unknown must not be told to write it.
    done = shell("selectors", "random")
    assert done.code == 0 or "Did you mean 'random'?" not in done.err
    assert "random_per_query" in done.out + done.err


def test_the_schema_is_one_and_names_every_selector_with_its_parameters(http) -> None:
    schema = http.get("/v1/schemas/recipe").json()
    jsonschema.Draft202012Validator.check_schema(schema)
    steps = {step["title"]: step["properties"] for step in schema["$defs"]["Step"]["anyOf"]}
    assert sorted(steps) == NAMES
    for one in http.get("/v1/selectors").json():
        described = steps[one["name"]]["params"]["properties"]
        assert list(described) == [known["name"] for known in one["parameters"]]
        required = [known["name"] for known in one["parameters"] if known["required"]]
        assert steps[one["name"]]["params"].get("required", []) == required
    assert steps["random_per_query"]["name"]["enum"] == ["random_per_query", "random"]


RECIPES = [
    "rices",
    "rices(modality=text,k=3)|mmr(lambda_mult=0.7)|balanced|interleaved",
    'where(labels=["class 1","кот"],splits=null)|fused(k=5)|ends|with(seed=-7,evaluation=true)',
    "hybrid(prefix=2,similar=rices(modality=joint)|mmr,k=8)|grouped|with(images={max_side=64})",
    "mix(parts=[rices,bm25],shares=[3,1])",
]


@pytest.mark.parametrize("text", RECIPES)
def test_a_recipe_is_shown_the_same_from_text_and_from_every_kind_of_file(shell, text: str) -> None:
    expected = shell.json("recipe", "show", text, "--json")
    whole = json.loads(expected)
    recipe = {name: value for name, value in whole.items() if name != "text"}
    assert shell.json("recipe", "show", whole["text"], "--json") == expected
    for name, content in {
        "recipe.json": json.dumps(recipe),
        "recipe.yaml": yaml.safe_dump(recipe, allow_unicode=True),
        "recipe.yml": yaml.safe_dump(text),
        "plain": f"{text}\n",
        "quoted.json": json.dumps(text),
    }.items():
        assert shell.json("recipe", "show", shell.file(name, content), "--json") == expected, name
    shown = shell("recipe", "show", text).out
    assert shown.startswith(f"# {whole['text']}\n")
    assert yaml.safe_load(shown) == recipe
    assert shell.json("recipe", "show", shell.file("shown.yaml", shown), "--json") == expected


def test_what_recipe_show_prints_for_machines_is_a_recipe_again(shell) -> None:
    shown = shell.json("recipe", "show", RECIPES[1], "--json")
    assert shell.json("recipe", "show", shell.file("shown.json", shown), "--json") == shown


@pytest.mark.parametrize(
    "text",
    [
        'where(labels=["lot #3"])|rices(k=4)',
        'where(labels=["a: b"])|rices(k=4)',
        "all|with(images={max_side: 64})",
    ],
)
def test_a_file_may_hold_whatever_the_text_form_may_hold(shell, text: str) -> None:
    expected = shell.json("recipe", "show", text, "--json")
    assert shell.json("recipe", "show", shell.file("recipe.txt", text), "--json") == expected


def test_the_service_takes_what_recipe_show_shows(shell, http) -> None:
    for text in RECIPES:
        shown = yaml.safe_load(shell("recipe", "show", text).out)
        body = json.dumps({"pool": "p", "query": {"text": "red thing"}, "recipe": shown})
        answer = http.post("/v1/selections", content=body, headers=JSON)
        assert answer.status_code == 200
        assert answer.json()["recipe"] == shown
