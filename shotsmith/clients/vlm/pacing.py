"""How many calls a model gets at once: as many as its provider takes, found out as TCP finds out what a line carries.

Refusals halve the limit and answers raise it by one a round trip, which converges on an efficient and fair share of a
capacity that nobody tells (Chiu & Jain 1989, doi:10.1016/0169-7552(89)90019-6). A small start doubles every round trip
until the first refusal, and the refusals of one round trip count as one (Jacobson 1988, doi:10.1145/52324.52356).
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, Lock

from ...domain.errors import InvalidParameter
from .failures import is_transient, retry_after

MOST = 256
_OVERLOADED = frozenset({429, 503, 529})  # 529 is Anthropic's "overloaded"


class Paused(Exception):
    """The provider wants no calls for longer than a caller can wait.

    Attributes:
        seconds: How long.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no calls for {seconds:g} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class PaceSnapshot:
    """A pace at one moment.

    Attributes:
        limit: Most calls at once, now.
        most: What the limit never passes.
        in_flight: Calls that were sent and not answered yet.
        waiting: Calls that wait for their turn.
        throttled: Calls that the provider refused because of load, since the start.
        waited_s: Seconds that calls waited for their turn, all together, since the start.
        pause_s: Seconds for which the provider still wants no call.
    """

    limit: int
    most: int
    in_flight: int
    waiting: int
    throttled: int
    waited_s: float
    pause_s: float


class Pace:
    """Keeps the calls to one model at one endpoint below what it takes. Safe to share between threads.

    Calls go in the order in which they came. A refusal because of load (429, 503, 529) halves what was in use, once
    for all calls that had begun by then, and where the provider says how long to wait, every call waits.

    Args:
        most: What the limit never passes.
        start: The first limit, which doubles every round trip until the first refusal; by default `most`.
        clock: Seconds that only grow.
        sleep: How to wait for the end of a pause.

    Raises:
        InvalidParameter: Not 1 <= start <= most.
    """

    def __init__(
        self,
        *,
        most: int = MOST,
        start: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if most < 1:
            raise InvalidParameter(
                "at least one call at a time", field="most", value=most, mend="Give 1 or more"
            )
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._lock = Lock()
        self._queue: deque[Condition] = deque()
        self._limit = most
        self._doubling = False
        self._in_flight = 0
        self._peak = 0  # most calls in flight since the last decrease
        self._answers = 0  # since the limit last changed
        self._decreases = 0
        self._resume_at = -math.inf
        self._throttled = 0
        self._waited_s = 0.0
        if start is not None:
            self.start(start)

    def start(self, calls: int) -> None:
        """Begin with so many at once, for a run of many calls that must not arrive like a blow.

        From there the limit doubles every round trip, unless a refusal has told already where that ends. A limit that
        is lower stays.

        Raises:
            InvalidParameter: Not 1 <= calls <= most.
        """
        if not 1 <= calls <= self._most:
            raise InvalidParameter(
                "no limit to begin with", field="start", value=calls, mend=f"Give 1 to {self._most}"
            )
        with self._lock:
            self._limit = min(calls, self._limit)
            self._answers = 0
            self._doubling = self._decreases == 0

    def snapshot(self) -> PaceSnapshot:
        """The counters now."""
        with self._lock:
            return PaceSnapshot(
                limit=self._limit,
                most=self._most,
                in_flight=self._in_flight,
                waiting=len(self._queue),
                throttled=self._throttled,
                waited_s=self._waited_s,
                pause_s=max(self._resume_at - self._clock(), 0.0),
            )

    @contextmanager
    def slot(self, *, patience_s: float = math.inf) -> Iterator[float]:
        """Around one attempt, whose outcome sets the limit; not around a wait between attempts.

        Args:
            patience_s: The longest pause of the provider's to wait for; the turn itself is always waited for.

        Yields:
            Seconds that the attempt waited.

        Raises:
            Paused: The provider's pause is longer.
        """
        began, waited_s = self._enter(patience_s)
        try:
            yield waited_s
        except BaseException as error:
            self._leave(began, error)
            raise
        self._leave(began, None)

    def _enter(self, patience_s: float) -> tuple[int, float]:
        came = self._clock()
        with self._lock:
            mine = Condition(self._lock)
            self._queue.append(mine)
            try:
                self._wait(mine, patience_s)
                self._in_flight += 1
            finally:
                # Whatever ended the wait: who was behind may be the next to go, and nobody else would say so.
                self._queue.remove(mine)
                self._wake()
                self._waited_s += (waited_s := self._clock() - came)
            self._peak = max(self._peak, self._in_flight)
            return self._decreases, waited_s

    def _wait(self, mine: Condition, patience_s: float) -> None:
        slept_until = -math.inf
        while True:
            if self._queue[0] is not mine or self._in_flight >= self._limit:
                mine.wait()
                continue
            resume_at = self._resume_at
            left = resume_at - self._clock()
            if left <= 0 or resume_at <= slept_until:
                return
            if left > patience_s:
                raise Paused(left)
            # Those behind wait as well, and who ends a call meanwhile needs the lock.
            self._lock.release()
            try:
                self._sleep(left)
            finally:
                self._lock.acquire()
            slept_until = resume_at

    def _leave(self, began: int, error: BaseException | None) -> None:
        with self._lock:
            if error is None:
                self._grow()
            elif getattr(error, "status_code", None) in _OVERLOADED and is_transient(error):
                self._shrink(began, retry_after(error))
            self._in_flight -= 1
            self._wake()

    def _grow(self) -> None:
        self._answers += 1
        if self._limit < self._most and (self._doubling or self._answers >= self._limit):
            self._limit += 1
            self._answers = 0

    def _shrink(self, began: int, told_s: float | None) -> None:
        self._throttled += 1
        if told_s is not None:
            self._resume_at = max(self._resume_at, self._clock() + told_s)
        if began < self._decreases:
            return  # sent at the higher limit, which was halved since
        # Half of a limit that was never used would change nothing.
        self._limit = max(min(self._limit, self._peak) // 2, 1)
        self._peak = self._in_flight - 1
        self._answers = 0
        self._decreases += 1
        self._doubling = False

    def _wake(self) -> None:
        """The next in line, if it may go; it wakes the one behind it in turn."""
        if self._queue and self._in_flight < self._limit:
            self._queue[0].notify()
