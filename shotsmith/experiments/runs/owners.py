"""Which process is at a run."""

from __future__ import annotations

import os
import platform
from datetime import UTC
from typing import Any

from ...domain.errors import Busy
from ...domain.runs import Run
from ...storage.database import now

_SILENT_S = 60  # a process elsewhere that wrote nothing for so long is gone


def owned(run: Run) -> dict[str, Any]:
    """The run's facts with this process as its owner.

    Raises:
        Busy: Another process is at it: both would pay for the same calls.
    """
    owner, mine = run.facts.get("owner"), {"host": platform.node(), "pid": os.getpid()}
    if run.state == "running" and owner and owner != mine:
        updated = run.updated_at if run.updated_at.tzinfo else run.updated_at.replace(tzinfo=UTC)
        here = owner["host"] == mine["host"]
        alive = _alive(owner["pid"]) if here else (now() - updated).total_seconds() < _SILENT_S
        if alive:
            raise Busy(
                f"process {owner['pid']} on {owner['host']} is at this run",
                field="name",
                value=run.name,
                mend="Wait for it, or stop it",
            )
    return {**run.facts, "owner": mine}


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
