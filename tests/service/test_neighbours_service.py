"""Neighbour lists over REST and by both clients."""

from __future__ import annotations

import pytest

from shotsmith import AsyncClient, Client
from shotsmith.domain.errors import InvalidInput, InvalidParameter, NotFound

pytestmark = pytest.mark.anyio

LISTS = {
    "class 0/e00": ["class 1/e07", "class 0/e00", "class 2/e05", "class 1/e07", "class 0/e27"],
    "new": ["class 2/e11", "class 1/e01"],
}
COUNTS = {"lists": 2, "ids": 5, "new_queries": 1, "repeated": 1, "itself": 1, "unknown": 0, "emptied": 0}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clients(server: str, tmp_path, monkeypatch):
    """A remote and an in-process client with the same ids."""
    monkeypatch.setenv("SHOTSMITH_ENCODER", "fake")
    with Client(url=server) as remote, Client(path=tmp_path / "local") as local:
        local.create_pool("p")
        ids = [example.id for example in remote.examples("p")]
        local.add("p", [{"id": id, "text": f"thing {id[-2:]}", "label": id[:7]} for id in ids])
        yield remote, local


def problem_of(response) -> dict:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == response.status_code
    return response.json()


def test_lists_are_put_and_listed_and_put_again(http) -> None:
    path = "/v1/pools/p/neighbours"
    put = http.put(f"{path}/rest-SI", json={"lists": LISTS})
    assert (put.status_code, put.json()) == (200, COUNTS)
    assert http.get(path).json()["rest-SI"] == 2
    again = http.put(f"{path}/rest-SI", json={"lists": {"new": ["class 2/e11"]}})
    assert again.json()["lists"] == 1
    assert http.get(path).json()["rest-SI"] == 1
    skipped = http.put(f"{path}/rest-SI", json={"lists": {"new": ["class 2/e11", "x"]}, "skip_unknown": True})
    assert (skipped.json()["ids"], skipped.json()["unknown"]) == (1, 1)


def test_a_selection_follows_the_list(http) -> None:
    http.put("/v1/pools/p/neighbours/rest-select", json={"lists": LISTS})
    recipe = {"selector": "neighbours(name=rest-select)", "k": 4}
    body = {"pool": "p", "query": {"id": "class 0/e00"}, "recipe": recipe}
    found = http.post("/v1/selections", json=body).json()
    shots = sorted(found["demonstrations"], key=lambda shot: shot["rank"])
    assert [shot["id"] for shot in shots][:3] == ["class 1/e07", "class 2/e05", "class 0/e27"]
    assert found["flags"] == ["the list 'rest-select' has 3 for this query: completed by rices"]
    body["query"] = {"id": "new", "text": "something new"}
    found = http.post("/v1/selections", json={**body, "recipe": {**recipe, "k": 2}}).json()
    assert {shot["rank"]: shot["id"] for shot in found["demonstrations"]} == {
        1: "class 2/e11",
        2: "class 1/e01",
    }


@pytest.mark.parametrize(
    ("pool", "name", "body", "status", "field"),
    [
        ("nope", "SI", {"lists": {"a": ["b"]}}, 404, "pool"),
        ("p", "SI", {"lists": {"a": ["x", "y"]}}, 422, "lists"),
        ("p", "SI", {"lists": {"a": []}}, 422, "lists: a"),
        ("p", "SI", {"lists": {}}, 422, "lists"),
        ("p", "SI", {}, 422, "lists"),
        ("p", "SI", {"lists": {"a": "b"}}, 422, "lists.a"),
        ("p", "SI", {"lists": {"a": [1]}}, 422, "lists.a.0"),
        ("p", "SI", {"lists": {"a": ["b"]}, "surprise": 1}, 422, "surprise"),
        ("p", "S I", {"lists": {"a": ["b"]}}, 422, "name"),
        ("p", "-", {"lists": {"a": ["b"]}}, 422, "name"),
    ],
)
def test_bad_requests_are_problems_and_store_nothing(http, pool, name, body, status: int, field: str) -> None:
    before = http.get("/v1/pools/p/neighbours").json()
    problem = problem_of(http.put(f"/v1/pools/{pool}/neighbours/{name}", json=body))
    assert (problem["status"], problem["field"]) == (status, field)
    assert http.get("/v1/pools/p/neighbours").json() == before
    assert problem_of(http.get("/v1/pools/nope/neighbours"))["status"] == 404
    wrong = http.post("/v1/pools/p/neighbours/SI", json={})
    assert (problem_of(wrong)["status"], wrong.headers["allow"]) == (405, "PUT")


def test_both_clients_do_the_same(clients) -> None:
    for client in clients:
        done = client.import_neighbours("p", "sdk-SI", LISTS)
        assert done.model_dump() == COUNTS
        assert client.neighbours("p")["sdk-SI"] == 2
        found = client.select("p", id="new", text="x", recipe="neighbours(name=sdk-SI,k=2)")
        assert [shot.id for shot in found.demonstrations] == ["class 1/e01", "class 2/e11"]
        skipped = client.import_neighbours("p", "sdk-SI", {"a": ["x", "class 1/e01"]}, skip_unknown=True)
        assert (skipped.ids, skipped.unknown) == (1, 1)


def test_errors_of_both_clients_are_the_same(clients) -> None:
    for fault, kind in [
        (lambda client: client.import_neighbours("p", "SI", {"a": ["x"]}), InvalidInput),
        (lambda client: client.import_neighbours("p", "SI", {"a": []}), InvalidInput),
        (lambda client: client.import_neighbours("p", "SI", {}), InvalidInput),
        (lambda client: client.import_neighbours("p", "..", {"a": ["x"]}), InvalidParameter),
        (lambda client: client.import_neighbours("p", "a/b", {"a": ["x"]}), InvalidParameter),
        (lambda client: client.import_neighbours("nope", "SI", {"a": ["x"]}), NotFound),
        (lambda client: client.neighbours("nope"), NotFound),
        (lambda client: client.neighbours("../p"), InvalidParameter),
    ]:
        words = []
        for client in clients:
            with pytest.raises(kind) as caught:
                fault(client)
            words.append((type(caught.value), caught.value.message, caught.value.field))
        assert words[0] == words[1]


async def test_the_async_client_does_it_too(server: str) -> None:
    async with AsyncClient(url=server) as client:
        done = await client.import_neighbours("p", "async-SI", LISTS)
        assert done.model_dump() == COUNTS
        assert (await client.neighbours("p"))["async-SI"] == 2
