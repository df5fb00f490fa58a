from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pictures import shown
from serving import served

from shotsmith import Client, Settings
from shotsmith.service import create_app

CLASSES = 4


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Address of a real server with nothing in it."""
    app = create_app(Settings(data_dir=tmp_path / "server", encoder="fake"))
    with served(app) as url:
        yield url


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client in this process with nothing in it."""
    monkeypatch.setenv("SHOTSMITH_ENCODER", "fake")
    with Client(path=tmp_path / "local") as client:
        yield client


@pytest.fixture(params=["in process", "over HTTP"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """Both kinds of client, with nothing behind them."""
    if request.param == "in process":
        yield request.getfixturevalue("local")
    else:
        with Client(url=request.getfixturevalue("server")) as remote:
            yield remote


def fill_pictures(client: Client) -> None:
    """A pool `pictures` of 20 pictures in 4 classes, told apart by hue."""
    client.create_pool("pictures", instruction="What is it?")
    client.add(
        "pictures",
        [
            {
                "id": f"e{number:02d}",
                "image": shown(number, number % CLASSES),
                "text": f"thing {number}",
                "label": f"class {number % CLASSES}",
                "group": f"visit {number // 2}",
            }
            for number in range(20)
        ],
    )


@pytest.fixture
def filled(client: Client) -> Client:
    fill_pictures(client)
    return client


@pytest.fixture
def fill() -> Callable[[Client], None]:
    return fill_pictures
