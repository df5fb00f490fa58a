"""Calibrations of all models in use: read once, corrected by every report, and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Protocol

from ...domain.messages import Usage
from ..facts.model import ModelFacts
from .calibration import Calibration
from .features import Features

State = Mapping[str, Any]


class CalibrationStore(Protocol):
    """Where what was learnt is kept, by model and by the digest of the rules it corrects."""

    def get(self, model: str, rules: str) -> State | None:
        """What is kept, if anything."""
        ...

    def update(self, model: str, rules: str, change: Callable[[State | None], State]) -> State:
        """Replace what is kept by what `change` makes of it, in one transaction; returns the new state."""
        ...


class Calibrations:
    """Corrects counts by usage. Safe to share between threads, and between processes where the store is.

    Args:
        store: Keeps what was learnt; None forgets it with this object.
    """

    def __init__(self, store: CalibrationStore | None = None) -> None:
        self._store = store
        self._lock = Lock()
        self._current: dict[tuple[str, str], Calibration] = {}

    def of(self, facts: ModelFacts) -> Calibration:
        """What is known about a model's counting; other processes' reports join it with the next report here."""
        key = (facts.model, facts.counting)
        with self._lock:
            current = self._current.get(key)
        if current is not None:
            return current
        state = self._store.get(*key) if self._store else None
        read = Calibration.prior(facts) if state is None else Calibration.prior(facts).restored(state)
        with self._lock:
            return self._current.setdefault(key, read)

    def observe(self, facts: ModelFacts, features: Features, usage: Usage) -> Calibration:
        """Learn from what a provider reported for a prompt that has those features; returns what is known now."""
        key = (facts.model, facts.counting)
        if self._store is None:
            with self._lock:
                before = self._current.get(key) or Calibration.prior(facts)
                self._current[key] = before.observe(features, usage)
                return self._current[key]
        before = self.of(facts)
        if before.observe(features, usage) is before:
            return before  # nothing to learn, nothing to write
        prior = Calibration.prior(facts)

        def change(state: State | None) -> State:
            return (prior if state is None else prior.restored(state)).observe(features, usage).state()

        after = prior.restored(self._store.update(*key, change))
        with self._lock:
            # Of two threads that come here together the one that learnt from more is right.
            newest = max(after, self._current.get(key, after), key=lambda one: one.calls)
            self._current[key] = newest
            return newest
