"""How processes talk to the owner of an embedded index: where it listens, and what goes over the socket.

`owner.json` in the index directory (mode 0600) names the holder of `owner.lock`: its pid and, when it serves others,
its address and a random key with which both sides prove themselves before anything is unpickled.
"""

from __future__ import annotations

import copyreg
import hashlib
import os
import pickle
import tempfile
from dataclasses import asdict, dataclass, fields
from multiprocessing.connection import Connection
from operator import attrgetter
from pathlib import Path
from typing import Any

from ...domain.filters import Filter
from ...domain.protocols import Hit, Point, Search
from .edge_files import read_json, write_json

#: What may be called from another process.
METHODS = frozenset(
    (
        "create",
        "exists",
        "drop",
        "swap",
        "upsert",
        "delete",
        "search",
        "search_many",
        "search_per_label",
        "vectors",
        "count",
        "resolve",
        "page",
        "optimise",
        "flush",
    )
)

_LONGEST_ADDRESS = 100  # bytes; a Unix socket's path must fit into 104 to 108


def _pickle_by_fields(kind: type[Any]) -> None:
    """Three times as fast as the way in which frozen dataclasses with slots are pickled by default."""
    values = attrgetter(*(field.name for field in fields(kind)))
    copyreg.pickle(kind, lambda value: (kind, values(value)))


for _kind in (Filter, Hit, Point, Search):
    _pickle_by_fields(_kind)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the index open. Without an address it has it for itself."""

    pid: int
    address: str | None = None
    key: str | None = None

    def publish(self, root: Path) -> None:
        """Tell other processes. The caller holds the lock."""
        write_json(root / "owner.json", asdict(self), mode=0o600)


def read_holder(root: Path) -> Holder | None:
    """Who said last that it has the index open; it may be gone. None when it is nobody, or another user."""
    try:
        found = read_json(root / "owner.json")
    except PermissionError:
        return None
    return None if found is None else Holder(**found)


def forget_holder(root: Path) -> None:
    """Undo `publish`. The caller holds the lock."""
    (root / "owner.json").unlink(missing_ok=True)


def address_for(root: Path) -> str:
    """Where the owner of a directory listens: always the same place, so a dead one's socket can be removed."""
    digest = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:24]
    if os.name == "nt":
        return rf"\\.\pipe\shotsmith-{digest}"
    near = root.resolve() / "owner.sock"
    if len(os.fsencode(near)) <= _LONGEST_ADDRESS:
        return str(near)
    return str(Path(tempfile.gettempdir()) / f"shotsmith-{digest}.sock")


def send(connection: Connection, message: object) -> None:
    """Send one message."""
    connection.send_bytes(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))


def receive(connection: Connection) -> Any:
    """Wait for one message of a peer that has proved to know the key.

    Raises:
        EOFError: The peer is gone.
    """
    return pickle.loads(connection.recv_bytes())  # noqa: S301
