from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from drafts import draft, rich_drafts
from selector_cases import LISTS
from serving import served
from ways_in import Shell, Way, by_async_client, by_client, by_command_line, by_rest, settle

from shotsmith import Client
from shotsmith.engine import Engine
from shotsmith.service import create_app
from shotsmith.settings import Settings


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory for a pool `p` of 37 examples, three of them held out, and a neighbour list for e007."""
    return tmp_path_factory.mktemp("faces") / "data"


@pytest.fixture(scope="session")
def engine(data: Path) -> Iterator[Engine]:
    """An engine on it."""
    with pytest.MonkeyPatch.context() as patch:
        settle(patch)
        settings = Settings.read(data_dir=data)
    with Engine(settings) as opened:
        opened.create_pool("p", instruction="What is it?")
        opened.add("p", rich_drafts(36))
        odd = {"labels": ("кот 猫", "a,b|c)(d"), "tags": ("ночь",), "metadata": {"place": "Köln 😀"}}
        opened.add("p", [draft(40, 1, id="кот/1", **odd)])
        opened.import_neighbours("p", LISTS, {"e007": ["e009", "e003", "e020"]})
        yield opened


@pytest.fixture(scope="session")
def url(engine: Engine) -> Iterator[str]:
    """Address of a real server over that engine."""
    with served(create_app(engine=engine)) as address:
        yield address


@pytest.fixture(scope="session")
def http(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def clients(data: Path, engine: Engine, url: str) -> Iterator[dict[str, Client]]:
    """`Client` in this process and over HTTP."""
    with pytest.MonkeyPatch.context() as patch:
        settle(patch)
        local = Client(path=data)
    with local, Client(url=url) as remote:
        yield {"sdk in process": local, "sdk over http": remote}


@pytest.fixture
def shell(data: Path, engine: Engine, tmp_path: Path) -> Shell:
    """Command lines on the same data directory, each with an empty working directory at first."""
    return Shell(data, tmp_path)


@pytest.fixture
def ways(shell: Shell, url: str, data: Path, clients: dict[str, Client]) -> dict[str, Way]:
    """Every outer face by name, all on the same pool."""
    return {
        "command line": by_command_line(shell),
        "rest": by_rest(url),
        **{name: by_client(client) for name, client in clients.items()},
        "async in process": by_async_client(path=data),
        "async over http": by_async_client(url=url),
    }
