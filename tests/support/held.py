"""A model that answers a call when the test lets it go."""

from __future__ import annotations

import threading

from shotsmith.domain.messages import Mark, Message, Reply, Request, TextPart


def marked(query: str, prefix: str | None = "fixed") -> Request:
    """A query behind a marked instruction, or behind one that is not marked."""
    turns = (Message("system", (TextPart(prefix or ""),)), Message("user", (TextPart(query),)))
    return Request("m", turns, marks=(Mark(0, 0),) if prefix is not None else ())


def query_of(request: Request) -> str:
    return request.messages[-1].parts[0].text


class Held:
    """Answers each call with its query, or with what the test says.

    Attributes:
        started: The queries that have come in.
    """

    def __init__(self) -> None:
        self.started: list[str] = []
        self._changed = threading.Condition()
        self._answers: dict[str, Reply | Exception] = {}

    def complete(self, request: Request) -> Reply:
        query = query_of(request)
        with self._changed:
            self.started.append(query)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: query in self._answers, timeout=10)
            answer = self._answers[query]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def let_go(self, *queries: str, answer: Reply | Exception | None = None) -> None:
        with self._changed:
            self._answers.update((query, answer or Reply(query, "m")) for query in queries)
            self._changed.notify_all()

    def running(self, *queries: str) -> None:
        """Wait until exactly these have come in."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.started) >= len(queries), timeout=10)
            assert sorted(self.started) == sorted(queries)
