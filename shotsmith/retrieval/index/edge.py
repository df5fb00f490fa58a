"""The embedded index: Qdrant Edge under a directory, whoever has it open."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

from ...domain.errors import Busy, Unavailable
from ...domain.filters import Filter
from ...domain.protocols import Hit, Point, Search, Stored
from ...domain.scoring import Vector
from .base import pages
from .edge_client import OwnerClient, OwnerGone, OwnerProcess
from .edge_store import EdgeStore
from .edge_wire import Holder, forget_holder, read_holder
from .locks import FileLock

_POLL_SECONDS = 0.05


class EdgeIndex:
    """`VectorIndex` over a directory that one process at a time can open.

    Whoever comes first has it: a command or a notebook opens it in its own process ("inline"); a service starts one
    process that owns it and serves it over a local socket. Whoever comes later attaches to such an owner without
    noticing, or waits a little for an inline holder to finish. When an owner ends, its callers open the directory
    anew. Locks and sockets of killed processes are in nobody's way.

    Open it after forking, never before: an index opened inline cannot be used in a forked child.

    Args:
        root: The directory; created when missing.
        serving: Own the index in a separate process that others may attach to, instead of inline.
        wait: Seconds to wait for another process that has the index open inline.

    Raises:
        Busy: It still has it open then.
        Unavailable: The index cannot be opened.
    """

    def __init__(self, root: Path, *, serving: bool = False, wait: float = 5.0) -> None:
        self._root = Path(root)
        self._serving = serving
        self._wait = wait
        self._lock = RLock()
        self._pid = os.getpid()
        self._backend: _Inline | OwnerClient | None = self._open()

    @property
    def owner(self) -> int:
        """The process that has the index open."""
        backend = self._backend
        return os.getpid() if backend is None else backend.pid

    def create(self, collection: str, dims: Mapping[str, int]) -> None:
        """Create a collection with these spaces; a no-op when it exists with the same ones (Conflict otherwise)."""
        self._call("create", collection, dict(dims))

    def exists(self, collection: str) -> bool:
        """Whether the collection (or alias) exists."""
        return bool(self._call("exists", collection))

    def drop(self, collection: str) -> None:
        """Remove a collection, its points and its aliases; a no-op when there is none."""
        self._call("drop", collection)

    def swap(self, alias: str, collection: str) -> None:
        """Make `alias` name `collection` from now on, atomically; what it named before stays."""
        self._call("swap", alias, collection)

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Insert or replace whole points, durably against a killed process."""
        self._call("upsert", collection, list(points))

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored."""
        self._call("delete", collection, list(ids))

    def search(self, collection: str, search: Search) -> list[Hit]:
        """Nearest points in rank order."""
        hits: list[Hit] = self._call("search", collection, search)
        return hits

    def search_many(self, collection: str, searches: Sequence[Search]) -> list[list[Hit]]:
        """One result list per search, in their order."""
        hits: list[list[Hit]] = self._call("search_many", collection, list(searches))
        return hits

    def search_per_label(
        self, collection: str, search: Search, labels: Sequence[str]
    ) -> dict[str, list[Hit]]:
        """The nearest `search.limit` points that carry each label, on top of the filter."""
        hits: dict[str, list[Hit]] = self._call("search_per_label", collection, search, list(labels))
        return hits

    def vectors(self, collection: str, space: str, ids: Sequence[str]) -> dict[str, Vector]:
        """Stored unit vectors by id; points that are not there, or lack the space, are absent."""
        found: dict[str, Vector] = self._call("vectors", collection, space, list(ids))
        return found

    def count(self, collection: str, filter: Filter | None = None) -> int:
        """How many points pass the filter."""
        return int(self._call("count", collection, filter))

    def scroll(self, collection: str, page: int = 1000) -> Iterator[Stored]:
        """Every point once, in a stable order."""
        real: str = self._call("resolve", collection)
        return pages(real, page, lambda *where: self._call("page", *where))

    def optimise(self, collection: str) -> bool:
        """Build the approximate graph of a collection of more than 20,000 points; see `EdgeStore.optimise`."""
        return bool(self._call("optimise", collection))

    def flush(self) -> None:
        """Make everything durable against power loss."""
        self._call("flush")

    def close(self) -> None:
        """Flush and release the index. Idempotent."""
        with self._lock:
            backend, self._backend = self._backend, None
        if backend is not None and self._pid == os.getpid():
            backend.close()

    def _call(self, method: str, *arguments: object) -> Any:
        backend = self._backend
        if self._pid != os.getpid():
            raise Unavailable(
                "the embedded index was opened before this process was forked",
                mend="Open it after forking, or start processes with the spawn method",
            )
        if backend is None:
            raise Unavailable("the embedded index is closed", mend="Open it again")
        try:
            return backend.call(method, *arguments)
        except OwnerGone:
            backend = self._reopen(backend)
        try:
            return backend.call(method, *arguments)  # every operation may be repeated
        except OwnerGone:
            raise Unavailable(
                f"the process that owns the embedded index at {self._root} keeps ending",
                mend="Its error output says why",
            ) from None

    def _reopen(self, gone: _Inline | OwnerClient) -> _Inline | OwnerClient:
        with self._lock:
            if self._backend is gone:
                gone.close()
                self._backend = self._open()
            if self._backend is None:
                raise Unavailable("the embedded index is closed", mend="Open it again")
            return self._backend

    def _open(self) -> _Inline | OwnerClient:
        deadline = time.monotonic() + self._wait
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            while not (
                opened := self._attach() or (self._own() if self._serving else _Inline.open(self._root))
            ):
                if time.monotonic() >= deadline:
                    raise self._busy()
                time.sleep(_POLL_SECONDS)
        except OSError as error:
            raise Unavailable(
                f"the embedded index at {self._root} cannot be opened: {error}",
                mend="Check that the directory is writable",
            ) from error
        return opened

    def _attach(self, process: OwnerProcess | None = None) -> OwnerClient | None:
        holder = read_holder(self._root)
        if holder is None or holder.address is None:
            return None
        try:
            return OwnerClient(holder, process)
        except OwnerGone:
            return None

    def _own(self) -> OwnerClient | None:
        lock = FileLock(self._root / "owner.lock")
        if not lock.acquire():
            return None
        lock.release()
        process = OwnerProcess.start(self._root)
        client = None if process is None else self._attach(process)
        if process is not None and client is None:
            process.close()
        return client

    def _busy(self) -> Busy:
        holder = read_holder(self._root)
        if holder is not None and holder.pid == os.getpid():
            return Busy(
                f"this process has the embedded index at {self._root} open", mend="Share it, or close it"
            )
        who = "another process" if holder is None else f"process {holder.pid}"
        return Busy(
            f"{who} has the embedded index at {self._root} open",
            mend="Close it there, or run `shotsmith serve` there so that others can attach",
        )


class _Inline:
    """The index opened in this process; closed at exit if not before."""

    def __init__(self, root: Path, lock: FileLock) -> None:
        self.pid = os.getpid()
        self._store = EdgeStore(root)
        Holder(self.pid).publish(root)
        self._finalizer = weakref.finalize(self, _let_go, self._store, root, lock, self.pid)

    @classmethod
    def open(cls, root: Path) -> _Inline | None:
        """None when another process holds the directory."""
        lock = FileLock(root / "owner.lock")
        if not lock.acquire():
            return None
        try:
            return cls(root, lock)
        except BaseException:
            lock.release()
            raise

    def call(self, method: str, *arguments: object) -> Any:
        """Call a method of the store."""
        return getattr(self._store, method)(*arguments)

    def close(self) -> None:
        """Flush and release. Idempotent."""
        self._finalizer()


def _let_go(store: EdgeStore, root: Path, lock: FileLock, pid: int) -> None:
    if pid == os.getpid():  # a forked child inherits the finalizer, not the engine
        store.close()
        forget_holder(root)
        lock.release()
