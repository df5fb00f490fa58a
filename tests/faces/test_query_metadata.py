"""What is known of a query beside its content: told to every face, used by `matched`, taken from stored examples."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pictures import shown
from ways_in import CLIENTS, WAYS, Refusal

PHOTO = {"image": shown(900, 1), "text": "red thing"}
BY_SITE = "where(splits=null)|rices|matched(by=[site])|similar_first"
BY_BOTH = "where(splits=null)|rices|matched(by=[site,device],k=36)|similar_first"


def shots(selection: str) -> list[dict[str, Any]]:
    return json.loads(selection)["demonstrations"]


@pytest.fixture
def facts(engine) -> dict[str, dict[str, Any]]:
    """Metadata of every example by id."""
    return {one.id: dict(one.metadata) for one in engine.examples("p", limit=100)}


@pytest.mark.parametrize("site", ["A", "B", "north", "Köln 😀"])
def test_every_face_matches_by_what_it_is_told(ways, facts, site: str) -> None:
    found = {way: ways[way]("select", {**PHOTO, "metadata": {"site": site}}, BY_SITE) for way in WAYS}
    assert len(set(found.values())) == 1
    chosen = [facts[shot["id"]].get("site") == site for shot in shots(found["rest"])]
    there = sum(one.get("site") == site for one in facts.values())
    assert chosen == [True] * min(8, there) + [False] * max(0, 8 - there)
    reasons = [shot["reason"].partition(":")[0] for shot in shots(found["rest"])]
    assert reasons == ["same site" if same else "another site" for same in chosen]
    assert json.loads(found["rest"])["flags"] == []


@pytest.mark.parametrize(
    ("known", "there"),
    [
        ({"device": 2}, True),
        ({"device": 2.0}, True),
        ({"device": "2"}, False),
        ({"device": True}, False),
        ({"device": 1}, True),
        ({"device": -1}, False),
    ],
    ids=str,
)
def test_values_keep_their_types_on_every_way(ways, facts, known: dict[str, Any], there: bool) -> None:
    recipe = "rices(k=3)|matched(by=device)"
    # On the command line a text that looks like a number wears its quotes.
    quoted = {name: json.dumps(value) if isinstance(value, str) else value for name, value in known.items()}
    found = {
        way: ways[way]("select", {**PHOTO, "metadata": quoted if way == "command line" else known}, recipe)
        for way in WAYS
    }
    assert len(set(found.values())) == 1
    for shot in shots(found["rest"]):
        assert shot["reason"].startswith("same device: " if there else "another device: ")
        assert not there or facts[shot["id"]]["device"] == known["device"]


def test_names_are_matched_in_their_order_and_as_far_as_they_go(ways, facts) -> None:
    question = {**PHOTO, "metadata": {"device": 2, "site": "A", "colour": "red"}}
    found = {way: ways[way]("select", question, BY_BOTH) for way in WAYS}
    assert len(set(found.values())) == 1
    steps = []
    for shot in shots(found["rest"]):
        site, device = (facts[shot["id"]].get(name) for name in ("site", "device"))
        steps.append(2 if (site, device) == ("A", 2) else 1 if site == "A" else 0)
        said = ("another site", "same site", "same site and device")[steps[-1]]
        assert shot["reason"].startswith(f"{said}: ")
    assert steps == sorted(steps, reverse=True)
    assert set(steps) == {0, 1, 2}


def test_what_the_query_does_not_tell_is_flagged_and_not_matched(ways) -> None:
    for question, flag in (
        (PHOTO, "the query has no site and no device to match"),
        ({**PHOTO, "metadata": {"device": 2}}, "the query has no site to match"),
    ):
        found = {ways[way]("select", question, BY_BOTH) for way in WAYS}
        assert len(found) == 1
        selection = json.loads(found.pop())
        assert flag in selection["flags"]
        same = [shot["reason"].startswith("same ") for shot in selection["demonstrations"]]
        assert any(same) == ("metadata" in question)


def test_a_stored_example_is_asked_with_its_own_metadata(ways, facts) -> None:
    for id in ("e007", "e010"):
        found = {way: ways[way]("select", {"id": id}, BY_BOTH) for way in WAYS}
        assert len(set(found.values())) == 1
        first, *_, last = shots(found["rest"])
        assert facts[first["id"]] == facts[id]
        assert facts[last["id"]].get("site") != facts[id]["site"]
        assert ways["rest"]("select", {"id": id, "metadata": facts[id]}, BY_BOTH) == found["rest"]


def test_what_is_told_of_a_stored_example_wins_over_what_is_stored(ways, facts) -> None:
    assert facts["e007"] == {"site": "B", "device": 1}
    found = {way: ways[way]("select", {"id": "e007", "metadata": {"site": "A"}}, BY_BOTH) for way in WAYS}
    assert len(set(found.values())) == 1
    first, *_ = shots(found["rest"])
    assert facts[first["id"]] == {"site": "A", "device": 1}
    # Content that is given along makes it a new query, of which only the id is known.
    for way in WAYS:
        new = json.loads(ways[way]("select", {**PHOTO, "id": "e007"}, BY_SITE))
        assert new["flags"] == ["the query has no site to match"]
        assert [removal["id"] for removal in new["removed"]] == ["e007"]


def test_a_group_is_matched_whether_it_is_stored_or_told(ways, engine) -> None:
    recipe = "where(splits=null)|rices(k=3)|matched(by=group)"
    groups = {one.id: one.group for one in engine.examples("p", limit=100)}
    stored = {ways[way]("select", {"id": "e011"}, recipe) for way in WAYS}
    new = {ways[way]("select", {**PHOTO, "group": "g1"}, recipe) for way in WAYS}
    for found in (stored, new):
        assert len(found) == 1
        *_, nearest = shots(found.pop())
        assert (groups[nearest["id"]], nearest["rank"]) == ("g1", 1)
        assert nearest["reason"].startswith("same group: ")


def test_a_group_that_is_told_of_a_stored_example_wins_as_metadata_does(ways) -> None:
    recipe = "where(splits=null)|rices(k=3)|matched(by=group)"
    for way in WAYS:
        plain = ways[way]("select", {"id": "e011"}, recipe)
        told = ways[way]("select", {"id": "e011", "group": "g7"}, recipe)
        assert shots(told) != shots(plain), way


def test_metadata_reaches_prompts_too_and_changes_nothing_else(ways) -> None:
    known = {**PHOTO, "metadata": {"site": "A"}}
    assert len({ways[way]("prompt", known, BY_SITE) for way in WAYS}) == 1
    assert ways["rest"]("prompt", known, BY_SITE) != ways["rest"]("prompt", PHOTO, BY_SITE)
    for recipe in ("rices", "random", "hybrid|interleaved"):
        assert ways["rest"]("prompt", known, recipe) == ways["rest"]("prompt", PHOTO, recipe)


@pytest.mark.parametrize(
    "known",
    [{"site": None}, {"site": ["A"]}, {"site": {"in": "A"}}, {"site": "\x00"}, {"": "A"}, {" site": "A"}],
    ids=repr,
)
def test_what_cannot_be_compared_is_refused_by_name(ways, known: dict[str, Any]) -> None:
    for way in ("command line", "rest", *CLIENTS):
        with pytest.raises(Refusal) as caught:
            ways[way]("select", {**PHOTO, "metadata": known}, BY_SITE)
        assert caught.value.outcome == (2 if way == "command line" else 422)
        assert str(caught.value.problem["field"]).startswith(("query.metadata", "--meta")), way


@pytest.mark.parametrize("pair", ["site", "", "=A"])
def test_an_option_without_a_name_or_a_value_is_refused(shell, pair: str) -> None:
    done = shell("select", "--pool", "p", "--text", "x", "--meta", pair, "--json")
    problem = json.loads(done.err)
    assert (done.code, problem["field"], problem["value"]) == (2, "--meta", pair)
    assert "NAME=VALUE" in problem["detail"]


def test_several_options_add_up_and_the_last_of_a_name_counts(shell) -> None:
    asked = ["select", "--pool", "p", "--text", "red thing", "--recipe", BY_BOTH, "--json"]
    both = shell.json(*asked, "--meta", "site=A", "--meta", "device=2")
    assert shell.json(*asked, "--meta", "device=2", "--meta", "site=B", "--meta", "site=A") == both
    assert shell.json(*asked, "--meta", "site=A") != both
