from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pictures import shown
from serving import served

from shotsmith.domain.examples import Draft, ImageFile
from shotsmith.engine import Engine
from shotsmith.service import create_app
from shotsmith.settings import Settings


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a pool `p` of 30 examples in 3 classes, on the embedded index."""
    data_dir: Path = tmp_path_factory.mktemp("service") / "data"
    with Engine(Settings(data_dir=data_dir, encoder="fake")) as opened:
        opened.create_pool("p", instruction="What is it?")
        drafts = [
            Draft(
                where=str(number),
                id=f"class {number % 3}/e{number:02d}",
                images=(ImageFile(f"{number}.png", shown(number, number % 3)),),
                text=f"thing {number}",
                labels=(f"class {number % 3}",),
            )
            for number in range(30)
        ]
        opened.add("p", drafts)
        yield opened


@pytest.fixture(scope="session")
def server(engine: Engine) -> Iterator[str]:
    """Address of a real server over that engine."""
    with served(create_app(engine=engine)) as url:
        yield url


@pytest.fixture
def http(server: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server, timeout=30) as client:
        yield client
