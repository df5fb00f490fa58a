from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from experiment_pools import draft

from shotsmith.clients.vlm import fake
from shotsmith.domain.messages import Request
from shotsmith.engine import Engine
from shotsmith.settings import Settings


class Hired:
    """Opens engines on one folder, whose model `fake/test` is a function of the request."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.asked = 0
        self._patch = monkeypatch

    def open(self, answer: Callable[[Request], str | Exception]) -> Engine:
        def counted(request: Request) -> str | Exception:
            self.asked += 1
            return answer(request)

        load = fake.load
        self._patch.setattr(
            fake,
            "load",
            lambda model, **options: (
                fake.FakeVLM(counted, model=model) if model == "fake/test" else load(model, **options)
            ),
        )
        return Engine(Settings(data_dir=self.folder, index_url="memory:", encoder="fake", model="fake/test"))


@pytest.fixture
def hired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hired:
    """What `engine` opened; it opens the same folder again with another model."""
    return Hired(tmp_path / "data", monkeypatch)


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
