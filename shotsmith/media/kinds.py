"""What bytes are: image, sound or video, by their first bytes and never by what somebody says of them."""

from __future__ import annotations

from pathlib import PurePath

from .. import imaging
from ..domain.errors import InvalidMedia
from ..domain.media import MediaKind

UNKNOWN = "application/octet-stream"
#: Extensions of sounds and videos, and the types that their content may have.
EXTENSIONS: dict[str, tuple[str, ...]] = {
    ".wav": ("audio/wav",),
    ".mp3": ("audio/mpeg",),
    ".flac": ("audio/flac",),
    ".ogg": ("audio/ogg",),
    ".oga": ("audio/ogg",),
    ".opus": ("audio/ogg",),
    ".mp4": ("video/mp4", "video/quicktime"),
    ".m4v": ("video/mp4",),
    ".mov": ("video/quicktime", "video/mp4"),
    ".webm": ("video/webm",),
    ".mkv": ("video/x-matroska", "video/webm"),
    ".avi": ("video/x-msvideo",),
}
#: Extensions of kinds that the intake refuses with a reason; passing over them would lose data in silence.
REFUSED: dict[str, MediaKind] = {
    **dict.fromkeys((".m4a", ".aac", ".wma", ".aif", ".aiff", ".amr"), "audio"),
    **dict.fromkeys((".ogv", ".wmv", ".flv", ".mpg", ".mpeg", ".ts"), "video"),
}
_STILL_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")


def sniff(data: bytes) -> str:
    """Media type by magic bytes; "application/octet-stream" when unknown."""
    if data[:4] == b"RIFF" and data[8:12] in (b"WAVE", b"AVI "):
        return "audio/wav" if data[8:12] == b"WAVE" else "video/x-msvideo"
    if data.startswith(b"fLaC"):
        return "audio/flac"
    if data.startswith(b"OggS"):
        return "audio/ogg"
    if data.startswith(b"ID3") or _mpeg_layer_3(data):
        return "audio/mpeg"
    if data[4:8] == b"ftyp":
        return _iso(data[8:12])
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in data[:64] else "video/x-matroska"
    return imaging.sniff(data)


def kind_of(mime: str) -> MediaKind | None:
    """The kind of a media type; None for what is neither image nor sound nor video."""
    family = mime.partition("/")[0]
    return {"image": "image", "audio": "audio", "video": "video"}.get(family)  # type: ignore[return-value]


def claimed_kind(name: str) -> MediaKind | None:
    """The kind that a file name tells of; None where it tells nothing of sounds and videos."""
    suffix = PurePath(name).suffix.lower()
    return REFUSED.get(suffix) or (kind_of(EXTENSIONS[suffix][0]) if suffix in EXTENSIONS else None)


def check_name(name: str, mime: str) -> None:
    """Refuse a sound or a video whose file name contradicts its content.

    Raises:
        InvalidMedia: For such a name.
    """
    suffix = PurePath(name).suffix.lower()
    claimed = EXTENSIONS.get(suffix) or (
        (imaging.EXTENSIONS[suffix],) if suffix in imaging.EXTENSIONS else ()
    )
    if claimed and mime not in claimed:
        raise InvalidMedia(
            f"the name says {claimed[0]}, the content is {mime}",
            field=name,
            mend="Rename the file to match its content",
        )


def _mpeg_layer_3(data: bytes) -> bool:
    """Whether a frame of MPEG audio layer III begins here: sync word, a version, the layer, a rate."""
    return (
        len(data) > 3
        and data[0] == 0xFF
        and data[1] & 0xE0 == 0xE0
        and (data[1] >> 3) & 3 != 1
        and (data[1] >> 1) & 3 == 1
        and data[2] >> 4 not in (0, 15)
        and (data[2] >> 2) & 3 != 3
    )


def _iso(brand: bytes) -> str:
    if brand in _STILL_BRANDS or brand.startswith(b"M4A"):
        return UNKNOWN
    return "video/quicktime" if brand == b"qt  " else "video/mp4"
