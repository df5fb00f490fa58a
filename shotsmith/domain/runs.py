"""Runs of experiments, as they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

RunState = Literal["running", "paused", "stopped", "done"]
"""Under way (or killed); waiting for a provider or for people; out of budget; finished."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of an experiment: what was planned, and where it stands.

    Attributes:
        uid: Stable identity.
        name: How people refer to it.
        file: The experiment file, as plain JSON.
        facts: What was found when it began: the pool's version, the items, the arms.
        state: Where it stands.
        message: Why it does not go on, in words.
        created_at: UTC.
        updated_at: UTC.
        spent: What each sitting spent, by an id of its own.
    """

    uid: str
    name: str
    file: Mapping[str, Any]
    facts: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    state: RunState = "running"
    message: str = ""
    spent: Mapping[str, Any] = field(default_factory=dict)
