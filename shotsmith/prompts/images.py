"""Images as they are sent: unchanged where that is possible, otherwise small and stripped of everything else."""

from __future__ import annotations

import io

from PIL import Image

from .. import imaging
from ..domain.messages import ImagePart
from . import clean

# Raised when the rule below changes what comes out, so that cached images of an older rule are not found.
_RULE = 1
_LOSSLESS = {"image/png", "image/bmp", "image/gif"}


def spec_key(max_side: int, quality: int) -> str:
    """The key under which a caller keeps the result of `prepare` for a source: equal keys, equal treatment.

    The bytes of an encoder may change with its release; keeping the result keeps a prompt the same across upgrades.
    """
    return f"image-{_RULE}-side{max_side}-q{quality}"


def prepare(data: bytes, *, max_side: int, quality: int, limits: imaging.Limits | None = None) -> ImagePart:
    """The picture as a model receives it. Pure: equal arguments give equal bytes.

    A clean PNG or JPEG (see `clean`) whose sides fit passes unchanged. Anything else is decoded (EXIF orientation
    applied, transparency laid on white), shrunk to fit, never enlarged, and encoded without metadata: as baseline
    JPEG without chroma subsampling, or as PNG where the source was lossless and the PNG is smaller than the JPEG.

    Args:
        data: A still image in a format that `imaging.decode` reads.
        max_side: Longest side, pixels.
        quality: JPEG quality, 1 to 100.
        limits: What is refused undecoded; a clean picture that fits is not decoded at all.

    Raises:
        InvalidImage: When the bytes cannot be decoded.
    """
    known = clean.read(data)
    if known and max(known.width, known.height) <= max_side:
        return ImagePart(data, known.mime, known.width, known.height)
    picture = _shrunk(imaging.decode(data, limits=limits), max_side)
    lossy = encode_lossy(picture, max_side, quality)
    if _lossless(data):
        exact = _encoded(picture, "PNG", optimize=True)
        if len(exact) < len(lossy.data):
            return ImagePart(exact, "image/png", picture.width, picture.height)
    return lossy


def encode_lossy(picture: Image.Image, max_side: int, quality: int) -> ImagePart:
    """A decoded RGB picture shrunk to fit and encoded as baseline JPEG without chroma subsampling or metadata."""
    picture = _shrunk(picture, max_side)
    picture.info.clear()  # Pillow would write comments, profiles and gamma back from here
    encoded = _encoded(picture, "JPEG", quality=quality, subsampling=0)
    return ImagePart(encoded, "image/jpeg", picture.width, picture.height)


def fitted(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Width and height after shrinking to a longest side; smaller pictures stay as they are."""
    longest = max(width, height)
    if longest <= max_side:
        return width, height
    return max(1, round(width * max_side / longest)), max(1, round(height * max_side / longest))


def _shrunk(picture: Image.Image, max_side: int) -> Image.Image:
    size = fitted(*picture.size, max_side)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def _encoded(picture: Image.Image, format: str, **options: int | bool) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def _lossless(data: bytes) -> bool:
    mime = imaging.sniff(data)
    return mime in _LOSSLESS or (mime == "image/webp" and data[12:16] == b"VP8L")
