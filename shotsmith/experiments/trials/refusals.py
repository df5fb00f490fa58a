"""A model that refuses one prompt, told from one that refuses everything, such as a name that does not exist."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from ...domain.errors import ShotsmithError
from .keep import Record

_MOST = 5


class Refusals:
    """Holds what a model refused back until it has answered anything. Thread-safe.

    So thousands of calls are not refused one by one, and a run that goes on under a mended name asks all of them again.
    """

    def __init__(self) -> None:
        self._earlier: Callable[[str], bool] = lambda model: False
        self._answered: set[str] = set()
        self._held: dict[str, list[Record]] = {}
        self._last: dict[str, ShotsmithError] = {}
        self._lock = Lock()

    def begin(self, answered: Callable[[str], bool]) -> None:
        """More is to be asked; what was held back is forgotten, what answered is not.

        Args:
            answered: Whether a model answered in earlier sittings.
        """
        with self._lock:
            self._earlier = answered
            self._held, self._last = {}, {}

    def refused(self, model: str, error: ShotsmithError, record: Record) -> bool:
        """A call was refused.

        Returns:
            Whether the record counts now.

        Raises:
            The error, when the first few calls were all refused.
        """
        with self._lock:
            if model not in self._answered and model not in self._held and self._earlier(model):
                self._answered.add(model)
            if model in self._answered:
                return True
            held = self._held.setdefault(model, [])
            held.append(record)
            self._last[model] = error
            if len(held) >= _MOST:
                raise _everything(error, _MOST)
            return False

    def answered(self, model: str) -> list[Record]:
        """A call was answered. Returns what was held back."""
        if model in self._answered:
            return []
        with self._lock:
            self._answered.add(model)
            return self._held.pop(model, [])

    def end(self) -> None:
        """Nothing is left to ask. Raises the last error of a model that answered nothing."""
        with self._lock:
            for model, held in self._held.items():
                raise _everything(self._last[model], len(held))


def _everything(error: ShotsmithError, calls: int) -> ShotsmithError:
    said = "its only call" if calls == 1 else f"each of its first {calls} calls"
    return type(error)(
        f"the model refused {said}: {error.message}", field=error.field, value=error.value, mend=error.mend
    )
