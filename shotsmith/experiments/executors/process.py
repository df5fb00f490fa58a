"""Worker processes on this machine."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import Any

from ...domain.errors import Unavailable
from .base import In, Out

_LOOK_S = 0.25


class Processes:
    """Fresh processes, so that no lock or connection is shared by forking. They end when this process does, however.

    Args:
        width: How many; by default one a core.
    """

    elsewhere = True
    nodes = 1

    def __init__(self, width: int | None = None) -> None:
        self.width = width or os.cpu_count() or 1

    def map(self, work: Callable[[In], Out], jobs: Sequence[In]) -> Iterator[Out]:
        """The results as they come.

        An interrupt reaches the workers as well, which then come to the end of what they have begun.

        Raises:
            What a job raises, or Unavailable when a process was killed.
        """
        spawn = get_context("spawn")
        stop = spawn.Event()
        with ProcessPoolExecutor(
            self.width, mp_context=spawn, initializer=_begin, initargs=(os.getpid(), stop)
        ) as pool:
            futures = [pool.submit(partial(_run, work), job) for job in jobs]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BrokenProcessPool:
                raise Unavailable(
                    "a worker process was killed",
                    field="executor",
                    value="process",
                    mend="Run it again: it goes on where it was; with fewer workers if memory ran out",
                ) from None
            except (KeyboardInterrupt, GeneratorExit):
                stop.set()
                raise
            finally:
                pool.shutdown(cancel_futures=True)


_state = {"busy": False, "stopping": False}


def _begin(parent: int, stop: Event) -> None:
    """Set a worker up: interrupts come from the parent alone, and when it is gone, so is the worker.

    One that went on would spend money that nobody watches.
    """
    signal.signal(signal.SIGINT, _interrupted)

    def look() -> None:
        while os.getppid() == parent:
            if stop.wait(_LOOK_S) and not _state["stopping"]:
                _state["stopping"] = True
                signal.raise_signal(signal.SIGINT)
            elif _state["stopping"]:
                threading.Event().wait(_LOOK_S)
        os._exit(1)

    threading.Thread(target=look, daemon=True, name="end-with-parent").start()


def _interrupted(*_: Any) -> None:
    # A terminal interrupts every process at once; the parent's word is enough, and one at rest has nothing to end.
    if _state["stopping"] and _state["busy"]:
        _state["busy"] = False
        raise KeyboardInterrupt


def _run(work: Callable[[In], Out], job: In) -> Out:
    if _state["stopping"]:
        raise KeyboardInterrupt
    _state["busy"] = True
    try:
        return work(job)
    finally:
        _state["busy"] = False
