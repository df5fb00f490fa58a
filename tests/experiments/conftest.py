from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from experiment_pools import draft

from shotsmith.clients.vlm import fake
from shotsmith.clients.vlm.ledger import LedgeredVLM
from shotsmith.engine import Engine
from shotsmith.settings import Settings


class Hired:
    """An engine whose model is a function of the request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = 0

    def open(self, answer: Callable[..., str | Exception]) -> Engine:
        engine = Engine(
            Settings(data_dir=self.folder, index_url="memory:", encoder="fake", model="fake/test")
        )

        def counted(request):
            self.asked += 1
            return answer(request)

        engine._models["fake/test", None] = LedgeredVLM(
            fake.FakeVLM(counted, model="fake/test"), engine._stores.calls
        )
        return engine


@pytest.fixture
def hired(tmp_path: Path) -> Hired:
    """Pools are made by `engine`; this opens the same folder with another model."""
    return Hired(tmp_path / "data")


@pytest.fixture
def engine(hired: Hired) -> Iterator[Engine]:
    """32 training and 8 test examples in 4 classes; e032 and e033 are of one group with a training example."""
    opened = hired.open(lambda request: "class 1")
    opened.create_pool("p", instruction="What is it?")
    drafts = [draft(number, number % 4, split="train") for number in range(32)]
    drafts[0] = draft(0, 0, split="train", group="g")
    drafts += [draft(number, number % 4, split="test") for number in range(34, 40)]
    drafts += [draft(number, number % 4, split="test", group="g") for number in (32, 33)]
    opened.add("p", drafts)
    yield opened
    opened.close()
