from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openai_server import OpenAIServer
from pictures import encoded, picture
from qdrant_server import QdrantServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image folder of 30 pictures in 3 classes."""
    root = tmp_path / "pictures"
    for number in range(30):
        place = root / f"class {number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:02d}.png").write_bytes(encoded(picture(number, hue=number % 3)))
    return root


@pytest.fixture
def query(tmp_path: Path) -> Path:
    path = tmp_path / "query.png"
    path.write_bytes(encoded(picture(500, hue=1)))
    return path


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command line in a process of its own, as a user does."""

    def run(*arguments: object, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "shotsmith", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            env={**os.environ, "SHOTSMITH_ENCODER": "fake", **environment},
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def provider() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    yield server
    server.close()


@pytest.fixture
def qdrant() -> Iterator[QdrantServer]:
    """A server that speaks Qdrant's protocols; its engine is qdrant-client's local mode."""
    server = QdrantServer()
    yield server
    server.close()
