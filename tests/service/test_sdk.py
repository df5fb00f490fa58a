from __future__ import annotations

import numpy as np
import pytest
from pictures import picture, shown

import shotsmith
from shotsmith import AsyncClient, Client
from shotsmith.domain.errors import Conflict, InvalidInput, InvalidParameter, NotFound, Unavailable

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clients(server: str, tmp_path, monkeypatch):
    """A remote and an in-process client with the same examples."""
    monkeypatch.setenv("SHOTSMITH_ENCODER", "fake")
    with Client(url=server) as remote, Client(path=tmp_path / "local") as local:
        local.create_pool("p", instruction="What is it?")
        local.add(
            "p",
            [
                {
                    "id": f"class {number % 3}/e{number:02d}",
                    "image": shown(number, number % 3),
                    "text": f"thing {number}",
                    "label": f"class {number % 3}",
                }
                for number in reversed(range(30))
            ],
        )
        yield remote, local


def test_both_give_the_same_bytes(clients) -> None:
    remote, local = clients
    assert remote.pool("p").version == local.pool("p").version
    for selector in ("random", "rices", "modality", "balanced", "all", "none"):
        asked = {"image": shown(99, 2), "text": "thing", "selector": selector, "k": 6}
        one, two = remote.select("p", **asked), local.select("p", **asked)
        assert one.model_dump_json() == two.model_dump_json()
        built = [client.prompt("p", **asked) for client in clients]
        assert built[0].messages == built[1].messages
        assert built[0].manifest["prompt_sha256"] == built[1].manifest["prompt_sha256"]
    assert [example.id for example in remote.examples("p")] == [example.id for example in local.examples("p")]


async def test_the_async_client_does_the_same(clients, server: str, tmp_path) -> None:
    remote, _ = clients
    expected = remote.select("p", id="class 0/e00")
    async with AsyncClient(url=server) as client:
        assert await client.select("p", id="class 0/e00") == expected
        assert [example.id async for example in client.examples("p")] == [
            one.id for one in remote.examples("p")
        ]
        with pytest.raises(NotFound):
            await client.pool("nope")
    async with AsyncClient(path=tmp_path / "other") as client:
        await client.create_pool("q")
        assert (await client.add("q", [{"text": "hello", "label": "greeting"}])).added == 1
        assert (await client.select("q", text="hello there")).demonstrations[0].text == "hello"


def test_errors_are_the_same_classes_with_the_same_words(clients) -> None:
    for fault, kind in [
        (lambda client: client.pool("nope"), NotFound),
        (lambda client: client.create_pool("p"), Conflict),
        (lambda client: client.select("p", text="x", k=-1), InvalidParameter),
        (lambda client: client.select("p", text="x", selector="ricess"), InvalidInput),
        (lambda client: client.select("p", image=b"no image"), InvalidInput),
        (lambda client: client.add("p", [{"text": "x"}]), InvalidInput),
        (lambda client: client.add("p", [{"text": "x", "colour": "red"}]), InvalidParameter),
        (lambda client: client.example("p", "nope"), NotFound),
    ]:
        words = []
        for client in clients:
            with pytest.raises(kind) as caught:
                fault(client)
            words.append((type(caught.value), caught.value.message, caught.value.field))
        assert words[0] == words[1]


def test_no_id_reaches_another_path(clients) -> None:
    for client in clients:
        for id in ("..", "a/../b", ".", "a//b"):
            with pytest.raises(InvalidInput, match="steps"):
                client.delete_example("p", id)
        assert client.pool("p").size == 30
        with pytest.raises(InvalidInput):
            client.add("p", [])


def test_images_come_as_people_have_them(clients, tmp_path) -> None:
    _, local = clients
    image = picture(7, hue=1)
    path = tmp_path / "q.png"
    image.save(path)
    forms = [path, str(path), path.read_bytes(), image, np.asarray(image)]
    found = [local.select("p", image=form).model_dump_json() for form in forms]
    assert len(set(found)) == 1
    with pytest.raises(InvalidInput, match="cannot be read"):
        local.select("p", image="missing.png")
    with pytest.raises(InvalidInput, match="not an image"):
        local.select("p", image=3.5)


def test_a_server_that_is_not_there() -> None:
    with Client(url="http://127.0.0.1:9") as client, pytest.raises(Unavailable, match="shotsmith serve"):
        client.pools()


def test_exactly_one_of_path_and_url() -> None:
    for arguments in ({}, {"path": "x", "url": "y"}):
        with pytest.raises(InvalidParameter, match="either a path or a url"):
            Client(**arguments)


def test_the_sync_and_async_clients_have_the_same_methods() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(Client) == public(AsyncClient)


def test_what_the_package_exports() -> None:
    assert sorted(shotsmith.__all__) == shotsmith.__all__
    for name in shotsmith.__all__:
        assert getattr(shotsmith, name) is not None
    with pytest.raises(AttributeError):
        _ = shotsmith.nonsense
