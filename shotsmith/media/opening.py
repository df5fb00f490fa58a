"""PyAV, the optional library that reads compressed sounds and videos, and its errors as ours."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..domain.errors import InvalidMedia, MissingExtra, ShotsmithError

if TYPE_CHECKING:
    from av.container import InputContainer

# Only the reader of the type that the first bytes tell is tried: no playlists, no protocols, no images.
_READERS = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
}


@contextmanager
def opened(data: bytes, mime: str, name: str) -> Iterator[InputContainer]:
    """The container in these bytes.

    Raises:
        MissingExtra: PyAV is not installed.
        InvalidMedia: The bytes cannot be read, here or within the context.
    """
    av = library(name, mime)
    try:
        # Tags in odd encodings are no reason to refuse what they are attached to.
        with av.open(
            io.BytesIO(data), mode="r", format=_READERS[mime], metadata_errors="ignore"
        ) as container:
            yield container
    except ShotsmithError:
        raise
    except (av.error.FFmpegError, ValueError, EOFError, OverflowError, IndexError) as error:
        raise InvalidMedia(
            f"the {mime} is damaged or in a form that is not read: {error}",
            field=name,
            mend="Export it again from its source",
        ) from None


def library(name: str, mime: str) -> Any:
    """The module `av`.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        import av
        import av.error
    except ImportError:
        raise MissingExtra(
            f"{mime} is read with PyAV, which is not installed",
            field=name,
            mend="pip install 'shotsmith[media]', or send PCM WAV, which is read without it",
        ) from None
    return av
