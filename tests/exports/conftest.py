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
    """An engine with a pool `p`: 16 training and 6 test examples in 4 classes; e016 shares its group with e000."""
    opened = open_engine()
    opened.create_pool("p", instruction="What is it?")
    drafts = [draft(number, number % 4, split="train") for number in range(1, 16)]
    drafts += [draft(number, number % 4, split="test") for number in range(17, 22)]
    drafts += [draft(0, 0, split="train", group="g"), draft(16, 0, split="test", group="g")]
    opened.add("p", drafts)
    return opened


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where an export goes: alone in its directory."""
    (tmp_path / "exports").mkdir()
    return tmp_path / "exports" / "out"
