"""Many queries in a call are the same by the library, REST, every client and the command line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from shotsmith import AsyncClient
from shotsmith.domain.errors import InvalidParameter, ShotsmithError

QUERIES: list[Any] = ["red thing", {"id": "e007"}, {"text": "blue thing", "metadata": {"site": "A"}}]
OPTIONS: dict[str, Any] = {"batch_size": 2, "recipe": "rices(k=4)", "model": "offline/knn-vote"}


def test_every_face_gives_the_same(clients, http, url: str, data) -> None:
    body = {
        "pool": "p",
        "queries": [{"text": "red thing"}, {"id": "e007"}, {"text": "blue thing", "metadata": {"site": "A"}}],
        **OPTIONS,
    }
    answer = http.post("/v1/answers/batch", json=body)
    assert answer.status_code == 200
    expected = answer.json()
    assert [one["answer"] is not None for one in expected["answers"]] == [True] * 3
    assert [one["id"] for one in expected["answers"]] == [None, "e007", None]
    assert {one["how"] for one in expected["answers"]} == {
        "alone"
    }  # offline baselines read one question at a time
    found = [client.ask_many("p", QUERIES, **OPTIONS) for client in clients.values()]

    async def asked(**where: Any) -> Any:
        async with AsyncClient(**where) as client:
            return await client.ask_many("p", QUERIES, **OPTIONS)

    found.append(asyncio.run(asked(url=url)))
    for one in found:
        told = json.loads(one.model_dump_json())
        assert told["answers"] == expected["answers"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"batch_size": 51}, "batch_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"retries": -1}, "retries"),
        ({"queries": []}, "queries"),
        ({"queries": [{"txt": "x"}]}, "queries[0].txt"),
        ({"queries": [{"id": "nobody"}]}, "id"),
        ({"queries": [{}]}, "query"),
    ],
)
def test_bad_input_is_one_clear_error(clients, change: dict[str, Any], field: str) -> None:
    queries = change.pop("queries", QUERIES)
    for client in clients.values():
        with pytest.raises(ShotsmithError) as caught:
            client.ask_many("p", queries, **{**OPTIONS, **change})
        assert field in str(caught.value.field)


def test_the_command_asks_a_split(shell) -> None:
    shown = shell("ask-many", "--pool", "p", "--split", "test", "-b", "5", "--recipe", "rices(k=4)")
    assert shown.code == 0
    assert "of 3 right" in shown.out
    arguments = ["--pool", "p", "--split", "test", "--recipe", "rices(k=4)", "-n", "2"]
    found = json.loads(shell.json("ask-many", *arguments, "--model", "offline/knn-vote", "--json"))
    assert len(found["answers"]) == 2
    assert found["total"]["calls"] == 2
    none = shell("ask-many", "--pool", "p", "--split", "nowhere", "--json")
    assert none.code == 2
    assert "no example to ask" in none.err


def test_a_query_that_is_no_query_is_named() -> None:
    from shotsmith.clients.sdk import calls
    from shotsmith.domain.recipes import Recipe

    with pytest.raises(InvalidParameter, match=r"queries\[1\]\.pictures"):
        calls.answer_many("p", ["x", {"pictures": []}], Recipe(), batch_size=2)
