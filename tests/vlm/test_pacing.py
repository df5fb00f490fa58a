"""How calls to one model are paced: alone by a clock of the test's own, by many threads, and against a real server."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from openai_server import OpenAIServer, Recorded, Scripted, completion, failure
from pydantic import SecretStr
from wire import ask, said

from shotsmith import Engine
from shotsmith.clients.vlm import open_model
from shotsmith.clients.vlm.litellm import LiteLLM
from shotsmith.clients.vlm.pacing import Pace, PaceSnapshot, Paused
from shotsmith.domain.errors import InvalidParameter, ModelRateLimited
from shotsmith.settings import Settings

# litellm filters these itself when it is imported, and pytest takes its filters away.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:.*`ReadOnly` qualifier:UserWarning:pydantic\."),
    pytest.mark.usefixtures("litellm"),
]


class Refused(Exception):
    """What litellm raises, as far as the pace looks at it."""

    def __init__(self, status: int = 429, **headers: str) -> None:
        super().__init__(status)
        self.status_code = status
        self.litellm_response_headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Calls:
    """Calls that overlap, in one thread."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.open: list[ExitStack] = []

    def begin(self, many: int = 1) -> None:
        for _ in range(many):
            call = ExitStack()
            call.enter_context(self.pace.slot())
            self.open.append(call)

    def end(self, many: int = 1, error: BaseException | None = None) -> None:
        for _ in range(many):
            call = self.open.pop(0)
            if error is None:
                call.close()
            else:
                call.__exit__(type(error), error, None)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def calls(clock):
    def make(**options):
        return Calls(Pace(clock=clock, sleep=clock.sleep, **options))

    return make


def limit(calls: Calls) -> int:
    return calls.pace.snapshot().limit


def test_a_refusal_halves_and_answers_raise_by_one_a_round(calls):
    some = calls(most=16)
    some.begin(16)
    some.end(error=Refused())
    assert limit(some) == 8
    some.end(15)
    assert limit(some) == 9  # 15 answers: 8 for the ninth place, 9 for another
    some.begin(2)
    some.end(2)
    assert limit(some) == 10
    for _ in range(1000):
        some.begin()
        some.end()
    assert limit(some) == 16


def test_refusals_of_one_round_trip_count_once(calls):
    some = calls(most=16)
    some.begin(16)
    some.end(10, Refused())
    assert limit(some) == 8
    some.begin(2)
    some.end(6, Refused(503))  # began before the decrease
    assert limit(some) == 8
    some.end(2, Refused(529))
    assert limit(some) == 4
    assert some.pace.snapshot().throttled == 18


def test_half_of_what_was_in_use_not_of_what_was_allowed(calls):
    some = calls(most=256)
    some.begin(10)
    some.end(error=Refused())
    assert limit(some) == 5


def test_never_below_one(calls):
    some = calls(most=2)
    for _ in range(5):
        some.begin()
        some.end(error=Refused())
    assert limit(some) == 1


def test_a_small_start_doubles_until_the_first_refusal(calls):
    some = calls(most=64, start=2)
    for expected in (4, 8, 16):
        some.begin(many := limit(some))
        some.end(many)
        assert limit(some) == expected
    some.begin(16)
    some.end(error=Refused())
    some.end(15)
    some.begin(8)
    some.end(8)
    assert limit(some) == 10  # one more for 8 answers, then for 9, then 6 of 10
    some.pace.start(4)
    some.begin(4)
    some.end(4)
    assert limit(some) == 5  # where doubling ends is known


def test_a_start_keeps_a_lower_limit(calls):
    some = calls(most=8)
    some.begin(8)
    some.end(error=Refused())
    some.end(7, ValueError())
    some.pace.start(8)
    assert limit(some) == 4


@pytest.mark.parametrize(
    "error",
    [ValueError(), Refused(500), Refused(400), Refused(429, x_should_retry="false"), KeyboardInterrupt()],
)
def test_other_failures_change_nothing(calls, error):
    some = calls(most=4, start=2)
    some.begin()
    some.end(error=error)
    now = some.pace.snapshot()
    assert (now.limit, now.in_flight, now.throttled) == (2, 0, 0)


def test_all_calls_wait_for_the_told_pause(calls, clock):
    some = calls(most=4)
    some.begin(3)
    some.end(error=Refused(retry_after="30"))
    assert some.pace.snapshot().pause_s == 30
    clock.now += 10
    some.end(2, error=Refused(retry_after="5"))  # a shorter one does not end it
    some.begin()
    assert clock.now == 1030
    now = some.pace.snapshot()
    assert (now.waited_s, now.pause_s) == (20, 0)


def test_a_pause_beyond_the_patience_is_told(calls, clock):
    some = calls(most=4)
    some.begin()
    some.end(error=Refused(retry_after="3600"))
    with pytest.raises(Paused) as caught, some.pace.slot(patience_s=600):
        pass
    assert caught.value.seconds == 3600
    assert clock.now == 1000
    assert some.pace.snapshot() == PaceSnapshot(
        limit=1, most=4, in_flight=0, waiting=0, throttled=1, waited_s=0, pause_s=3600
    )


@pytest.mark.parametrize(
    ("options", "field"), [({"most": 0}, "most"), ({"start": 0}, "start"), ({"most": 3, "start": 4}, "start")]
)
def test_limits_that_cannot_be_are_refused(options, field):
    with pytest.raises(InvalidParameter, match=rf"^{field}: "):
        Pace(**options)


class Alone(RuleBasedStateMachine):
    """Every order of beginnings, answers, refusals and pauses, beside the rules in their plainest form."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.most = 12
        self.pace = Pace(most=self.most, start=3, clock=self.clock, sleep=self.clock.sleep)
        self.calls = Calls(self.pace)
        self.born: list[int] = []
        self.resume_at = 0.0
        self.halved = 0
        self.limit = 3

    @property
    def free(self) -> bool:
        return len(self.calls.open) < self.pace.snapshot().limit

    @precondition(lambda self: self.free)
    @rule()
    def begin(self) -> None:
        self.calls.begin()
        self.born.append(self.halved)
        assert self.clock.now >= self.resume_at

    @precondition(lambda self: self.calls.open)
    @rule()
    def answer(self) -> None:
        self.calls.end()
        self.born.pop(0)
        now = self.pace.snapshot().limit
        assert self.limit <= now <= self.limit + 1
        self.limit = now

    @precondition(lambda self: self.calls.open)
    @rule(told=st.none() | st.integers(0, 50))
    def refuse(self, told: int | None) -> None:
        error = Refused() if told is None else Refused(retry_after=str(told))
        self.resume_at = max(self.resume_at, self.clock.now + (told or 0))
        self.calls.end(error=error)
        fresh = self.born.pop(0) == self.halved
        self.halved += fresh
        now = self.pace.snapshot().limit
        assert now <= max(self.limit // 2, 1) if fresh else now == self.limit
        self.limit = now

    @rule(seconds=st.floats(0, 20))
    def later(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def bounds(self) -> None:
        now = self.pace.snapshot()
        assert 1 <= now.limit <= self.most
        assert (now.in_flight, now.waiting) == (len(self.calls.open), 0)


TestAlone = Alone.TestCase
TestAlone.settings = settings(max_examples=100, stateful_step_count=40)


class Provider:
    """Takes so many calls at once, refuses the others, and knows what it saw."""

    def __init__(self, pace: Pace, capacity: int, pause_s: float) -> None:
        self._pace = pace
        self._capacity = capacity
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._inside = 0
        self.answered = 0
        self.beyond: list[tuple[int, int]] = []

    def call(self) -> bool:
        """Whether it was answered."""
        try:
            with self._pace.slot():
                self._attempt()
        except Refused:
            return False
        return True

    def _attempt(self) -> None:
        with self._lock:
            self._inside += 1
            refused = self._inside > self._capacity
            now = self._pace.snapshot()
            # A limit that fell meanwhile calls nobody back.
            if self._inside > now.limit and now.throttled == 0:
                self.beyond.append((self._inside, now.limit))
        time.sleep(0.001)
        with self._lock:
            self._inside -= 1
            if refused:
                raise Refused(retry_after_ms=str(self._pause_s * 1000))
            self.answered += 1


@settings(max_examples=15)
@given(
    most=st.integers(1, 60),
    start=st.integers(1, 60),
    capacity=st.integers(1, 20),
    pause_s=st.sampled_from([0.0, 0.002]),
)
def test_fifty_threads_all_get_their_turn(most, start, capacity, pause_s):
    pace = Pace(most=most, start=min(start, most))
    provider = Provider(pace, capacity, pause_s)

    def work(_: int) -> None:
        for _ in range(4):
            while not provider.call():
                pass

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(work, range(50), timeout=60))
    now = pace.snapshot()
    assert provider.answered == 200
    assert provider.beyond == []
    assert (now.in_flight, now.waiting) == (0, 0)
    assert 1 <= now.limit <= most


def test_no_more_threads_than_the_limit_are_inside():
    pace = Pace(most=7)
    inside, seen, lock = [0], set(), threading.Lock()

    def work(_: int) -> None:
        with pace.slot():
            with lock:
                inside[0] += 1
                seen.add(inside[0])
            time.sleep(0.001)
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(work, range(500), timeout=60))
    assert max(seen) == 7


def test_no_thread_begins_during_a_pause_and_all_begin_after_it():
    pace = Pace(most=20)
    with pytest.raises(Refused), pace.slot():
        raise Refused(retry_after_ms="200")
    over = time.monotonic() + pace.snapshot().pause_s
    begun: list[float] = []

    def work(_: int) -> None:
        with pace.slot():
            begun.append(time.monotonic())

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(work, range(50), timeout=60))
    assert len(begun) == 50
    assert min(begun) >= over - 0.005


def test_who_came_first_goes_first():
    pace = Pace(most=1)
    order: list[int] = []
    threads = []

    def work(number: int) -> None:
        with pace.slot():
            order.append(number)

    with pace.slot():
        for number in range(10):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            until = time.monotonic() + 10
            while pace.snapshot().waiting <= number and time.monotonic() < until:
                time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    assert order == list(range(10))


def test_one_who_gives_up_lets_the_next_go():
    """A wait that fails, here for its pause, must not take the place of those behind."""

    def interrupted(seconds: float) -> None:
        raise InterruptedError

    pace = Pace(most=1, sleep=interrupted)
    with pytest.raises(Refused), pace.slot():
        raise Refused(retry_after="60")
    for _ in range(3):
        with pytest.raises(InterruptedError), pace.slot():
            pass
    assert pace.snapshot().waiting == 0


# Through litellm

KEY = SecretStr("planted-key-0123456789")
HELLO = [said("user", "hello")]


class LimitedServer(OpenAIServer):
    """Takes so many calls at once and asks the others to come back."""

    def __init__(self, capacity: int, latency_s: float) -> None:
        super().__init__()
        self._capacity = capacity
        self._latency_s = latency_s
        self._lock = threading.Lock()
        self._inside = 0
        self.statuses: list[int] = []

    def answer(self, request: Recorded) -> Scripted:
        with self._lock:
            self._inside += 1
            refused = self._inside > self._capacity
            self.statuses.append(429 if refused else 200)
        # A refusal is quick, yet occupies nothing.
        if refused:
            with self._lock:
                self._inside -= 1
            return failure(429, "too many", headers={"retry-after-ms": "50"})
        time.sleep(self._latency_s)
        return completion()

    def replied(self, request: Recorded) -> None:
        with self._lock:
            self._inside = max(self._inside - 1, 0)


def test_a_rate_limited_server_answers_all_and_refuses_few():
    server = LimitedServer(capacity=8, latency_s=0.05)
    pace = Pace(most=32, start=2)
    vlm = LiteLLM("openai/m", api_base=server.url, api_key=KEY, pace=pace, attempts=8)
    try:
        with ThreadPoolExecutor(32) as threads:
            replies = list(threads.map(lambda _: ask(vlm, HELLO).text, range(250)))
    finally:
        server.close()
    assert replies == ["cat"] * 250
    late = server.statuses[len(server.statuses) // 2 :]
    assert late.count(429) <= len(late) / 8
    assert 1 <= pace.snapshot().limit <= 16
    assert pace.snapshot().throttled == server.statuses.count(429)


def test_a_retry_that_sleeps_holds_no_slot(server):
    pace = Pace(most=1)
    asleep, wake = threading.Event(), threading.Event()

    def sleep(seconds: float) -> None:
        asleep.set()
        assert wake.wait(10)

    server.enqueue(failure(500))
    sleeper = LiteLLM("openai/m", api_base=server.url, api_key=KEY, pace=pace, sleep=sleep)
    other = LiteLLM("openai/m", api_base=server.url, api_key=KEY, pace=pace)
    replies = []
    thread = threading.Thread(target=lambda: replies.append(ask(sleeper, HELLO).notes))
    thread.start()
    assert asleep.wait(30)
    assert ask(other, HELLO).text == "cat"
    wake.set()
    thread.join(10)
    assert replies == [("answered at attempt 2",)]


def test_waiting_for_a_turn_is_no_latency_and_ends_no_deadline(server, monkeypatch):
    monkeypatch.setattr("shotsmith.clients.vlm.litellm._BACKOFF", lambda state: 0)
    pace = Pace(most=1)
    vlm = LiteLLM(
        "openai/m", api_base=server.url, api_key=KEY, pace=pace, deadline_s=0.5, sleep=lambda _: None
    )
    ask(vlm, HELLO)  # litellm loads the provider
    server.enqueue(failure(500))
    replies = []
    with pace.slot():
        thread = threading.Thread(target=lambda: replies.append(ask(vlm, HELLO)))
        thread.start()
        time.sleep(0.8)
    thread.join(30)
    [reply] = replies
    assert reply.notes == ("answered at attempt 2",)
    assert reply.latency_ms < 500


def test_others_are_told_at_once_of_a_pause_beyond_the_deadline(server):
    vlm = LiteLLM("openai/m", api_base=server.url, api_key=KEY, deadline_s=60)
    server.enqueue(failure(429, headers={"retry-after": "3600"}))
    for _ in range(2):
        with pytest.raises(ModelRateLimited, match="Try again in 3600 s") as caught:
            ask(vlm, HELLO)
        assert caught.value.value == "openai/m"
    assert len(server.requests) == 1


# Through the engine


@pytest.fixture
def engine(tmp_path):
    with Engine(Settings(data_dir=tmp_path, index_url="memory:", model="openai/m")) as engine:
        yield engine


def test_a_provider_has_one_pace_for_each_model(engine):
    assert engine.pace("openai/m") is engine.pace("openai/m") is engine.pace()
    assert engine.pace("openai/m") is not engine.pace("openai/n")


@pytest.mark.parametrize("name", ["offline/knn-vote", "simulated/voter", "fake/x"])
def test_what_runs_in_this_process_has_none(engine, name):
    assert engine.pace(name) is None
    engine.model(name)


def test_the_engine_opens_models_with_their_pace(engine, monkeypatch):
    opened = {}

    def spy(name, **options):
        opened[name] = options.get("pace")
        return open_model(name, **options)

    monkeypatch.setattr("shotsmith.engine.asking.open_model", spy)
    engine.model("openai/m")
    engine.model("openai/m")
    assert opened == {"openai/m": engine.pace("openai/m")}


def test_factories_that_know_no_pace_open(monkeypatch):
    class Plain:
        def __init__(self, model, *, api_base=None, api_key=None, encoder=None):
            self.model = model

    monkeypatch.setattr("shotsmith.registry.names", lambda kind: ["plain", "litellm"])
    monkeypatch.setattr("shotsmith.registry.load", lambda kind, name: Plain)
    assert open_model("plain/x", pace=Pace()).model == "plain/x"
