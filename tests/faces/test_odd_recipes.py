"""Garbage where a recipe should be: one clear refusal by every face, and the service goes on as before."""

from __future__ import annotations

import json
import random
import string
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from ways_in import JSON, Refusal, compact

from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.recipes import Recipe

QUESTION = {"text": "red thing"}
NOISE = "".join(random.Random(7).choices(string.printable, k=10_240))
SHORT = {
    "rices(k=4": "expected , or )",
    "rices k=4)": "expected | or the end",
    "rices((k=4))": "expected NAME=VALUE",
    "rices(k=4))": "expected | or the end",
    "rices(k=[1)": "expected , or ]",
    "rices(k={a=1])": "expected , or }",
    "where(labels=[a)|rices": "expected , or ]",
    'where(labels=["a)|rices': "a string that does not end",
    "rices||mmr": "expected a name",
    "rices|": "expected a name",
    "|rices": "expected a name",
    "rices,mmr": "expected | or the end",
    "rices;DROP TABLE examples": "expected | or the end",
    "rices\x00": "expected | or the end",
    "\x00": "expected a name",
    'where(labels=["a\x00b"])|rices': "a string that does not end",
    "rices\x1b[31m": "expected | or the end",
    "rices%28k%3D4%29": "expected | or the end",
    "rices(k=4)+balanced": "expected | or the end",
    "rices（k=4）": "expected | or the end",
    "ｒｉｃｅｓ": "expected a name",
    "ближайшие(k=4)": "expected a name",
    "🙂": "expected a name",
    "<script>alert(1)</script>": "expected a name",
    '{"selector": "rices"}': "expected a name",
    "../../etc/shadow": "expected a name",
    "rices(modality=ßmell)": "modality",
    "Rices": "Did you mean 'rices'?",
    "where(labels=a)": "no selector is named",
    "mmr|rices": "can only come first",
    "hybrid(similar=mmr|rices)": "can only come first",
    "neighbours(name=nothing)": "no neighbour lists of that name",
}
VAST = {
    "noise": NOISE,
    "letters": "x" * 10_240,
    "brackets": "(" * 10_240,
    "calls": "rices(" * 1700,
    "lists": "rices(k=" + "[" * 10_240,
    "objects": "rices(k=" + "{a=" * 3_400,
    "bars": "|" * 10_240,
    "quotes": '"' * 10_241,
    "backslashes": 'rices(x="' + "\\" * 10_240,
    "names": "rices|" * 1_700,
    "digits": "rices(k=" + "9" * 10_240 + ")",
    "minus": "rices(k=-" + "9" * 4_000 + ")",
    "spaces": " " * 10_240,
    "nuls": "\x00" * 10_240,
    "letters of many bytes": "猫" * 3_413,
    "parameters": "rices(" + ",".join(f"p{number}=1" for number in range(1_500)) + ")",
    "labels": "where(labels=[" + ",".join(["a"] * 5_000) + "])|ricess",
    "path": "a/" * 5_120,
    "selectors in selectors": "hybrid(similar=" * 25 + "rices" + ")" * 25,
}
#: Half of a surrogate pair, which JSON can spell and no text can hold.
HALF = "\ud800"


@pytest.fixture(autouse=True)
def goes_on(http) -> Iterator[None]:
    """Whatever was asked, the next one gets its answer."""
    yield
    body = {"pool": "p", "query": QUESTION, "recipe": "rices(k=2)"}
    assert len(http.post("/v1/selections", json=body).json()["demonstrations"]) == 2


def refused(way: Any, recipe: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        way("select", QUESTION, recipe)
    return caught.value


@pytest.mark.parametrize(("text", "said"), SHORT.items(), ids=lambda value: ascii(value)[:40])
def test_what_cannot_be_read_is_one_refusal_in_the_same_words(ways, shell, text: str, said: str) -> None:
    details = set()
    for way in ("command line", "rest", "sdk in process", "sdk over http"):
        found = refused(ways[way], text)
        missing = "no neighbour lists" in said
        assert found.outcome == ((3 if missing else 2) if way == "command line" else 404 if missing else 422)
        assert said in found.problem["detail"]
        assert found.problem["field"]
        details.add(found.problem["detail"].partition(": ")[2].partition(" (got ")[0])
    assert len(details) == 1
    shown = shell("recipe", "show", text)
    if "no neighbour lists" not in said:
        assert (shown.code, shown.out) == (2, "")
        assert len(shown.err.splitlines()) == 1
        assert said in shown.err


@pytest.mark.parametrize("kind", VAST)
def test_ten_thousand_characters_are_refused_in_a_few_words(ways, shell, kind: str) -> None:
    for way in ("rest", "sdk in process", "sdk over http"):
        found = refused(ways[way], VAST[kind])
        assert found.outcome == 422
        assert found.problem["field"]
        assert len(json.dumps(found.problem)) < 4_000, way
    with pytest.raises(Refusal) as caught:
        shell.json("recipe", "show", shell.file("recipe.yaml", VAST[kind]), "--json")
    assert caught.value.outcome == 2
    assert len(json.dumps(caught.value.problem)) < 4_000


def test_ten_thousand_characters_on_the_command_line_are_one_line(ways, shell) -> None:
    for vast in VAST.values():
        assert refused(ways["command line"], vast).outcome == 2
        for_people = shell("recipe", "show", vast)
        assert (for_people.code, for_people.out) == (2, "")
        assert len(for_people.err) < 2_000


@pytest.mark.parametrize(
    "content",
    [
        "",
        "- rices",
        "[]",
        "7",
        "null",
        "{",
        "selector: [",
        "a: &a [*a]",
        "selector: &a [*a]",
        "!!python/name:os.system",
        "k: 2020-01-01",
        "1: 2",
        "? [k]\n: 1",
        "%",
        "\t",
        "\ufeff",
        "---\nk: 1\n---\nk: 2",
    ],
    ids=ascii,
)
def test_a_file_that_is_no_recipe_is_one_line_that_names_it(shell, content: str) -> None:
    file = shell.file("recipe.yaml", content)
    with pytest.raises(Refusal) as caught:
        shell.json("select", "--pool", "p", "--text", "x", "--recipe", file, "--json")
    assert caught.value.outcome == 2
    assert caught.value.problem["field"].startswith(("--recipe", "recipe"))
    shown = shell("recipe", "show", file)
    assert (shown.code, shown.out, len(shown.err.splitlines())) == (2, "", 1)


def test_files_that_cannot_be_read_are_named(shell) -> None:
    shell.scratch.joinpath("latin.yaml").write_bytes(b"order: \xe4hnlich")
    shell.scratch.joinpath("folder.yaml").mkdir()
    for name in ("missing.yaml", "missing.json", "latin.yaml", "folder.yaml"):
        with pytest.raises(Refusal) as caught:
            shell.json("recipe", "show", name, "--json")
        assert caught.value.outcome == 2
        assert (caught.value.problem["field"], caught.value.problem["value"]) == ("--recipe", name)


OBJECTS = [
    {"selector": {"name": "ricess", "params": {}}},
    {"selector": {"name": "rices", "params": {"modality": "smell"}}},
    {"selector": "rices("},
    {"selector": "ends"},
    {"selector": {"name": "hybrid", "params": {"similar": {"name": "mrm"}}}},
    {"k": -1},
    {"order": "up"},
    {"filters": {"labels": 3}},
    {"filters": {"metadata": {"site": None}}},
    "rices(",
    "where(label=a)|rices",
]


@pytest.mark.parametrize("recipe", OBJECTS, ids=lambda one: json.dumps(one)[:60])
def test_the_service_refuses_in_the_words_of_the_library(ways, recipe: Any) -> None:
    found = [refused(ways[way], recipe).problem for way in ("rest", "sdk in process", "sdk over http")]
    kept = [{name: one.get(name) for name in ("message", "value", "mend")} for one in found]
    assert kept[0] == kept[1] == kept[2]


@pytest.mark.parametrize(
    "body", ['"recipe": ' + "[" * 100_000, '"recipe": {"k": ' + "9" * 5_000 + "}"], ids=["deep", "digits"]
)
def test_a_body_that_no_reader_takes_apart_is_a_clear_problem(http, body: str) -> None:
    closing = "]" * body.count("[")
    raw = f'{{"pool": "p", "query": {{"text": "x"}}, {body}{closing}}}'
    answer = http.post("/v1/selections", content=raw, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["field"]


@pytest.mark.parametrize(
    "recipe",
    [
        {"selector": {"name": HALF}},
        {"selector": {"name": "rices", "params": {"modality": HALF}}},
        f'rices(modality="{HALF}")',
        f'neighbours(name="{HALF}")',
        {"dialect": HALF},
        {"order": HALF},
        {"filters": {"labels": [HALF]}},
        {"filters": {"metadata": {"site": HALF}}},
        {"filters": {"metadata": {HALF: 1}}},
        {HALF: 1},
        HALF,
    ],
    ids=ascii,
)
def test_half_a_character_is_refused_by_the_service(url, recipe: Any) -> None:
    body = json.dumps({"pool": "p", "query": QUESTION, "recipe": recipe})
    # On a connection of its own, as the service may close one after an error of its own.
    answer = httpx2.post(f"{url}/v1/selections", content=body, headers=JSON)
    assert answer.status_code in (404, 422)
    assert answer.json()["field"]


@pytest.mark.parametrize("place", ["labels", "metadata"])
def test_half_a_character_is_refused_by_the_command_line(shell, place: str) -> None:
    where = {"labels": 'labels=["\\ud800"]', "metadata": 'metadata={site="\\ud800"}'}[place]
    done = shell("recipe", "show", f"where({where})|rices", "--json")
    assert (done.code, done.out) == (2, "")
    assert json.loads(done.err)["field"]


def test_half_a_character_is_the_same_refusal_by_both_clients(ways) -> None:
    asked = [
        ({"text": HALF}, "rices"),
        ({"text": "x", "metadata": {"site": HALF}}, "rices"),
        (QUESTION, {"filters": {"labels": [HALF]}}),
        (QUESTION, {"selector": {"name": "rices", "params": {"modality": HALF}}}),
    ]
    for question, recipe in asked:
        for way in ("sdk in process", "sdk over http"):
            with pytest.raises(Refusal) as caught:
                ways[way]("select", question, recipe)
            assert caught.value.outcome == 422


def test_a_thousand_stages_are_taken_or_refused_and_no_accident(url, shell) -> None:
    text = "rices" + "|mmr" * 1_000
    body = {"pool": "p", "query": QUESTION, "recipe": text}
    answer = httpx2.post(f"{url}/v1/selections", json=body, timeout=60)
    assert answer.status_code in (200, 422)
    done = shell(
        "select", "--pool", "p", "--text", "x", "--recipe", shell.file("stages.yaml", text), "--json"
    )
    assert done.code in (0, 2)


def test_a_file_that_nests_too_deeply_is_one_line(shell) -> None:
    file = shell.file("deep.yaml", "selector: " + "[" * 3_000 + "]" * 3_000)
    assert shell("recipe", "show", file, "--json").code == 2


def test_reading_takes_time_in_proportion_to_what_is_read() -> None:
    """Counted in calls of functions, which do not depend on the machine."""
    calls = {depth: counted(lambda: Recipe.read({"selector": nested(depth)})) for depth in (6, 12)}  # noqa: B023
    assert calls[12] < 8 * calls[6]
    with pytest.raises(InvalidParameter, match="too many brackets"):
        Recipe.read("hybrid(similar=" * 21 + "rices" + ")" * 21)


def nested(depth: int) -> dict[str, Any]:
    one: dict[str, Any] = {"name": "rices", "params": {}}
    for _ in range(depth):
        one = {"name": "hybrid", "params": {"similar": one}}
    return one


def counted(action: Any) -> int:
    """How many Python functions an action calls."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(before)
    return calls


def test_odd_yet_proper_ways_to_write_are_read(ways) -> None:
    plain = ways["rest"]("select", QUESTION, "rices(k=4)|mmr")
    for text in (
        "rices (k = 4) | mmr",
        "\n rices\n(k=4)\n|\tmmr\r\n",
        "rices(k=4)|mmr()",
        'rices(k=4,modality="image")|mmr',
    ):
        found = [ways[way]("select", QUESTION, text) for way in ("command line", "rest", "sdk in process")]
        assert len(set(found)) == 1
        shots = json.loads(plain)["demonstrations"]
        assert json.loads(found[0])["demonstrations"] == shots
        assert compact(found[0]) == found[0]
