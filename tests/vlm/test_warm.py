"""Who may start when, told by a fake that holds every call until the test lets it go."""

import threading

import pytest
from held import Held, marked, query_of
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.clients.vlm.warm import warmed
from shotsmith.domain.errors import InvalidParameter, ModelUnavailable
from shotsmith.domain.messages import Mark, Message, Reply, Request, TextPart


class Run:
    """A schedule that runs in a thread of its own."""

    def __init__(self, requests: list[Request], concurrency: int = 8) -> None:
        self.held = Held()
        self.outcomes: list[Reply | Exception] = []
        self._results = warmed(requests, self.held.complete, concurrency=concurrency)
        self._thread = threading.Thread(target=lambda: self.outcomes.extend(self._results))
        self._thread.start()

    def end(self) -> list[Reply | Exception]:
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.outcomes


def test_one_goes_first_and_the_rest_after_its_answer():
    run = Run([marked(query) for query in "abcd"])
    run.held.running("a")
    run.held.let_go("a")
    run.held.running(*"abcd")
    run.held.let_go(*"dcb")
    assert [reply.text for reply in run.end()] == list("abcd")


def test_other_prefixes_and_unmarked_requests_wait_for_nobody():
    run = Run([marked("a"), marked("b"), marked("c", None), marked("d", None), marked("e", "other")])
    run.held.running(*"acde")
    run.held.let_go("e", "c")
    run.held.let_go("a")
    run.held.running(*"acdeb")
    run.held.let_go("b", "d")
    assert [reply.text for reply in run.end()] == list("abcde")


def test_what_did_not_warm_the_cache_is_followed_by_one_again():
    run = Run([marked(query) for query in "abcd"])
    run.held.running("a")
    run.held.let_go("a", answer=ModelUnavailable("busy", field="model", value="m"))
    run.held.running(*"ab")
    run.held.let_go("b", answer=Reply("b", "m", from_ledger=True))
    run.held.running(*"abc")
    run.held.let_go("c")
    run.held.running(*"abcd")
    run.held.let_go("d")
    failed, *answered = run.end()
    assert isinstance(failed, ModelUnavailable)
    assert [reply.text for reply in answered] == list("bcd")


def test_no_more_calls_at_once_than_allowed():
    run = Run([marked(query, None) for query in "abcde"], concurrency=2)
    run.held.running(*"ab")
    run.held.let_go("b")
    run.held.running(*"abc")
    run.held.let_go(*"acde")
    assert [reply.text for reply in run.end()] == list("abcde")


def test_other_errors_end_it_and_send_nothing_more():
    sent = []

    def send(request: Request) -> Reply:
        sent.append(query_of(request))
        raise LookupError(query_of(request))

    with pytest.raises(LookupError, match="a"):
        list(warmed([marked(query) for query in "abc"], send, concurrency=2))
    assert sent == ["a"]


def test_nothing_to_send_and_nobody_to_send_it():
    assert list(warmed([], pytest.fail, concurrency=1)) == []
    with pytest.raises(InvalidParameter, match="concurrency"):
        warmed([], pytest.fail, concurrency=0)


def test_the_prefix_ends_at_the_last_mark():
    turns = (Message("system", (TextPart("s"),)), Message("user", (TextPart("x"), TextPart("y"))))
    marked = [Request("m", turns, marks=marks) for marks in [(Mark(0, 0),), (Mark(1, 0), Mark(0, 0))]]
    other = (turns[0], Message("user", (TextPart("x"), TextPart("z"))))
    assert len({one.prefix_key for one in marked}) == 2
    assert Request("m", other, marks=marked[1].marks).prefix_key == marked[1].prefix_key
    assert Request("m", turns).prefix_key is None
    assert Request("n", turns, marks=marked[0].marks).prefix_key != marked[0].prefix_key


@given(
    st.lists(
        st.tuples(st.sampled_from(["x", "y", None]), st.sampled_from(["new", "kept", "fails"])), max_size=12
    ),
    st.integers(1, 4),
)
def test_every_request_is_sent_once_and_none_into_a_cold_cache_beside_another(plan, concurrency):
    lock = threading.Lock()
    warm: set[str] = set()
    flying: dict[str, int] = {}
    sent: list[int] = []

    def send(request: Request) -> Reply:
        at, prefix, outcome = int(query_of(request)), *plan[int(query_of(request))]
        with lock:
            sent.append(at)
            assert prefix is None or prefix in warm or not flying.get(prefix)
            flying[prefix] = flying.get(prefix, 0) + 1
        with lock:
            flying[prefix] -= 1
            if outcome == "new":
                warm.add(prefix)
        if outcome == "fails":
            raise ModelUnavailable("busy", field="model", value="m")
        return Reply(str(at), "m", from_ledger=outcome == "kept")

    requests = [marked(str(at), prefix) for at, (prefix, _) in enumerate(plan)]
    outcomes = list(warmed(requests, send, concurrency=concurrency))
    assert sorted(sent) == list(range(len(plan)))
    for at, (outcome, (_, planned)) in enumerate(zip(outcomes, plan, strict=True)):
        assert isinstance(outcome, ModelUnavailable) if planned == "fails" else outcome.text == str(at)
