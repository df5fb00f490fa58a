"""Answers that come together share a transaction of the ledger, and nothing else."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from shotsmith.domain.messages import Message, Reply, Request, TextPart
from shotsmith.storage import CallLedger


def request(text: str) -> Request:
    return Request("openai/m", (Message("user", (TextPart(text),)),))


@pytest.fixture
def held(database, monkeypatch):
    """A ledger of which the test holds the first transaction, with what was written in each."""
    entered, go = threading.Event(), threading.Event()
    transactions: list[int] = []
    write = database.write

    @contextmanager
    def held_write():
        transactions.append(1)
        if len(transactions) == 1:
            entered.set()
            assert go.wait(10)
        with write() as connection:
            yield connection

    monkeypatch.setattr(database, "write", held_write)
    return CallLedger(database), entered, go, transactions


def put_together(held, replies):
    """What each raised: the first is written on its own, the others while that lasts."""
    ledger, entered, go, _ = held
    with ThreadPoolExecutor(16) as threads:
        futures = []
        for text, reply in replies:
            futures.append(threads.submit(ledger.put, request(text), reply))
            assert entered.wait(10)
        until = time.monotonic() + 10
        while len(ledger._waiting) < len(replies) - 1 and time.monotonic() < until:
            time.sleep(0.001)
        go.set()
        return [future.exception(10) for future in futures]


def test_those_who_wait_are_written_in_one_transaction(held):
    ledger, _, _, transactions = held
    texts = [f"text {number}" for number in range(10)]
    assert put_together(held, [(text, Reply(text, "m")) for text in texts]) == [None] * 10
    assert len(transactions) == 2
    assert [ledger.get(request(text).key).text for text in texts] == texts


def test_the_first_answer_of_a_request_stays(held):
    replies = [("a", Reply("one", "m")), ("b", Reply("two", "m")), ("a", Reply("three", "m"))]
    assert put_together(held, replies) == [None] * 3
    assert held[0].get(request("a").key).text == "one"


def test_one_that_cannot_be_stored_fails_alone(held):
    good, bad = Reply("good", "m"), Reply("bad", "m", finish_reason=object())
    errors = put_together(held, [("a", good), ("b", good), ("c", bad), ("d", good)])
    assert [error is not None for error in errors] == [False, False, True, False]
    stored = [held[0].get(request(text).key) for text in "abcd"]
    assert [reply and reply.text for reply in stored] == ["good", "good", None, "good"]
