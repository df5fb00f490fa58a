"""The call ledger: an answer that was paid for is never paid for again.

The request's key covers model, endpoint, messages and sampling parameters, so a repeat gives the stored answer even
where the model would draw another one. Who wants a new draw changes `seed`. Failures are not answers and are not
stored.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace
from typing import Protocol, runtime_checkable

from ...domain.errors import InvalidParameter, ModelUnavailable
from ...domain.messages import Reply, Request
from ...domain.protocols import VLM


@runtime_checkable
class Ledger(Protocol):
    """Where answers are kept, by request."""

    def get(self, key: str) -> Reply | None:
        """The stored answer to the request with that key, if there is one."""
        ...

    def put(self, request: Request, reply: Reply) -> None:
        """Store an answer; the first one stored for a request stays."""
        ...


class MemoryLedger:
    """A ledger that lasts as long as its process."""

    def __init__(self) -> None:
        self._replies: dict[str, Reply] = {}

    def get(self, key: str) -> Reply | None:
        """The stored answer, if there is one."""
        return self._replies.get(key)

    def put(self, request: Request, reply: Reply) -> None:
        """Store an answer; the first one stays."""
        self._replies.setdefault(request.key, reply)

    def __len__(self) -> int:
        return len(self._replies)


class LedgeredVLM:
    """Any model with a memory. Equal requests at the same time share one call, and its failure.

    A reply that cost nothing now says so by `from_ledger`; its cost and latency are those of the call when it was made.

    Args:
        inner: Answers what the ledger does not know.
        ledger: Where answers are kept; an answer is stored before it is returned.
    """

    def __init__(self, inner: VLM, ledger: Ledger) -> None:
        self._inner = inner
        self._ledger = ledger
        self._flights: dict[str, Future[Reply]] = {}
        self._lock = threading.Lock()

    def complete(self, request: Request) -> Reply:
        """The stored answer, or a new one that is stored.

        Raises:
            ModelError: The model did not answer.
            InvalidParameter: The parameters are not JSON, so the request has no key.
        """
        key = _key(request)
        with self._lock:
            flight = self._flights.get(key)
            first = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if not first:
            return replace(flight.result(), from_ledger=True)
        try:
            reply = self._answer(key, request)
            flight.set_result(reply)
            return reply
        except Exception as error:
            flight.set_exception(error)
            raise
        except BaseException:
            flight.set_exception(
                ModelUnavailable("the call was interrupted", field="model", value=request.model)
            )
            raise
        finally:
            with self._lock:
                del self._flights[key]

    def _answer(self, key: str, request: Request) -> Reply:
        if (stored := self._ledger.get(key)) is not None:
            return replace(stored, from_ledger=True)
        reply = self._inner.complete(request)
        self._ledger.put(request, replace(reply, from_ledger=False))
        return reply


def _key(request: Request) -> str:
    try:
        return request.key
    except (TypeError, ValueError) as error:
        raise InvalidParameter(
            f"the parameters are not JSON: {error}",
            field="parameters",
            mend="Use finite numbers and plain values",
        ) from None
