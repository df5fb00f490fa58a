"""A provider that is down: everybody waits, longer and longer, until patience is over."""

from __future__ import annotations

from threading import Event

import pytest

from shotsmith.domain.errors import ModelUnavailable
from shotsmith.experiments.trials import Outage

DOWN = ModelUnavailable("down")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def outage(patience_s: float = 900.0) -> tuple[Outage, Clock, list[tuple[str, float]]]:
    clock, told = Clock(), []
    made = Outage(patience_s, told=lambda why, wait: told.append((why, wait)), clock=clock, sleep=clock.sleep)
    return made, clock, told


def test_waits_double_up_to_a_minute() -> None:
    made, clock, told = outage()
    for _ in range(8):
        made.failed(DOWN, clock.now)
        made.wait()
    assert [wait for _, wait in told] == [2, 4, 8, 16, 32, 60, 60, 60]
    assert made.down
    assert made.reason == "down"
    made.answered()
    assert told[-1] == ("", 0.0)
    assert not made.down
    made.failed(DOWN, clock.now)
    assert told[-1] == ("down", 2.0)


def test_failures_of_one_moment_count_once() -> None:
    made, clock, told = outage()
    began = clock.now
    for _ in range(16):
        made.failed(DOWN, began)
    assert len(told) == 1


def test_patience_ends() -> None:
    made, clock, _ = outage(10)

    def go_on() -> None:
        while True:
            made.failed(DOWN, clock.now)
            made.wait()

    with pytest.raises(ModelUnavailable):
        go_on()
    assert 1010 <= clock.now <= 1030
    impatient, clock, _ = outage(0)
    with pytest.raises(ModelUnavailable):
        impatient.failed(DOWN, clock.now)


def test_an_answer_begins_patience_anew() -> None:
    made, clock, _ = outage(10)
    for _ in range(5):
        made.failed(DOWN, clock.now)
        clock.now += 9
        made.failed(DOWN, clock.now)
        made.answered()


def test_nobody_waits_who_was_told_to_stop() -> None:
    made, clock, _ = outage()
    made.failed(DOWN, clock.now)
    stop = Event()
    stop.set()
    made.wait(stop)
    assert clock.now == 1000.0
