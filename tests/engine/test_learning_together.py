"""Reports of usage are learnt from by one thread for all, and each of them once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shotsmith.clients.vlm.ledger import MemoryLedger
from shotsmith.domain.messages import Message, Reply, TextPart, Usage
from shotsmith.engine.asking import Asking
from shotsmith.prompts.tokens import Calibrations
from shotsmith.settings import Settings

HELLO = (Message("user", (TextPart("hello"),)),)


class Slow(Calibrations):
    """Notes who learns from what, one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.reported: list[int | None] = []
        self._busy = threading.Lock()

    def observe(self, facts, features, usage):
        assert self._busy.acquire(blocking=False)
        time.sleep(0.002)
        self.reported.append(usage.input_tokens)
        self._busy.release()
        return super().observe(facts, features, usage)


@pytest.fixture
def asking(monkeypatch):
    class Counting:
        def __init__(self) -> None:
            self.calls = 0
            self.lock = threading.Lock()

        def complete(self, request):
            with self.lock:
                self.calls += 1
                return Reply("cat", "m", Usage(self.calls, 1))

    model = Counting()
    monkeypatch.setattr("shotsmith.engine.asking.open_model", lambda name, **options: model)
    return Asking(Settings(model="openai/m"), MemoryLedger(), lambda: None, Slow())


def test_every_report_is_learnt_from_once(asking):
    with ThreadPoolExecutor(50) as threads:
        for future in [
            threads.submit(asking.reply, None, HELLO, {"seed": number}, remember=False)
            for number in range(300)
        ]:
            future.result(30)
    assert sorted(asking._calibrations.reported) == list(range(1, 301))


def test_one_who_asks_alone_knows_it_afterwards(asking):
    asking.reply(None, HELLO, {})
    assert asking._calibrations.reported == [1]
