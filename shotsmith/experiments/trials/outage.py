"""A provider that is down for a while: everybody waits, says so, and tries again."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock

from ...domain.errors import ModelError

_FIRST_S, _LONGEST_S = 2.0, 60.0


class Outage:
    """Pauses all askers of a run when calls fail that may succeed later. Thread-safe.

    The wait doubles from 2 to 60 s while nothing succeeds. Retries of single calls are not its business: what it hears
    of has failed for good already.

    Args:
        patience_s: After so long without an answer it gives up; 0 never waits.
        told: Hears why it waits and for how many seconds; of an empty reason when it is over.
        clock: Seconds.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        patience_s: float = 900.0,
        *,
        told: Callable[[str, float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience_s = patience_s
        self._told = told
        self._clock = clock
        self._sleep = sleep
        self._lock = Lock()
        self._since: float | None = None
        self._until = 0.0
        self._waits = 0
        self._reason = ""

    @property
    def reason(self) -> str:
        """What the last failure said."""
        return self._reason

    @property
    def down(self) -> bool:
        """Whether the last that was heard was a failure."""
        with self._lock:
            return self._since is not None

    def wait(self, stop: Event | None = None) -> None:
        """Until calls may be tried again, or nobody wants to any more."""
        while (left := self._until - self._clock()) > 0 and not (stop and stop.is_set()):
            self._sleep(min(left, 0.5))

    def failed(self, error: ModelError, began: float) -> None:
        """A call failed that began at some time of the clock.

        Raises:
            The error, when patience is over.
        """
        with self._lock:
            now = self._clock()
            if self._since is None:
                self._since = now
            if now - self._since >= self._patience_s:
                raise error
            if began < self._until:
                return  # it was on its way when another one failed, or waits are already running
            pause = min(_FIRST_S * 2**self._waits, _LONGEST_S)
            self._waits += 1
            self._reason = str(error)
            self._until = now + pause
            if self._told:
                self._told(str(error), pause)

    def answered(self) -> None:
        """A call succeeded: whatever was wrong is over."""
        if self._since is None:
            return
        with self._lock:
            if self._since is not None and self._told:
                self._told("", 0.0)
            self._since, self._waits, self._until = None, 0, 0.0
