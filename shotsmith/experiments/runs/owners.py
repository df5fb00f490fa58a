"""Which process is at a run."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from ...domain.errors import Busy
from ...domain.runs import Run
from ...engine import Engine
from ...storage.database import now

_SILENT_S = 60  # a process elsewhere that wrote nothing for so long is gone

_here: set[str] = set()
_lock = Lock()


@contextmanager
def owning(engine: Engine, run: Run) -> Iterator[None]:
    """Be at a run until the block ends; its state is "running" from now on.

    Raises:
        Busy: Somebody else is at it: both would pay for the same calls.
    """
    with _lock:
        if run.uid in _here:
            raise _busy(run, "this process")
        _here.add(run.uid)
    try:
        engine.runs.claim(run.uid, _owned)
        yield
    finally:
        with _lock:
            _here.discard(run.uid)


def idle(run: Run) -> None:
    """Raises Busy when somebody is at a run."""
    if run.uid in _here:
        raise _busy(run, "this process")
    _owned(run)


def _owned(run: Run) -> dict[str, Any]:
    """The run's facts with this process as its owner; raises Busy."""
    owner = run.facts.get("owner")
    mine = {"host": platform.node(), "pid": os.getpid(), "born": _born(os.getpid())}
    if run.state == "running" and owner and owner != mine and _alive(owner, mine, run):
        raise _busy(run, f"process {owner['pid']} on {owner['host']}")
    return {**run.facts, "owner": mine}


def _alive(owner: Mapping[str, Any], mine: Mapping[str, Any], run: Run) -> bool:
    if owner["host"] != mine["host"]:
        return (now() - run.updated_at).total_seconds() < _SILENT_S
    if owner["pid"] == mine["pid"]:
        return False  # this process would know
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # Numbers of processes are used again, soonest in containers.
    born = _born(owner["pid"])
    return born is None or owner.get("born") in (None, born)


def _born(pid: int) -> int | None:
    """When a process began, in ticks since the machine did; None where nobody tells, or for one that is dead."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return -1 if told[0] in "ZX" else int(told[19])
    except (OSError, ValueError, IndexError):
        return None


def _busy(run: Run, who: str) -> Busy:
    return Busy(f"{who} is at this run", field="name", value=run.name, mend="Wait for it, or stop it")
