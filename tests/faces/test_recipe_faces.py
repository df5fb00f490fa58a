"""One recipe in all its spellings, by every face: the same selection and the same prompt, byte for byte."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
import yaml
from pictures import shown
from ways_in import CLIENTS, JSON, WAYS, Refusal

from shotsmith import Recipe

PHOTO = {"image": shown(900, 1), "text": "red thing"}
TEXT = "rices(k=4)|balanced|similar_last"
LONG = (
    'where(splits=null,metadata={site="A"})|fused(weights={image=1,text=2},k=5)|mmr|ends'
    "|with(seed=3,evaluation=true)"
)
FIELDS: dict[str, Any] = {
    "selector": [
        {"name": "fused", "params": {"weights": {"image": 1, "text": 2}}},
        "mmr",
    ],
    "k": 5,
    "order": "ends",
    "filters": {"splits": None, "metadata": {"site": "A"}},
    "seed": 3,
    "evaluation": True,
}
#: Selectors in each of the three families, and of each kind of parameter.
TEXTS = [
    TEXT,
    "rices(modality=text)|mmr|grouped",
    "random|matched(by=[site,device])|interleaved|with(seed=5)",
    "hybrid(prefix=2,similar=bm25|balanced,k=6)|random",
    "mix(parts=[rices, bm25 , random],shares=[3,1,1],k=5)|similar_first",
    "k_means(k=3)",
    'where(labels=["class 1","класс"],tags=null)|late_interaction(k=3)',
    "neighbours(name=published,rest=random,k=5)|with(dialect=interleaved)",
    "none",
]


def ids(selection: str) -> list[str]:
    return [shot["id"] for shot in json.loads(selection)["demonstrations"]]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_the_same_selection_by_every_face(ways, text: str) -> None:
    found = {way: ways[way]("select", PHOTO, text) for way in WAYS}
    assert len(set(found.values())) == 1, found
    assert json.loads(found["rest"])["recipe"] == Recipe.read(text).model_dump(mode="json")


@pytest.mark.parametrize("text", [TEXT, LONG, "hybrid|text_only"])
def test_a_text_is_the_same_prompt_and_manifest_by_every_face(ways, text: str) -> None:
    found = {way: ways[way]("prompt", PHOTO, text) for way in WAYS}
    assert len(set(found.values())) == 1
    manifest = json.loads(found["rest"])["manifest"]
    assert manifest["recipe"] == Recipe.read(text).model_dump(mode="json")
    assert Recipe.read(manifest["recipe_text"]) == Recipe.read(text)


def test_objects_and_texts_of_a_recipe_are_the_same_by_every_face(ways) -> None:
    asked = ("command line", "rest", "sdk in process", "async over http")
    found = {(way, kind): ways[way]("select", PHOTO, given) for way in asked for kind, given in spellings()}
    assert len(set(found.values())) == 1, sorted(found)
    assert len(ids(found["rest", "text"])) == 5


def spellings() -> list[tuple[str, Any]]:
    """The recipe LONG as people may write it."""
    text = "fused(weights={image=1,text=2}) | mmr"
    first, second = FIELDS["selector"]
    return [
        ("text", LONG),
        ("text with spaces", LONG.replace("|", " |\n  ").replace("(", " ( ").replace("=", " = ")),
        ("object", FIELDS),
        ("object, whole", Recipe.read(FIELDS).model_dump(mode="json")),
        ("selector as text", {**FIELDS, "selector": text}),
        ("selector as objects", {**FIELDS, "selector": [first, {"name": second}]}),
        ("selector as texts", {**FIELDS, "selector": ["fused(weights={image=1,text=2})", "mmr"]}),
    ]


def test_a_selector_alone_may_be_a_text_an_object_or_a_list(ways) -> None:
    spelled = [
        "rices(modality=text)|mmr",
        ["rices(modality=text)", "mmr"],
        [{"name": "rices", "params": {"modality": "text"}}, {"name": "mmr"}],
    ]
    found = {ways[way]("select", PHOTO, {"selector": one}) for way in WAYS for one in spelled}
    found |= {ways[way]("select", PHOTO, None, selector=spelled[0]) for way in ("command line", *CLIENTS)}
    alone = {"name": "rices", "params": {"modality": "text"}}
    one = {ways[way]("select", PHOTO, {"selector": given}) for way in WAYS for given in (alone, [alone])}
    assert (len(found), len(one)) == (1, 1)
    assert found != one


def test_the_sdk_takes_a_recipe_as_text_as_mapping_and_as_itself(ways) -> None:
    recipe = Recipe.read(LONG)
    given = [LONG, FIELDS, recipe, recipe.model_dump(), recipe.text]
    assert len({ways[way]("select", PHOTO, one) for way in CLIENTS for one in given}) == 1
    assert len({ways[way]("select", PHOTO, None, **FIELDS) for way in CLIENTS}) == 1


@pytest.mark.parametrize("base", ["text", "mapping", "recipe"])
def test_what_comes_on_top_wins_over_the_recipe_and_leaves_the_rest(ways, base: str) -> None:
    start = {"text": LONG, "mapping": FIELDS, "recipe": Recipe.read(LONG)}[base]
    top = {"selector": "rices(modality=text)", "k": 2, "order": "similar_first", "seed": 9}
    expected = Recipe.read(LONG).model_dump(mode="json") | {
        "selector": [{"name": "rices", "params": {"modality": "text"}}],
        "k": 2,
        "order": "similar_first",
        "seed": 9,
    }
    asked = CLIENTS if base == "recipe" else ("command line", *CLIENTS)
    found = {ways[way]("select", PHOTO, start, **top) for way in asked}
    found |= {ways["rest"]("select", PHOTO, expected)}
    assert len(found) == 1
    assert json.loads(found.pop())["recipe"] == expected


def test_every_option_of_the_command_line_lies_on_top_of_text_and_of_files(shell, ways) -> None:
    options = ["-k", 3, "--order", "random", "--dialect", "interleaved", "--seed", 8, "--evaluation"]
    options += ["-s", "bm25", "--split", "train", "--only-label", "class 0", "--where", "site=A"]
    expected = {
        "selector": "bm25",
        "k": 3,
        "order": "random",
        "dialect": "interleaved",
        "seed": 8,
        "evaluation": True,
        "filters": {"splits": ["train"], "labels": ["class 0"], "metadata": {"site": "A"}},
    }
    wanted = ways["rest"]("select", {"text": "red thing"}, expected)
    text = "where(labels=[odd],tags=null)|k_centre(k=7)|ends|with(seed=1)"
    for number, base in enumerate((text, json.dumps(Recipe.read(text).model_dump(mode="json")))):
        file = shell.file(f"{number}.yaml", base)
        for recipe in (base, file) if base is text else (file,):
            arguments = ["--pool", "p", "--text", "red thing", "--recipe", recipe, *options, "--json"]
            assert shell.json("select", *arguments) == wanted


def test_options_narrow_the_filters_that_a_recipe_has(shell) -> None:
    text = "where(metadata={device=1},splits=null)|all"
    arguments = ["select", "--pool", "p", "--text", "red thing", "--recipe", text, "--json"]
    whole = json.loads(shell.json(*arguments))
    narrowed = json.loads(shell.json(*arguments, "--only-label", "class 1"))
    assert narrowed["recipe"]["filters"] == {**whole["recipe"]["filters"], "labels": ["class 1"]}
    kept = [shot["id"] for shot in whole["demonstrations"] if shot["label"] == "class 1"]
    assert [shot["id"] for shot in narrowed["demonstrations"]] == kept
    assert kept


@pytest.mark.parametrize("name", ["recipe.json", "recipe.yml", "my recipe"])
def test_a_file_is_read_by_its_content_whatever_it_is_called(shell, ways, name: str) -> None:
    wanted = ways["rest"]("select", {"text": "red thing"}, LONG)
    contents = [
        json.dumps(FIELDS),
        yaml.safe_dump(FIELDS, sort_keys=False),
        LONG,
        f"\n{LONG}\n",
        json.dumps(LONG),
    ]
    for content in contents:
        arguments = ["--pool", "p", "--text", "red thing", "--recipe", shell.file(name, content), "--json"]
        assert shell.json("select", *arguments) == wanted, content


def test_a_text_longer_than_a_file_name_is_still_a_text(ways) -> None:
    some = ",".join(f"e{number:03d}" for number in range(100))
    text = f"where(ids=[{some}])|rices(k=4)|balanced|similar_last"
    assert len({ways[way]("select", PHOTO, text) for way in WAYS}) == 1


def test_an_empty_recipe_is_refused_by_every_face_and_no_recipe_by_none(ways) -> None:
    assert len({ways[way]("select", PHOTO) for way in WAYS}) == 1
    for way in WAYS:
        with pytest.raises(Refusal) as caught:
            ways[way]("select", PHOTO, "")
        assert "expected a name" in caught.value.problem["detail"], way


@pytest.mark.parametrize(
    "where",
    [
        'labels=["кот 猫"]',
        'labels="a,b|c)(d"',
        'labels=["\\u043aот \\u732b","猫"]',
        "tags=ночь",
        'metadata={place="Köln 😀"}',
        "ids=[кот/1,猫]",
    ],
)
def test_words_of_every_script_come_through(ways, where: str) -> None:
    text = f"where({where})|all"
    found = {ways[way]("select", {"text": "red thing"}, text) for way in WAYS}
    assert len(found) == 1
    assert ids(found.pop()) == ["кот/1"]


def test_a_recipe_that_was_encoded_for_a_url_is_read_after_it_is_decoded(ways) -> None:
    quoted = str(httpx2.QueryParams({"recipe": TEXT})).removeprefix("recipe=")
    assert quoted != TEXT
    assert httpx2.QueryParams(f"recipe={quoted}")["recipe"] == TEXT
    for way in WAYS:
        with pytest.raises(Refusal) as caught:
            ways[way]("select", PHOTO, quoted)
        assert "expected | or the end at column 6" in caught.value.problem["detail"]


def test_answers_take_a_recipe_as_text_too(http, shell, clients) -> None:
    body = {"pool": "p", "query": {"text": "red thing"}, "recipe": TEXT, "model": "fake/class 1"}
    by_rest = http.post("/v1/answers", content=json.dumps(body), headers=JSON).json()
    arguments = ["--pool", "p", "--text", "red thing", "--recipe", TEXT, "--model", "fake/class 1", "--json"]
    answers = [by_rest, json.loads(shell.json("ask", *arguments))]
    for client in clients.values():
        given = client.ask("p", text="red thing", recipe=TEXT, model="fake/class 1")
        answers.append(given.model_dump(mode="json"))
    assert answers[0]["answer"] == "class 1"
    for name in ("answer", "selection", "manifest"):
        assert all(answer[name] == by_rest[name] for answer in answers)
