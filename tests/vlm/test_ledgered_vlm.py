import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.clients.vlm.fake import FakeVLM
from shotsmith.clients.vlm.ledger import Ledger, LedgeredVLM, MemoryLedger
from shotsmith.domain.errors import InvalidParameter, ModelRateLimited, ModelUnavailable
from shotsmith.domain.messages import Message, Reply, Request, TextPart, Usage
from shotsmith.domain.protocols import VLM


def request(text="q", **parameters):
    return Request("fake/m", (Message("user", (TextPart(text),)),), parameters)


PAID = Reply("cat", "served", Usage(10, 2, 5), 0.25, 120.0, "length", notes=("dropped seed",))


def test_keeps_the_seams():
    assert isinstance(MemoryLedger(), Ledger)
    assert isinstance(LedgeredVLM(FakeVLM([]), MemoryLedger()), VLM)


def test_a_repeat_gives_the_stored_answer_with_its_price():
    inner = FakeVLM([PAID])
    vlm = LedgeredVLM(inner, MemoryLedger())
    first, second = vlm.complete(request()), vlm.complete(request())
    assert first == PAID
    assert second.from_ledger
    assert (
        second.text,
        second.usage,
        second.cost_usd,
        second.latency_ms,
        second.finish_reason,
        second.notes,
    ) == (
        PAID.text,
        PAID.usage,
        PAID.cost_usd,
        PAID.latency_ms,
        PAID.finish_reason,
        PAID.notes,
    )
    assert len(inner.requests) == 1


def test_another_client_of_the_same_ledger_pays_nothing():
    ledger = MemoryLedger()
    LedgeredVLM(FakeVLM([PAID]), ledger).complete(request())
    assert LedgeredVLM(FakeVLM([]), ledger).complete(request()).from_ledger


def test_an_answer_is_stored_before_it_is_returned():
    class Broken(MemoryLedger):
        def put(self, request, reply):
            raise ModelUnavailable("the disk is full")

    with pytest.raises(ModelUnavailable, match="disk"):
        LedgeredVLM(FakeVLM([PAID]), Broken()).complete(request())


def test_what_an_inner_ledger_knew_is_stored_as_an_answer():
    inner, outer = MemoryLedger(), MemoryLedger()
    LedgeredVLM(FakeVLM([PAID]), inner).complete(request())
    reply = LedgeredVLM(LedgeredVLM(FakeVLM([]), inner), outer).complete(request())
    assert reply.from_ledger
    assert outer.get(request().key) == PAID


def test_failures_are_not_answers():
    ledger = MemoryLedger()
    vlm = LedgeredVLM(FakeVLM([ModelRateLimited("slow down"), "cat"]), ledger)
    with pytest.raises(ModelRateLimited):
        vlm.complete(request())
    assert len(ledger) == 0
    assert vlm.complete(request()) == Reply("cat", "fake/scripted", cost_usd=0.0)


def test_a_request_without_a_key_is_refused():
    with pytest.raises(InvalidParameter, match="not JSON"):
        LedgeredVLM(FakeVLM(["cat"]), MemoryLedger()).complete(request(temperature=float("nan")))


class Gate:
    """An inner model that answers only when it is let."""

    def __init__(self, outcome="cat"):
        self.entered, self.open = threading.Event(), threading.Event()
        self.fake = FakeVLM(self._wait)
        self.outcome = outcome

    def _wait(self, request):
        self.entered.set()
        assert self.open.wait(30)
        return self.outcome


class WatchedVLM(LedgeredVLM):
    """Tells when somebody has looked for a call under way, so that the test knows when all wait."""

    def __init__(self, inner):
        super().__init__(inner, MemoryLedger())
        asked = self.asked = threading.Semaphore(0)

        class Flights(dict):
            def get(self, key):
                asked.release()
                return super().get(key)

        self._flights = Flights()


def rush(gate, callers):
    vlm = WatchedVLM(gate.fake)
    with ThreadPoolExecutor(callers) as threads:
        waiting = [threads.submit(vlm.complete, request()) for _ in range(callers)]
        for _ in range(callers):
            assert vlm.asked.acquire(timeout=30)
        gate.open.set()
    return waiting


def test_equal_requests_at_the_same_time_are_one_call():
    gate = Gate()
    replies = [future.result() for future in rush(gate, 6)]
    assert [reply.text for reply in replies] == ["cat"] * 6
    assert sorted(reply.from_ledger for reply in replies) == [False] + [True] * 5
    assert len(gate.fake.requests) == 1


def test_equal_requests_at_the_same_time_share_a_failure():
    gate = Gate(ModelRateLimited("slow down"))
    outcomes = [future.exception() for future in rush(gate, 4)]
    assert all(isinstance(outcome, ModelRateLimited) for outcome in outcomes)
    assert len(gate.fake.requests) == 1


def test_an_interrupt_stays_with_the_caller_it_hit():
    class Interrupted:
        entered, go = threading.Event(), threading.Event()

        def complete(self, request):
            self.entered.set()
            assert self.go.wait(30)
            raise KeyboardInterrupt

    inner = Interrupted()
    vlm = WatchedVLM(inner)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(vlm.complete, request())
        assert inner.entered.wait(30)
        second = threads.submit(vlm.complete, request())
        for _ in range(2):
            assert vlm.asked.acquire(timeout=30)
        inner.go.set()
        assert isinstance(first.exception(), KeyboardInterrupt)
        assert isinstance(second.exception(), ModelUnavailable)


def test_different_requests_do_not_wait_for_each_other():
    gate = Gate()
    vlm = LedgeredVLM(
        FakeVLM(lambda request: gate._wait(request) if not request.parameters else "dog"), MemoryLedger()
    )
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(vlm.complete, request())
        assert gate.entered.wait(30)
        assert vlm.complete(request(seed=1)).text == "dog"
        gate.open.set()
        assert slow.result().text == "cat"


@given(asked=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=20))
def test_pays_once_for_each_distinct_request(asked):
    """Text and parameters tell requests apart; answers are always those of the first call."""
    drawn = iter(range(1000))
    inner = FakeVLM(lambda request: str(next(drawn)))
    vlm = LedgeredVLM(inner, MemoryLedger())
    seen: dict[tuple[str, int], str] = {}
    for text, seed in asked:
        reply = vlm.complete(request(text, seed=seed))
        assert reply.from_ledger == ((text, seed) in seen)
        assert seen.setdefault((text, seed), reply.text) == reply.text
    assert len(inner.requests) == len(seen)


def test_first_stored_answer_stays():
    ledger = MemoryLedger()
    ledger.put(request(), PAID)
    ledger.put(request(), Reply("dog", "served"))
    assert ledger.get(request().key) == PAID
