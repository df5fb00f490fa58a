"""The process that owns an embedded index: `python -m shotsmith.retrieval.index.edge_owner DIRECTORY`.

Started by `EdgeIndex(serving=True)`. It says "ready" or "busy" on stdout, serves any process of the same user over a
local socket, and lives as long as its stdin is open, that is, no longer than its parent. Signals meant for the whole
process group are its parent's business: it flushes and leaves when the parent has.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path
from threading import Event, Thread

from ...domain.errors import ShotsmithError, Unavailable
from .edge_store import EdgeStore
from .edge_wire import METHODS, Holder, address_for, forget_holder, receive, send
from .locks import FileLock

_FLUSH_SECONDS = 2.0
_BACKLOG = 128


class Owner:
    """Serves one store to any number of connections."""

    def __init__(self, store: EdgeStore, listener: Listener, key: bytes) -> None:
        self._store = store
        self._listener = listener
        self._key = key
        self._ending = Event()

    def serve(self) -> None:
        """Accept connections until the listener is closed, each in a thread of its own."""
        while True:
            try:
                connection = self._listener.accept()
            except OSError:
                return
            Thread(target=self._converse, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Finish the call that is being answered, flush, and answer no other."""
        self._ending.set()
        self._store.close()

    def _converse(self, connection: Connection) -> None:
        with connection, suppress(AuthenticationError, EOFError, OSError):
            deliver_challenge(connection, self._key)
            answer_challenge(connection, self._key)
            while True:
                reply = self._reply(*receive(connection))
                if self._ending.is_set() and not reply[0]:
                    return  # hanging up sends the caller to the next owner
                send(connection, reply)

    def _reply(self, method: str, arguments: tuple[object, ...]) -> tuple[bool, object]:
        if method not in METHODS:
            return False, Unavailable("the index's owner runs another version", mend="Restart the service")
        try:
            return True, getattr(self._store, method)(*arguments)
        except ShotsmithError as error:
            return False, error
        except Exception as error:
            return False, Unavailable(f"the embedded index failed: {type(error).__name__}: {error}")


def main(root: Path) -> None:
    """Own a directory until stdin ends."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    lock = FileLock(root / "owner.lock")
    if not lock.acquire():
        print("busy", flush=True)
        return
    address = address_for(root)
    if os.name != "nt":
        Path(address).unlink(missing_ok=True)  # left by a killed owner; the lock says that there is none now
    key = secrets.token_hex(32)
    store = EdgeStore(root)
    with Listener(address, backlog=_BACKLOG) as listener:
        owner = Owner(store, listener, key.encode())
        Thread(target=owner.serve, daemon=True).start()
        Holder(os.getpid(), address, key).publish(root)
        print("ready", flush=True)
        _outlive_nobody(store)
        owner.close()
    forget_holder(root)
    lock.release()


def _outlive_nobody(store: EdgeStore) -> None:
    """Return when the parent is gone; until then, flush what was written now and then."""
    orphaned = Event()
    parent = os.getppid()

    def watch() -> None:
        sys.stdin.buffer.read()
        orphaned.set()

    Thread(target=watch, daemon=True).start()
    # Another child of the parent may hold the pipe open, so its pid is watched as well.
    while not orphaned.wait(_FLUSH_SECONDS) and os.getppid() == parent:
        try:
            store.flush()
        except ShotsmithError as error:
            print(error, file=sys.stderr)  # whoever writes next is told as well


if __name__ == "__main__":
    main(Path(sys.argv[1]))
