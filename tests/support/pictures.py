"""Pictures for tests, made on the spot: distinct, tiny and reproducible."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def picture(seed: int, *, hue: int = 0, side: int = 24) -> Image.Image:
    """A noisy picture around one of twelve hues: equal hues look alike to every encoder."""
    rng = np.random.default_rng([seed, hue])
    base = Image.new("HSV", (side, side), (hue * 21 % 256, 200, 200)).convert("RGB")
    noise = rng.integers(-30, 31, size=(side, side, 3))
    return Image.fromarray(np.clip(np.asarray(base, dtype=int) + noise, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """A picture's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def shown(number: int, hue: int) -> bytes:
    """The PNG of a test picture."""
    return encoded(picture(number, hue=hue))


def png_header(width: int, height: int, depth: int = 8) -> bytes:
    """A PNG that claims a size and a depth, with next to no data behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\x00" + b"\x12" * (width * 3 * depth // 8)
    body = zlib.compress(row * height) if width * height < 1000 else zlib.compress(b"")
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def bad_images() -> dict[str, tuple[str, bytes, str]]:
    """Images that must be refused: by name, the file name, the bytes and a word of the complaint."""
    good = picture(1, side=40)
    return {
        "truncated": ("a.png", encoded(good)[:-200], "truncated"),
        "truncated jpeg": ("a.jpg", encoded(good, "JPEG")[:500], "truncated"),
        "empty": ("a.png", b"", "empty"),
        "animated": (
            "a.gif",
            encoded(good, "GIF", save_all=True, append_images=[good.rotate(90)]),
            "animated",
        ),
        "cmyk": ("a.jpg", encoded(good.convert("CMYK"), "JPEG"), "CMYK"),
        "16-bit grey": ("a.png", encoded(Image.new("I;16", (9, 9))), "8 bits"),
        "16-bit colour": ("a.png", png_header(4, 4, depth=16), "8 bits"),
        "huge": ("a.png", png_header(50_000, 50_000), "pixels"),
        "svg": ("a.svg", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        "mislabelled": ("a.png", encoded(good, "JPEG"), "content is image/jpeg"),
        "text": ("a.png", b"hello", "not an image"),
        "tiff": ("a.tif", encoded(good, "TIFF"), "not supported"),
    }
