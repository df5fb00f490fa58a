"""A Qdrant server that refuses, stumbles or is not there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from index_points import DIMS, ids, point, random_units, vector
from pydantic import SecretStr
from qdrant_server import QdrantServer, Refusal

from shotsmith.domain.errors import Busy, Conflict, InvalidInput, NotFound, Unavailable
from shotsmith.domain.protocols import Search
from shotsmith.retrieval.index import open_index, qdrant
from shotsmith.retrieval.index.payloads import KEYWORDS
from shotsmith.retrieval.index.qdrant import PREFIX, QdrantIndex

X = vector(1, 0, 0, 0)
KEY = "s3cret-key"


@pytest.fixture(scope="module")
def lasting_server() -> Iterator[QdrantServer]:
    server = QdrantServer()
    yield server
    server.close()


@pytest.fixture
def server(lasting_server: QdrantServer) -> QdrantServer:
    """As good as new: no collections, no faults, nothing seen."""
    lasting_server.backend.reset()
    return lasting_server


@pytest.fixture(params=["rest", "grpc"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def url_of(server: QdrantServer, protocol: str) -> str:
    return server.grpc_url if protocol == "grpc" else server.rest_url


@pytest.fixture
def connected() -> Iterator[Callable[..., QdrantIndex]]:
    with ExitStack() as stack:

        def connect(url: str, key: str | None = None, **options: int) -> QdrantIndex:
            index = QdrantIndex(url, None if key is None else SecretStr(key), **options)
            stack.callback(index.close)
            return index

        yield connect


@pytest.fixture
def index(server: QdrantServer, protocol: str, connected: Callable[..., QdrantIndex]) -> QdrantIndex:
    """With a collection "c" that holds the point "a"."""
    index = connected(url_of(server, protocol))
    index.create("c", DIMS)
    index.upsert("c", [point("a", X)])
    return index


def test_passing_faults_are_not_noticed(server: QdrantServer, index: QdrantIndex) -> None:
    backend = server.backend
    works = (
        lambda: index.search("c", Search("image", X, 1)),
        lambda: index.upsert("c", [point("b", X)]),
        lambda: index.swap("alias", "c"),
        lambda: index.delete("c", ["b"]),
    )
    for work, status in zip(works, (429, 500, 503, 429), strict=True):
        backend.faults.extend([Refusal(status, "injected"), Refusal(429, "injected", retry_after=0)])
        work()
        assert not backend.faults
    assert ids(index.search("alias", Search("image", X, 9))) == ["a"]


LASTING = [
    (429, Busy, "too much to do"),
    (500, Unavailable, "injected"),
    (503, Unavailable, "injected"),
    (400, InvalidInput, "refuses the request: injected"),
    (404, NotFound, "no such collection"),
    (409, Conflict, "injected"),
    (401, Unavailable, "SHOTSMITH_INDEX_API_KEY"),
]


def test_lasting_faults_become_our_errors(
    server: QdrantServer, protocol: str, index: QdrantIndex, connected: Callable[..., QdrantIndex]
) -> None:
    backend = server.backend
    impatient = connected(url_of(server, protocol), attempts=2)
    assert impatient.count("c") == 1
    for status, error, says in LASTING:
        backend.seen.clear()
        backend.faults.extend(Refusal(status, "injected") for _ in range(2))
        with pytest.raises(error, match=says):
            impatient.count("c")
        assert len(backend.seen) == (2 if status >= 429 else 1)
        backend.faults.clear()


def test_a_long_pause_is_left_to_the_caller(server: QdrantServer, index: QdrantIndex) -> None:
    server.backend.faults.append(Refusal(429, "injected", 3600))
    with pytest.raises(Busy, match="Try again in 3600 s"):
        index.count("c")


def test_a_bulk_write_that_breaks_off_can_be_repeated(
    server: QdrantServer, index: QdrantIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qdrant, "_FLOATS", 10 * sum(DIMS.values()))  # ten points in a request
    points = [point(f"{n:04}", X) for n in range(25)]
    server.backend.faults.extend([None, *(Refusal(503, "injected") for _ in range(4))])
    with pytest.raises(Unavailable):
        index.upsert("c", points)
    assert index.count("c") == 1 + 10
    index.upsert("c", points)
    assert index.count("c") == 1 + 25


def test_nobody_listening(protocol: str, connected: Callable[..., QdrantIndex]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        query = f"?grpc={port}" if protocol == "grpc" else ""
        index = connected(f"http://127.0.0.1:{port}{query}", attempts=2)
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port} cannot be reached"):
            index.count("c")


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")
def test_the_key_is_sent_and_never_told(protocol: str, connected: Callable[..., QdrantIndex]) -> None:
    server = QdrantServer(api_key=KEY)
    try:
        url = url_of(server, protocol)
        index = connected(url, KEY)
        index.create("c", DIMS)
        assert index.count("c") == 0
        for key in (None, f"wrong-{KEY}"):
            with pytest.raises(Unavailable, match="wants another API key") as caught:
                connected(url, key).count("c")
            assert KEY not in f"{caught.value}{caught.value.__cause__}{caught.value.problem()}"
        server.backend.faults.append(Refusal(400, f"no good: {KEY}"))
        with pytest.raises(InvalidInput) as refused:
            index.count("c")
        assert KEY not in f"{refused.value}{refused.value.problem()}"
        assert KEY not in repr(index)
    finally:
        server.close()


def test_payload_indexes_exist_before_the_first_point(server: QdrantServer, index: QdrantIndex) -> None:
    seen = server.backend.seen
    indexing = [n for n, name in enumerate(seen) if name.endswith("/index") or name == "CreateFieldIndex"]
    writing = [n for n, name in enumerate(seen) if name in ("PUT /collections/*/points", "Upsert")]
    assert len(indexing) == len(KEYWORDS)
    assert max(indexing) < min(writing)
    assert server.backend.indexed == {f"{PREFIX}c": list(KEYWORDS)}


def test_a_creation_that_broke_off_is_completed(server: QdrantServer, index: QdrantIndex) -> None:
    server.backend.indexed[f"{PREFIX}c"] = ["labels"]
    index.create("c", DIMS)
    assert sorted(server.backend.indexed[f"{PREFIX}c"]) == sorted(KEYWORDS)


def test_a_creation_whose_answer_was_lost_is_no_conflict(
    server: QdrantServer, index: QdrantIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, False])
    exists = QdrantIndex.exists
    monkeypatch.setattr(QdrantIndex, "exists", lambda self, name: next(answers, None) or exists(self, name))
    index.create("c", DIMS)
    with pytest.raises(Conflict):
        index.create("c", {"image": 9})


def test_other_collections_of_the_server_are_left_alone(server: QdrantServer, index: QdrantIndex) -> None:
    local = server.backend.local
    local.create_collection("theirs", vectors_config={})
    assert not index.exists("theirs")
    index.drop("theirs")
    assert local.collection_exists("theirs")
    assert {found.name for found in local.get_collections().collections} == {"theirs", f"{PREFIX}c"}


def test_what_another_client_changed_is_noticed(
    server: QdrantServer, protocol: str, index: QdrantIndex, connected: Callable[..., QdrantIndex]
) -> None:
    other = connected(url_of(server, protocol))
    index.swap("alias", "c")
    other.create("wider", {"image": 8})
    other.swap("alias", "wider")
    row = random_units(1, 8)[0]
    index.upsert("alias", [point("b", row)])
    assert ids(index.search("alias", Search("image", row, 9))) == ["b"]
    other.drop("c")
    other.create("c", {"image": 8})
    assert index.search("c", Search("image", row, 9)) == []
    other.drop("c")
    with pytest.raises(NotFound):
        index.search("c", Search("image", row, 9))


def test_closing_is_final_and_idempotent(index: QdrantIndex) -> None:
    index.close()
    index.close()
    with pytest.raises(Unavailable, match="closed"):
        index.count("c")


@pytest.mark.parametrize(
    "url",
    [
        "redis://host:1",
        "host:6333",
        "",
        "memory",
        "http://",
        f"http://user:{KEY}@host:6333",
        f"ftp://user:{KEY}@host",
        "http://host:6333?grpc=x",
        "http://host:6333?grcp=6334",
        "http://host:6333#x",
    ],
)
def test_urls_that_name_no_index(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_index(url, tmp_path)
    assert KEY not in str(caught.value)
