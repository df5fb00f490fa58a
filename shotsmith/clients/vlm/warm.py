"""Warm-up before fan-out: of requests that share a marked prefix, one goes first and fills the provider's cache.

A cache entry can be read only after the first answer to it begins (Anthropic's prompt caching guide), so requests that
start together all pay for the whole prefix, and where writing has a price, all pay that too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from ...domain.errors import InvalidParameter, ModelError
from ...domain.messages import Reply, Request


def warmed(
    requests: Sequence[Request], send: Callable[[Request], Reply], *, concurrency: int
) -> Iterator[Reply | ModelError]:
    """Send requests side by side, but of those with the same `prefix_key` one alone until it is answered.

    A failure does not warm a cache and neither does an answer out of the ledger: then the next of them goes alone.
    Requests without marks and requests with other prefixes wait for nobody.

    Args:
        requests: What to send; earlier ones start first.
        send: Answers one; called from several threads.
        concurrency: Most calls at the same time.

    Yields:
        For each request, in their order and as soon as it is its turn: the reply, or why there is none.

    Raises:
        InvalidParameter: A concurrency below 1.
        Exception: Whatever `send` raises that is no ModelError; what runs ends, what waits is not sent.
    """
    if concurrency < 1:
        raise InvalidParameter("at least one call at a time", field="concurrency", value=concurrency)
    return _run(_Schedule.of(requests), requests, send, concurrency)


def _run(
    schedule: _Schedule, requests: Sequence[Request], send: Callable[[Request], Reply], concurrency: int
) -> Iterator[Reply | ModelError]:
    def attempt(at: int) -> Reply | ModelError:
        try:
            return send(requests[at])
        except ModelError as error:
            return error

    outcomes: dict[int, Reply | ModelError] = {}
    running: dict[Future[Reply | ModelError], int] = {}
    with ThreadPoolExecutor(concurrency, thread_name_prefix="warmed") as threads:
        for turn in range(len(requests)):
            while turn not in outcomes:
                while len(running) < concurrency and (at := schedule.next()) is not None:
                    running[threads.submit(attempt, at)] = at
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(ended, key=running.__getitem__):
                    at = running.pop(future)
                    outcomes[at] = outcome = future.result()
                    schedule.ended(at, warm=isinstance(outcome, Reply) and not outcome.from_ledger)
            yield outcomes.pop(turn)


@dataclass
class _Schedule:
    """Which request may start next.

    Attributes:
        ready: Those that wait for nobody, the earliest on top.
        followers: Those that wait, by the one that is to warm their cache.
    """

    ready: list[int] = field(default_factory=list)
    followers: dict[int, deque[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, requests: Sequence[Request]) -> _Schedule:
        schedule = cls()
        leaders: dict[str, int] = {}
        for at, request in enumerate(requests):
            key = request.prefix_key
            leader = at if key is None else leaders.setdefault(key, at)
            if leader == at:
                schedule.ready.append(at)
            else:
                schedule.followers.setdefault(leader, deque()).append(at)
        heapify(schedule.ready)
        return schedule

    def next(self) -> int | None:
        return heappop(self.ready) if self.ready else None

    def ended(self, at: int, *, warm: bool) -> None:
        waiting = self.followers.pop(at, None)
        if not waiting:
            return
        if warm:
            for follower in waiting:
                heappush(self.ready, follower)
        else:
            leader = waiting.popleft()
            self.followers[leader] = waiting
            heappush(self.ready, leader)
