"""Every kind of index, opened once a session, and an empty collection for each test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from index_points import DIMS, KINDS, LIVE
from pydantic import SecretStr
from qdrant_server import QdrantServer

from shotsmith.domain.protocols import VectorIndex
from shotsmith.retrieval.index import open_index


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A directory in memory where there is one: the engine syncs files often, and that is not what is tested."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="shotsmith-", dir=memory if os.access(memory, os.W_OK) else None))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def directory(scratch: Path) -> Path:
    """A new directory that does not exist yet."""
    return scratch / uuid4().hex


@pytest.fixture(scope="session")
def qdrant_server() -> Iterator[QdrantServer]:
    server = QdrantServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def indexes(scratch: Path, qdrant_server: QdrantServer) -> Iterator[dict[str, VectorIndex]]:
    """Each kind, opened. Both protocols reach the same server, so collections need names of their own."""
    key = os.environ.get("SHOTSMITH_TEST_QDRANT_KEY")
    with ExitStack() as stack:
        opened = {
            "memory": open_index("memory:", scratch),
            "edge-inline": open_index(None, scratch / "inline"),
            "edge-owned": open_index(None, scratch / "owned", serving=True),
            "qdrant-rest": open_index(qdrant_server.rest_url, scratch),
            "qdrant-grpc": open_index(qdrant_server.grpc_url, scratch),
        }
        if LIVE:
            opened["qdrant-live"] = open_index(LIVE, scratch, SecretStr(key) if key else None)
        for index in opened.values():
            stack.callback(index.close)
        yield opened


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def index(indexes: dict[str, VectorIndex], kind: str) -> VectorIndex:
    return indexes[kind]


@pytest.fixture
def fresh(index: VectorIndex) -> Iterator[str]:
    """A name that nothing has; whatever gets it is dropped afterwards."""
    name = f"fresh-{uuid4().hex}"
    yield name
    index.drop(name)


@pytest.fixture
def collection(index: VectorIndex) -> Iterator[str]:
    """An empty collection with the spaces image (4) and text (3)."""
    name = f"collection-{uuid4().hex}"
    index.create(name, DIMS)
    yield name
    index.drop(name)
