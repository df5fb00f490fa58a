"""Worker processes on this machine."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from ...domain.errors import Unavailable
from .base import In, Out

_LOOK_S = 0.5


class Processes:
    """Fresh processes, so that no lock or connection is shared by forking. They end when this process does, however.

    Args:
        width: How many; by default one a core.
    """

    nodes = 1
    elsewhere = True

    def __init__(self, width: int | None = None) -> None:
        self.width = width or os.cpu_count() or 1

    def map(self, work: Callable[[In], Out], jobs: Sequence[In]) -> Iterator[Out]:
        """The results as they come. Raises what a job raises, or Unavailable when a process was killed."""
        with ProcessPoolExecutor(
            self.width, mp_context=get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),)
        ) as pool:
            futures = [pool.submit(work, job) for job in jobs]
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
            finally:
                pool.shutdown(cancel_futures=True)


def _end_with(parent: int) -> None:
    """Leave when the parent is gone: a worker that went on would spend money that nobody watches."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(1)

    threading.Thread(target=look, daemon=True, name="end-with-parent").start()
