"""A lock on a directory that ends with the process that holds it, however that ends."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


class FileLock:
    """An exclusive advisory lock on a file, between processes and within one. Not reentrant.

    It is the operating system's: `flock` where there is fcntl, `msvcrt.locking` on Windows. Both vanish with the
    process, so `kill -9` leaves nothing to clean up. A child made by `os.fork` shares the lock and prolongs it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Try once; whether the lock is now held.

        Raises:
            OSError: The file cannot be opened, or the file system has no locks.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno in _HELD:
                return False
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back. Idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
