"""The caller's side of an embedded index that another process owns."""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path
from threading import Lock
from typing import Any

from ...domain.errors import Unavailable
from .edge_wire import Holder, receive, send

_CLOSING_SECONDS = 60.0


class OwnerGone(Exception):
    """The owner ended, or had ended already; whatever was asked of it can be asked again."""


class OwnerProcess:
    """The owner that this process started, and that ends with it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @classmethod
    def start(cls, root: Path) -> OwnerProcess | None:
        """Start one and wait until it serves; None when another process holds the directory.

        Raises:
            Unavailable: It could not open the index; its stderr says why.
        """
        # Find this very package, and nothing that happens to lie in the current directory.
        places = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", "shotsmith.retrieval.index.edge_owner", str(root.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, places)),
                "OPENBLAS_NUM_THREADS": "1",  # for a few rows a second thread costs more than it does
            },
            start_new_session=True,  # Ctrl-C is for the service, which then closes the index
        )
        assert process.stdout is not None
        with process.stdout as said:
            state = said.readline().strip()
        owner = cls(process)
        if state == b"ready":
            return owner
        owner.close()
        if state == b"busy":
            return None
        raise Unavailable(
            f"the process that should own the embedded index at {root} ended with status {process.returncode}",
            mend="Its error output says why",
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def close(self) -> None:
        """Let it flush and end. Idempotent."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class OwnerClient:
    """Calls to an owner, over as many connections as there are calls at a time.

    Args:
        holder: Whom to call.
        process: The owner, when this process started it.
    """

    def __init__(self, holder: Holder, process: OwnerProcess | None = None) -> None:
        assert holder.address is not None
        assert holder.key is not None
        self._address = holder.address
        self._key = holder.key.encode()
        self.pid = holder.pid
        self._process = process
        self._lock = Lock()
        self._idle: list[Connection] = [self._connect()]

    def call(self, method: str, *arguments: object) -> Any:
        """Have the owner call a method of its store.

        Raises:
            OwnerGone: It did not answer.
            ShotsmithError: What the method raised.
        """
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            send(connection, (method, arguments))
            done, value = receive(connection)
        except (EOFError, OSError) as error:
            connection.close()
            raise OwnerGone from error
        except BaseException:
            connection.close()  # an answer may be under way that nobody will read
            raise
        with self._lock:
            self._idle.append(connection)
        if done:
            return value
        raise value

    def close(self) -> None:
        """Hang up and, when this process started the owner, let it end."""
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()
        if self._process is not None:
            self._process.close()

    def _connect(self) -> Connection:
        try:
            return Client(self._address, authkey=self._key)
        except (OSError, EOFError, AuthenticationError) as error:
            raise OwnerGone from error
