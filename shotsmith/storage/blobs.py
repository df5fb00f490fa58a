"""Immutable bytes by content: `ab/cd/<sha256>` on a disk, in S3 or in memory."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from ..domain.errors import InvalidParameter, NotFound, Unavailable

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A content-addressed blob store.

    Args:
        url: obstore URL (file://, s3://, memory://).

    Raises:
        InvalidParameter: The URL is not one obstore can open.
    """

    def __init__(self, url: str) -> None:
        from obstore.exceptions import BaseError
        from obstore.store import LocalStore, MemoryStore, from_url

        self._store: Any
        try:
            if url.startswith("file://"):
                root = Path(url.removeprefix("file://"))
                root.mkdir(parents=True, exist_ok=True)
                self._store = LocalStore(root)
            elif url.startswith("memory:"):
                self._store = MemoryStore()
            else:
                self._store = from_url(url)
        except (BaseError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InvalidParameter(
                f"not a usable blob store: {reason}", field="blob_url", mend="Use file://, s3:// or memory://"
            ) from None

    def put(self, data: bytes) -> str:
        """Store bytes once; return their sha256."""
        from obstore.exceptions import AlreadyExistsError, BaseError

        sha256 = hashlib.sha256(data).hexdigest()
        try:
            self._store.put(_key(sha256), data, mode="create")
        except AlreadyExistsError:
            if bytes(self._store.get(_key(sha256)).bytes()) != data:
                # Damaged; its original has come back.
                self._store.put(_key(sha256), data, mode="overwrite")
        except (BaseError, OSError) as error:
            raise Unavailable(f"the blob store refuses to write: {error}", field="blob_url") from None
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes.

        Raises:
            NotFound: There is no such blob.
        """
        from obstore.exceptions import BaseError

        if not _SHA256.fullmatch(sha256):
            raise NotFound(
                "not the hash of an image", field="sha256", value=sha256, mend="Give 64 hex digits"
            )
        try:
            return bytes(self._store.get(_key(sha256)).bytes())
        except FileNotFoundError:
            raise NotFound(
                "the blob is missing", field="sha256", value=sha256, mend="Run `shotsmith doctor`"
            ) from None
        except (BaseError, OSError) as error:
            raise Unavailable(f"the blob store cannot be read: {error}", field="blob_url") from None

    def sound(self, sha256: str) -> bool:
        """Whether the blob exists and still hashes to its name."""
        try:
            return hashlib.sha256(self.get(sha256)).hexdigest() == sha256
        except NotFound:
            return False


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
