"""Callers who do not know of each other, and a model that is held until the test lets it go."""

import threading

import pytest
from held import Held, marked

from shotsmith.clients.vlm.warming import WarmingVLM
from shotsmith.domain.errors import ModelUnavailable
from shotsmith.domain.messages import Reply
from shotsmith.domain.protocols import VLM


class Callers:
    """Each asks in a thread of its own."""

    def __init__(self) -> None:
        self.held = Held()
        self.now = 0.0
        self.outcomes: dict[str, object] = {}
        self._vlm = WarmingVLM(self.held, clock=lambda: self.now)
        self._threads: list[threading.Thread] = []

    def call(self, *queries: str, prefix: str | None = "fixed") -> None:
        def ask(query: str) -> None:
            try:
                self.outcomes[query] = self._vlm.complete(marked(query, prefix)).text
            except ModelUnavailable as error:
                self.outcomes[query] = error

        for query in queries:
            thread = threading.Thread(target=ask, args=(query,))
            self._threads.append(thread)
            thread.start()

    def end(self) -> dict[str, object]:
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        return self.outcomes


@pytest.fixture
def callers():
    return Callers()


def test_one_goes_first_and_the_rest_after_its_answer(callers):
    callers.call("a")
    callers.held.running("a")
    callers.call("b", "c")
    callers.call("d", prefix=None)
    callers.call("e", prefix="other")
    callers.held.running(*"ade")
    callers.held.let_go("a")
    callers.held.running(*"abcde")
    callers.held.let_go(*"bcde")
    assert callers.end() == {query: query for query in "abcde"}


@pytest.mark.parametrize(
    "cold", [ModelUnavailable("busy", field="model", value="m"), Reply("a", "m", from_ledger=True)]
)
def test_what_did_not_warm_the_cache_is_followed_by_one_again(callers, cold):
    callers.call("a")
    callers.held.running("a")
    callers.call("b")
    callers.held.let_go("a", answer=cold)
    callers.held.running(*"ab")
    callers.call("c")
    callers.held.let_go("b")
    callers.held.running(*"abc")
    callers.held.let_go("c")
    assert callers.end() == {"a": cold if isinstance(cold, Exception) else "a", "b": "b", "c": "c"}


def test_a_prefix_is_cold_again_when_it_was_not_used_for_its_time(callers):
    callers.held.let_go("a", "b")
    callers.call("a")
    callers.end()
    callers.now = 200.0
    callers.call("b")
    callers.end()
    callers.now = 499.0  # b used it at 200
    callers.call("c", "d")
    callers.held.running(*"abcd")
    callers.held.let_go(*"cd")
    callers.end()
    callers.now = 800.0
    callers.call("e")
    callers.held.running(*"abcde")
    callers.call("f")
    callers.held.let_go("e")
    callers.held.running(*"abcdef")
    callers.held.let_go("f")
    assert callers.end() == {query: query for query in "abcdef"}


def test_it_is_a_model():
    assert isinstance(WarmingVLM(Held()), VLM)
