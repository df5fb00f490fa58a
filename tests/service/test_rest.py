from __future__ import annotations

import base64
import json

import httpx2
import pytest
from pictures import bad_images, shown
from serving import served

from shotsmith.engine import Engine
from shotsmith.service import create_app
from shotsmith.settings import Settings

BAD = bad_images()


def data_url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def problem_of(response: httpx2.Response) -> dict:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["detail"]
    return body


def test_a_pool_lives_and_dies(http) -> None:
    made = http.post("/v1/pools", json={"name": "tmp", "kind": "vqa", "instruction": "Answer."})
    assert made.status_code == 201
    assert made.json()["size"] == 0
    assert http.get("/v1/pools/tmp").json() == made.json()
    assert "tmp" in [pool["name"] for pool in http.get("/v1/pools").json()]
    assert problem_of(http.post("/v1/pools", json={"name": "tmp"}))["type"] == "urn:shotsmith:conflict"
    assert http.delete("/v1/pools/tmp").status_code == 204
    assert problem_of(http.get("/v1/pools/tmp"))["status"] == 404


def test_examples_by_json_and_by_upload(http) -> None:
    http.post("/v1/pools", json={"name": "up"})
    body = {
        "examples": [{"id": "a/b c", "images": [data_url(shown(1, 1))], "label": "x", "metadata": {"n": 1}}]
    }
    assert http.post("/v1/pools/up/examples", json=body).json() == {
        "added": 1,
        "replaced": 0,
        "unchanged": 0,
        "skipped": 0,
    }
    assert http.post("/v1/pools/up/examples", json=body).json()["unchanged"] == 1
    files = [
        ("images", ("one.png", shown(2, 1), "image/png")),
        ("images", ("two.png", shown(3, 1), "image/png")),
    ]
    fields = {"example": json.dumps({"id": "two", "text": "pair", "label": "y"})}
    uploaded = http.post("/v1/pools/up/uploads", files=files, data=fields)
    assert uploaded.status_code == 201
    two = http.get("/v1/pools/up/examples/two").json()
    assert [part["mime"] for part in two["media"]] == ["image/png", "image/png"]
    assert http.get(f"/v1/images/{two['media'][0]['sha256']}").content == shown(2, 1)
    assert http.get("/v1/pools/up/examples/a/b c").json()["metadata"] == {"n": 1}
    assert http.delete("/v1/pools/up/examples/a/b c").status_code == 204
    assert problem_of(http.get("/v1/pools/up/examples/a/b c"))["status"] == 404
    http.delete("/v1/pools/up")


def test_pages_follow_each_other(http) -> None:
    seen, after = [], None
    while True:
        params = {"limit": 7, **({"after": after} if after else {})}
        page = http.get("/v1/pools/p/examples", params=params).json()
        seen += [example["id"] for example in page["examples"]]
        if (after := page["next_after"]) is None:
            break
    assert seen == sorted(f"class {number % 3}/e{number:02d}" for number in range(30))
    only = http.get("/v1/pools/p/examples", params={"label": "class 1"}).json()["examples"]
    assert {example["labels"][0] for example in only} == {"class 1"}


def test_a_selection_carries_what_people_ask_for(http) -> None:
    body = {
        "pool": "p",
        "query": {"images": [data_url(shown(99, 1))]},
        "recipe": {"selector": "rices", "k": 8},
    }
    selection = http.post("/v1/selections", json=body).json()
    shots = selection["demonstrations"]
    assert [shot["rank"] for shot in shots] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert [shot["position"] for shot in shots] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert all({"id", "label", "score", "reason"} <= shot.keys() for shot in shots)
    assert not selection["short"]
    again = http.post("/v1/selections", json=body)
    assert again.json() == selection


def test_a_prompt_and_an_answer(http) -> None:
    body = {"pool": "p", "query": {"id": "class 1/e01"}, "recipe": {"k": 2, "dialect": "chat"}}
    prompt = http.post("/v1/prompts", json=body).json()
    assert [message["role"] for message in prompt["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert "class 1/e01" not in [shot["id"] for shot in prompt["manifest"]["demonstrations"]]
    answer = http.post("/v1/answers", json={**body, "model": "fake/echo"})
    assert answer.status_code in (200, 422)


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_is_a_problem_and_nothing_is_stored(http, kind: str) -> None:
    name, data, word = BAD[kind]
    before = http.get("/v1/pools/p").json()
    files = [("images", (name, data, "image/png"))]
    uploaded = http.post("/v1/pools/p/uploads", files=files, data={"example": '{"label": "class 1"}'})
    assert word in problem_of(uploaded)["detail"]
    assert uploaded.status_code == 422
    assert http.get("/v1/pools/p").json() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"pool": "p", "query": {"text": "x"}, "recipe": {"k": -1}}, "recipe.k"),
        ({"pool": "p", "query": {"text": "x"}, "recipe": {"order": "up"}}, "recipe.order"),
        ({"pool": "p", "query": {"text": "x"}, "recipe": {"selector": "rice"}}, "selector"),
        ({"pool": "p", "query": {"text": "x"}, "surprise": 1}, "surprise"),
        ({"pool": "p", "query": {}}, "query"),
        ({"pool": "p", "query": {"images": ["http://169.254.169.254/x"]}}, "query: images[0]"),
        ({"pool": "p", "query": {"images": ["/etc/passwd"]}}, "query: images[0]"),
        ({"pool": "p", "query": {"images": ["data:image/png,raw"]}}, "query: images[0]"),
    ],
)
def test_bad_requests_name_the_field(http, body, field: str) -> None:
    response = http.post("/v1/selections", json=body)
    assert response.status_code == 422
    assert problem_of(response)["field"] == field


def test_other_errors_are_problems_too(http) -> None:
    assert problem_of(http.get("/nowhere"))["status"] == 404
    assert problem_of(http.put("/v1/pools"))["status"] == 405
    assert problem_of(http.get("/v1/images/../../etc/passwd"))["status"] == 404
    assert problem_of(http.get("/v1/images/" + "0" * 64))["status"] == 404
    bad = http.post("/v1/selections", content=b"{", headers={"content-type": "application/json"})
    assert problem_of(bad)["status"] == 422


def test_a_request_that_is_too_large_is_refused_unread(tmp_path) -> None:
    settings = Settings(data_dir=tmp_path, index_url="memory:", encoder="fake", max_body_bytes=1000)
    with Engine(settings) as engine, served(create_app(engine=engine)) as url:
        refused = httpx2.post(f"{url}/v1/pools", json={"name": "p", "instruction": "x" * 2000})
        assert problem_of(refused)["status"] == 413
        chunked = httpx2.post(f"{url}/v1/pools", content=iter([b"x" * 600] * 3))
        assert problem_of(chunked)["status"] == 413


def test_health(http) -> None:
    assert http.get("/healthz").json()["status"] == "ok"
    assert http.get("/readyz").json()["status"] == "ok"


def test_the_openapi_document_is_complete(http) -> None:
    document = http.get("/openapi.json").json()
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert len(operations) == 20
    assert all(operation.get("summary") or operation.get("description") for operation in operations.values())
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)
    assert all("default" in operation["responses"] for operation in operations.values())
    for name in ("PoolIn", "ExampleIn", "NeighboursIn", "SelectionIn"):
        assert document["components"]["schemas"][name]["examples"]
