"""Reading pictures: the one place where image bytes from outside are opened.

An image is accepted when it is one complete, still, 8-bit picture in PNG, JPEG, WebP, BMP or GIF within the limits.
Anything else is refused with the reason, before it can cost memory.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from .domain.errors import InvalidImage
from .domain.media import Media

FORMATS = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "GIF": "image/gif",
}
EXTENSIONS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
}
_DEEP_MODES = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused unread."""

    max_pixels: int = 50_000_000
    max_bytes: int = 30_000_000


def decode(data: bytes, *, name: str = "image", limits: Limits | None = None) -> Image.Image:
    """Decode one still picture to RGB: EXIF orientation applied, transparency laid on white.

    Args:
        data: The file's bytes.
        name: How errors call it.
        limits: Sizes that are refused.

    Raises:
        InvalidImage: With the reason and the mend.
    """
    limits = limits or Limits()
    if not data:
        raise InvalidImage("the image is empty", field=name, mend="Send the file's bytes")
    if len(data) > limits.max_bytes:
        raise InvalidImage(
            f"the image has {len(data):,} bytes, more than {limits.max_bytes:,}",
            field=name,
            mend="Shrink it or raise SHOTSMITH_MAX_IMAGE_BYTES",
        )
    if looks_like_svg(data):
        raise InvalidImage("SVG is not a raster image", field=name, mend="Convert it to PNG first")
    try:
        picture = Image.open(io.BytesIO(data))
        _refuse(picture, name, limits)
        picture.load()
        return _flat(picture)
    except InvalidImage:
        raise
    except UnidentifiedImageError:
        raise InvalidImage(
            "the bytes are not an image", field=name, mend=f"Use one of {', '.join(sorted(FORMATS))}"
        ) from None
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise InvalidImage(
            f"the image is damaged or truncated: {error}", field=name, mend="Export it again from its source"
        ) from None


def inspect(data: bytes, *, name: str = "image", limits: Limits | None = None) -> Media:
    """Check an image and describe it as a media part that carries its bytes.

    A file name with an image extension must agree with what the bytes are.

    Raises:
        InvalidImage: As `decode` does, and for a name that contradicts the content.
    """
    return describe(data, decode(data, name=name, limits=limits), name=name)


def describe(data: bytes, picture: Image.Image, *, name: str = "image") -> Media:
    """The media part for bytes whose decoded picture is at hand.

    Raises:
        InvalidImage: For a name that contradicts the content.
    """
    mime = sniff(data)
    claimed = EXTENSIONS.get(PurePath(name).suffix.lower())
    if claimed and claimed != mime:
        raise InvalidImage(
            f"the name says {claimed}, the content is {mime}",
            field=name,
            mend="Rename the file to match its content",
        )
    return Media(
        kind="image",
        sha256=hashlib.sha256(data).hexdigest(),
        mime=mime,
        size=len(data),
        width=picture.width,
        height=picture.height,
        pixel_sha256=pixel_sha256(picture),
        dhash=dhash(picture),
        data=data,
    )


def pixel_sha256(picture: Image.Image) -> str:
    """Hash of size and RGB pixels: equal for equal pictures in any lossless encoding."""
    return hashlib.sha256(f"{picture.width}x{picture.height}|".encode() + picture.tobytes()).hexdigest()


def dhash(picture: Image.Image) -> str:
    """64-bit difference hash, 16 hex digits (Krawetz 2013): signs of horizontal grey gradients on an 8x8 grid."""
    grey = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.LANCZOS), dtype=np.int16)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return np.packbits(bits).tobytes().hex()


def sniff(data: bytes) -> str:
    """Media type by magic bytes; "application/octet-stream" when unknown."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"BM"):
        return "image/bmp"
    return "application/octet-stream"


def looks_like_svg(data: bytes) -> bool:
    """Whether the bytes are an SVG document."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith(b"<svg") or (head.startswith((b"<?xml", b"<!")) and b"<svg" in head)


def _refuse(picture: Image.Image, name: str, limits: Limits) -> None:
    if picture.format not in FORMATS:
        raise InvalidImage(
            f"{picture.format} images are not supported",
            field=name,
            mend=f"Use one of {', '.join(sorted(FORMATS))}",
        )
    if picture.width * picture.height > limits.max_pixels:
        raise InvalidImage(
            f"the image has {picture.width:,} x {picture.height:,} pixels, more than {limits.max_pixels:,}",
            field=name,
            mend="Shrink it or raise SHOTSMITH_MAX_IMAGE_PIXELS",
        )
    if getattr(picture, "n_frames", 1) > 1:
        raise InvalidImage("the image is animated", field=name, mend="Extract the one frame that matters")
    if picture.mode == "CMYK":
        raise InvalidImage("the image is CMYK", field=name, mend="Convert it to RGB with its colour profile")
    if picture.mode in _DEEP_MODES or _bits(picture) > 8:
        raise InvalidImage(
            "the image has more than 8 bits a channel",
            field=name,
            mend="Convert it to 8 bits with the window that matters for the task",
        )


def _bits(picture: Image.Image) -> int:
    # Pillow reads 16-bit RGB PNGs as 8-bit RGB and keeps the depth only in the raw mode of the tile.
    tile = getattr(picture, "tile", None)
    return 16 if picture.format == "PNG" and tile and "16" in str(tile[0].args) else 8


def _flat(picture: Image.Image) -> Image.Image:
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


# A truncated file must fail, whatever another library set globally; sizes are limited above, with words of our own.
ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module=r"PIL\.")
