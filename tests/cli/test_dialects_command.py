"""`shotsmith dialects`: what there is, and one selection side by side."""

from __future__ import annotations

import json

import pytest

from shotsmith import registry


@pytest.fixture
def pool(run, folder):
    run("import", "imagefolder", folder, "--pool", "p")


def test_every_dialect_is_listed_with_its_options(run) -> None:
    found = {one["name"]: one for one in json.loads(run("dialects", "--json").out)}
    assert sorted(found) == registry.names("dialects")
    assert all(one["summary"] for one in found.values())
    assert [option["name"] for option in found["text"]["options"]] == ["summary", "everything"]
    assert found["collage"]["options"][0]["default"] == 4
    table = run("dialects").out
    assert all(f"{name}  " in table for name in found)
    assert 'summary ("caption" | "intent", default "caption")' in table
    assert [one["name"] for one in json.loads(run("dialects", "-d", "collage", "--json").out)] == ["collage"]


def test_one_selection_in_several_dialects(run, pool, query) -> None:
    asked = ["--pool", "p", "--image", query, "-k", 2]
    given = ["-d", "chat", "-d", "collage( columns = 2 )", "-d", "manyicl"]
    shown = json.loads(run("dialects", *asked, *given, "--json").out)
    assert [one["dialect"] for one in shown] == ["chat", "collage(columns=2)", "manyicl"]
    for one in shown:
        assert one["manifest"]["recipe"]["dialect"] == one["dialect"]
        alone = json.loads(run("prompt", *asked, "--dialect", one["dialect"], "--json").out)
        assert {"dialect": one["dialect"], **alone} == one
    chosen = [[shot["id"] for shot in one["manifest"]["demonstrations"]] for one in shown]
    assert chosen[0] == chosen[1] == chosen[2] != []

    shown = json.loads(run("dialects", *asked, "--json").out)
    without_a_model = [name for name in registry.names("dialects") if name != "text"]
    assert [one["dialect"] for one in shown] == without_a_model


def test_they_stand_beside_each_other(run, pool, query, monkeypatch) -> None:
    asked = ["dialects", "--pool", "p", "--image", query, "-k", 1, "-d", "chat", "-d", "qwen"]
    wide = run(*asked).out
    head = next(line for line in wide.splitlines() if " chat " in line)
    assert " qwen " in head
    assert "Picture 1:" in wide
    assert wide.count("[image/png") == 4
    monkeypatch.setenv("COLUMNS", "50")
    narrow = run(*asked).out
    head = next(line for line in narrow.splitlines() if " chat " in line)
    assert " qwen " not in head
    assert all(len(line.rstrip()) <= 50 for line in narrow.splitlines())


def test_what_cannot_be_shown_is_one_line(run, pool) -> None:
    for arguments, told in [
        (["--id", "x"], "a query needs a pool"),
        (["-k", "0"], "a query needs a pool"),
        (["-d", "chatt"], "Did you mean 'chat'"),
        (["--pool", "p", "-t", "x", "-d", "collage(colums=2)"], "Did you mean 'columns'"),
        (["--pool", "p"], "neither an image nor a text"),
        (["--pool", "nope", "-t", "x"], "no such pool"),
    ]:
        done = run("dialects", *arguments)
        assert done.code in (2, 3)
        assert told in done.err
        assert done.out == ""
