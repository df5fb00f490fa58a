"""A model that keeps callers who share a marked prefix apart until the provider's cache has it.

For callers who do not know of each other, such as requests to a service or the workers of a comparison; who holds all
requests at once takes `warm.warmed`, which keeps no thread waiting.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from ...domain.messages import Reply, Request
from ...domain.protocols import VLM

_KEPT_S = {"5m": 300.0, "1h": 3600.0}


class WarmingVLM:
    """Any model, of whose calls with the same `prefix_key` one goes alone until it is answered.

    A prefix counts as warm for `Request.mark_ttl` after its last use. A failure does not warm it, and neither does an
    answer out of a ledger: then the next caller goes alone. Safe to share between threads.

    Args:
        inner: Answers.
        clock: Seconds that only grow.
    """

    def __init__(self, inner: VLM, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._clock = clock
        self._warm_until: dict[str, float] = {}
        self._warming: set[str] = set()
        self._changed = threading.Condition()

    def complete(self, request: Request) -> Reply:
        """Answer one request, after the one that warms its prefix.

        Raises:
            ModelError: The model did not answer.
        """
        key = request.prefix_key
        if key is None:
            return self._inner.complete(request)
        leads = self._leads(key)
        try:
            reply = self._inner.complete(request)
            if not reply.from_ledger:
                self._keep(key, _KEPT_S[request.mark_ttl])
            return reply
        finally:
            if leads:
                with self._changed:
                    self._warming.discard(key)
                    self._changed.notify_all()

    def _leads(self, key: str) -> bool:
        """Wait for a warm prefix, or for the turn to warm it."""
        with self._changed:
            while self._warm_until.get(key, -math.inf) <= self._clock():
                if key not in self._warming:
                    self._warming.add(key)
                    return True
                self._changed.wait()
            return False

    def _keep(self, key: str, seconds: float) -> None:
        with self._changed:
            now = self._clock()
            self._warm_until = {kept: until for kept, until in self._warm_until.items() if until > now}
            self._warm_until[key] = now + seconds
