"""Several items in work at the same time, and what comes of them in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def side_by_side(do: Callable[[In], Out], items: Iterable[In], workers: int) -> Iterator[Out]:
    """What comes of each item, in their order; after the first failure none is begun any more.

    Raises:
        What the first item in their order that failed raised.
    """
    failed = Event()

    def guarded(item: In) -> list[Out]:
        # Items start in order, so the one that failed is met, and its error raised, before any that is left out here.
        if failed.is_set():
            return []
        try:
            return [do(item)]
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(workers, thread_name_prefix="items") as threads:
        futures = [threads.submit(guarded, item) for item in items]
        try:
            for future in futures:
                yield from future.result()
        finally:
            threads.shutdown(cancel_futures=True)
