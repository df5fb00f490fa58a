"""Every selection explains itself: who is there and why, who is not and why, and how to have the same again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from drafts import draft
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from pictures import encoded, picture, shown
from selector_cases import ALL, LISTS, chain, steps
from ways_in import WAYS, compact

from shotsmith.api import Api
from shotsmith.domain.examples import ImageFile
from shotsmith.domain.recipes import Recipe
from shotsmith.engine import Engine
from shotsmith.schemas import PromptIn, PromptOut

PHOTO = {"image": shown(900, 1), "text": "red thing"}
SHOT = [
    "id",
    "label",
    "answer",
    "text",
    "rank",
    "position",
    "score",
    "scores",
    "reason",
    "stage",
    "fixed",
    "bare",
    "media",
]
IN_MANIFEST = ("id", "label", "answer", "rank", "position", "score", "scores", "reason", "stage", "fixed")
#: What scores may be called: the spaces, and what stages and selectors measure besides.
MEASURES = {"image", "text", "joint", "bm25", "cross", "parts", "listwise", "plan"}
#: Whose score of a space is not the cosine of query and example in it.
CROSSED = {"late_interaction", "muier", "mmices"}


@pytest.fixture(scope="module")
def api(engine: Engine) -> Api:
    return Api(engine)


def asked(recipe: Any, **query: Any) -> PromptIn:
    query = query or {"text": "red thing", "group": "g1", "metadata": {"site": "A", "device": 2}}
    return PromptIn.read({"pool": "p", "query": query, "recipe": recipe})


def selected(api: Api, recipe: Any, **query: Any) -> dict[str, Any]:
    return json.loads(api.select(asked(recipe, **query)).model_dump_json())


@pytest.mark.parametrize("query", [{"id": "e007"}, {"text": "red thing", "metadata": {"site": "A"}}], ids=str)
@pytest.mark.parametrize("text", ALL)
def test_every_demonstration_says_why_it_is_there(api, text: str, query: dict[str, Any]) -> None:
    selection = selected(api, {"selector": text, "k": 6}, **query)
    shots = selection["demonstrations"]
    assert [shot["position"] for shot in shots] == list(range(1, len(shots) + 1))
    assert sorted(shot["rank"] for shot in shots) == list(range(1, len(shots) + 1))
    for shot in shots:
        assert list(shot) == SHOT
        assert shot["reason"].strip() == shot["reason"] != ""
        through = shot["stage"].split(" > ")
        assert through[-1] == chain(text).name
        assert set(through) <= steps(text) | {"fill"}
        assert ("fill" in through) == (through[0] == "fill")
        assert set(shot["scores"]) <= MEASURES
        assert all(np.isfinite(score) for score in shot["scores"].values())
    prefix = len(shots) if chain(text).fixed else 0
    if chain(text).prefixed:
        prefix = dict(chain(text).step)["prefix"]
    assert [shot["fixed"] for shot in shots] == [place < prefix for place in range(len(shots))]
    assert all(shot["bare"] == ("text_only" in steps(text)) for shot in shots)


@pytest.mark.parametrize("text", [text for text in ALL if not steps(text) & CROSSED])
def test_scores_by_modality_are_the_cosines_of_query_and_example(api, engine, text: str) -> None:
    pool, query = engine.pinned("p"), engine.query_of("p", "e007")
    own = engine.query_vectors(pool, query)
    shots = selected(api, {"selector": text, "k": 6}, id="e007")["demonstrations"]
    compared = 0
    for shot in shots:
        for space in {"image", "text", "joint"} & shot["scores"].keys():
            (vector,) = engine.vectors(pool, space, [shot["id"]]).values()
            assert shot["scores"][space] == pytest.approx(float(np.dot(own[space], vector)), abs=2e-6)
            compared += 1
    if text.startswith(("rices", "fused", "mmr", "balanced")):
        assert compared >= len(shots)


@pytest.mark.parametrize(
    "text", ["rices", "hybrid|text_only", "fused|adaptive(k_max=4)", "mix", "k_means|balanced"]
)
def test_the_manifest_tells_what_the_selection_tells(ways, text: str) -> None:
    recipe = f"{text}|interleaved"
    for way in ("command line", "rest", "sdk in process"):
        selection = json.loads(ways[way]("select", {**PHOTO, "id": "e007"}, recipe))
        manifest = json.loads(ways[way]("prompt", {**PHOTO, "id": "e007"}, recipe))["manifest"]
        told = [{name: shot[name] for name in IN_MANIFEST} for shot in selection["demonstrations"]]
        assert [{name: shot[name] for name in IN_MANIFEST} for shot in manifest["demonstrations"]] == told
        assert told
        for name in ("recipe", "recipe_text", "removed", "flags", "eligible"):
            assert manifest[name] == selection[name]
        assert manifest["removed"] == [{"id": "e007", "reason": "itself", "detail": "its id is the query's"}]


def test_what_a_budget_drops_is_named_and_what_is_left_is_numbered_anew(api) -> None:
    recipe = {"selector": "rices", "k": 6, "order": "ends", "budget": {"max_images": 4}}
    selection = selected(api, recipe, id="e006")
    manifest = PromptOut.model_validate(api.build_prompt(asked(recipe, id="e006"))).manifest
    kept, dropped = manifest["demonstrations"], manifest["dropped"]
    everyone = {shot["id"]: shot for shot in selection["demonstrations"]}
    assert {shot["id"] for shot in [*kept, *dropped]} == everyone.keys()
    assert kept
    assert dropped
    assert [shot["position"] for shot in kept] == list(range(1, len(kept) + 1))
    for shot in [*kept, *dropped]:
        assert shot["rank"] == everyone[shot["id"]]["rank"]
        assert shot["reason"]
    assert f"dropped: {len(dropped)} of 6 demonstrations are not shown" in manifest["flags"]


@pytest.fixture(scope="module")
def leaks(engine: Engine) -> Iterator[Engine]:
    """A pool in which the query `q` meets each kind of leak."""
    engine.create_pool("leaks")
    near = ImageFile("near.jpg", encoded(picture(1, hue=1), "JPEG", quality=95))
    copy = ImageFile("copy.bmp", encoded(picture(1, hue=1), "BMP"))
    drafts = [
        draft(1, 1, id="q", group="patient"),
        draft(1, 1, id="copy", images=(copy,), text="other words"),
        draft(2, 1, id="same patient", group="patient"),
        draft(3, 1, id="near", images=(near,)),
        *(draft(number, 2, group="others") for number in range(10, 16)),
    ]
    engine.add("leaks", drafts)
    yield engine
    engine.delete_pool("leaks")


@pytest.mark.parametrize(
    "text", ["rices", "balanced", "random|mmr", "k_centre", "hybrid(prefix=2)", "all", "none"]
)
def test_what_the_leak_guard_keeps_out_is_listed_with_reason_and_detail(leaks, text: str) -> None:
    api, found = Api(leaks), {}
    for evaluation in (False, True):
        recipe = {"selector": text, "k": 4, "evaluation": evaluation}
        body = PromptIn.read({"pool": "leaks", "query": {"id": "q"}, "recipe": recipe})
        selection = json.loads(api.select(body).model_dump_json())
        found[evaluation] = [tuple(removal.values()) for removal in selection["removed"]]
        shown_ids = {shot["id"] for shot in selection["demonstrations"]}
        assert not shown_ids & {id for id, _, _ in found[evaluation]}
        assert selection["eligible"] == 10 - len(found[evaluation])
        assert api.build_prompt(body).manifest["removed"] == selection["removed"]
    assert found[False] == [
        ("copy", "same content", "the same pixels"),
        ("q", "itself", "its id is the query's"),
    ]
    near, group = found[True][1], found[True][3]
    assert [id for id, _, _ in found[True]] == ["copy", "near", "q", "same patient"]
    assert near[1] == "near-duplicate"
    assert near[2].startswith("difference hashes differ in ")
    assert group[1:] == ("same group", "group 'patient'")


def test_short_is_said_when_there_are_fewer_than_promised_and_only_then(api) -> None:
    eligible = selected(api, "none")["eligible"]
    for text, k, short in [
        ("rices", eligible, False),
        ("rices", eligible + 1, True),
        ("random|balanced", 1_000, True),
        ("k_centre", 1_000, True),
        ("all", 1, False),
        ("none", 8, False),
        ("adaptive(k_max=2)", 8, False),
        ("where(labels=nobody)|rices", 8, True),
    ]:
        where, _, rest = text.rpartition(")|")
        recipe = f"{where}{')|' if where else ''}{rest}|similar_last"
        selection = selected(api, Recipe.read(recipe).model_copy(update={"k": k}))
        assert selection["short"] is short, text
        told = [flag for flag in selection["flags"] if flag.startswith("short: ")]
        count, left = len(selection["demonstrations"]), selection["eligible"]
        assert told == (
            [f"short: {count} of {k} demonstrations, {left} examples are eligible"] if short else []
        )


@pytest.mark.parametrize(
    ("recipe", "query", "flag"),
    [
        ("modality", {"id": "e006"}, "modality impact not measured: equal weights for image and text"),
        ("fused(k=30)", {"id": "e006"}, "has no image: ranked by text alone"),
        ("rices(modality=image)", {"text": "red"}, "cannot compare by image: ranked by text instead"),
        ("adaptive(by=ratio,k_min=2)", {"id": "e006"}, "adaptive: "),
        (f"neighbours(name={LISTS})", {"id": "e007"}, "has 3 for this query: completed by rices"),
        ("matched(by=[ward])", {"id": "e006"}, "the query has no ward to match"),
        ("k_means(of=test)", {"id": "e006"}, "transductive"),
        ("hard(by=model,rated=5)", {"id": "e006"}, "as rated by fake/3 > 1 > 2"),
        ("hybrid(prefix=40,k=40)", {"id": "e006"}, "'e006' may not be shown for this one"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_a_caller_should_know_is_flagged(api, recipe: str, query: dict[str, Any], flag: str) -> None:
    flags = selected(api, recipe, **query)["flags"]
    assert any(flag in one for one in flags), flags
    assert len(set(flags)) == len(flags)


filters = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.none()
        | st.lists(st.sampled_from(["class 0", "class 1", "odd", "кот 猫", "a,b|c)(d"]), max_size=3),
        "splits": st.none() | st.lists(st.sampled_from(["train", "test", ""]), max_size=3),
        "groups": st.none() | st.lists(st.sampled_from(["g1", "g7", "g 9"]), min_size=1, max_size=2),
        "metadata": st.dictionaries(st.just("site"), st.sampled_from(["A", "B", "1", 1, True]), max_size=1),
    },
)
recipes = st.fixed_dictionaries(
    {"selector": st.sampled_from(ALL)},
    optional={
        "k": st.integers(0, 12),
        "order": st.sampled_from(
            ["similar_last", "similar_first", "ends", "interleaved", "grouped", "random"]
        ),
        "filters": filters,
        "dialect": st.sampled_from(["chat", "interleaved"]),
        "seed": st.integers(-3, 3),
        "evaluation": st.booleans(),
        "images": st.fixed_dictionaries({"max_side": st.sampled_from([16, 512])}),
        "budget": st.fixed_dictionaries({"max_images": st.sampled_from([4, None])}),
    },
)
queries = st.sampled_from(
    [
        {"id": "e007"},
        {"id": "e010"},
        {"text": "red thing", "metadata": {"site": "A", "device": 1}, "group": "g1"},
    ]
)


@budget(max_examples=120)
@given(recipe=recipes, query=queries)
def test_recipe_text_sent_back_as_the_recipe_is_the_same_selection(api, recipe: Any, query: Any) -> None:
    first = api.select(asked(recipe, **query))
    again = api.select(asked(first.recipe_text, **query))
    assert again.model_dump_json() == first.model_dump_json()
    built = api.build_prompt(asked(recipe, **query))
    assert built.manifest["recipe_text"] == first.recipe_text
    rebuilt = api.build_prompt(asked(built.manifest["recipe_text"], **query))
    assert rebuilt.manifest["prompt_sha256"] == built.manifest["prompt_sha256"]


def test_recipe_text_reproduces_a_selection_by_every_face(ways) -> None:
    first = ways["rest"](
        "select", PHOTO, {"selector": "random|mmr", "k": 4, "seed": 5, "filters": {"labels": "class 1"}}
    )
    text = json.loads(first)["recipe_text"]
    assert {ways[way]("select", PHOTO, text) for way in WAYS} == {first}
    assert compact(first) == first
