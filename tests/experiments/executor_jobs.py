"""What worker processes are told to do in tests."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from shotsmith.domain import errors


def square(number: int) -> int:
    return number * number


def fail(name: str) -> None:
    raise getattr(errors, name)("said", field="some.field", value=3, mend="Mend it")


def overspend(_: int) -> None:
    from shotsmith.experiments.trials import BudgetSpent

    raise BudgetSpent("spent", field="budget.calls", value=3, mend="Raise it")


def kill_own_process(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def work_for_ever(folder: str) -> None:
    """Tells its process, and when it was let come to its end."""
    place = Path(folder)
    (place / f"{os.getpid()}.begun").touch()
    try:
        while True:
            time.sleep(0.05)
    finally:
        (place / f"{os.getpid()}.ended").touch()


def employ(folder: str) -> None:
    """A parent with two workers."""
    from shotsmith.experiments.executors.process import Processes

    try:
        list(Processes(2).map(work_for_ever, [folder, folder]))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    import executor_jobs  # so that workers know the functions by this name

    executor_jobs.employ(sys.argv[1])
