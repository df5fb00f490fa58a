from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from drafts import draft

from shotsmith.engine import Engine
from shotsmith.settings import Settings


@pytest.fixture
def open_engine(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    opened: list[Engine] = []

    def open_(**fields) -> Engine:
        given = {"data_dir": tmp_path / "data", "index_url": "memory:", "encoder": "fake", **fields}
        opened.append(Engine(Settings(**given)))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def engine(open_engine) -> Engine:
    """An engine with a pool `p` of 40 examples in 4 classes."""
    opened = open_engine()
    opened.create_pool("p", instruction="What is it?")
    opened.add("p", [draft(number, number % 4) for number in range(40)])
    return opened
