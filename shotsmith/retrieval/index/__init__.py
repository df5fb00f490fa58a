"""The vector index: in memory, embedded in a directory, or on a Qdrant server; the same hits from each."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from ...domain.errors import InvalidInput
from ...domain.protocols import VectorIndex

__all__ = ["open_index"]


def open_index(
    url: str | None, path: Path, api_key: SecretStr | None = None, *, serving: bool = False
) -> VectorIndex:
    """Open the index that the settings name.

    Args:
        url: None for the embedded index, "memory:", or `http(s)://host:port` of a Qdrant server; with `?grpc=PORT`
            points travel over gRPC.
        path: Directory of the embedded index; created when missing.
        api_key: For the Qdrant server.
        serving: Whether a long-lived service opens the embedded index, so that other processes may attach to it.

    Raises:
        InvalidInput: The URL names no index.
        Busy: Another process has the embedded index open.
        Unavailable: The embedded index cannot be opened.
    """
    if url is None:
        from .edge import EdgeIndex

        return EdgeIndex(path, serving=serving)
    if url == "memory:":
        from .memory import MemoryIndex

        return MemoryIndex()
    if urlsplit(url).scheme in ("http", "https"):
        from .qdrant import QdrantIndex

        return QdrantIndex(url, api_key)
    raise InvalidInput(
        "no index answers to that URL",
        field="index_url",
        value=url.split("@")[-1],
        mend='Use "memory:", http(s)://host:port of a Qdrant server, or leave it out for the embedded index',
    )
