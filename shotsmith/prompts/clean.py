"""Files that may go to a model exactly as they are.

The file's structure is walked without decoding a pixel, and only parts that are known to be harmless are let through:
whatever else a file carries (EXIF with its position and orientation, colour profiles, comments, an animation, bytes
behind the end) makes it unclean, and it is encoded anew. Structures: PNG third edition (W3C 2025), JPEG ITU-T T.81.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HARMLESS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD"}
_PNG_OPAQUE = {0, 2, 3}  # colour types: grey, RGB, palette

_JPEG_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: what every reader knows
_JPEG_TABLES = {0xC4, 0xDB, 0xDD}  # Huffman, quantisation, restart interval
_JPEG_HARMLESS = {0xE0, 0xEE}  # JFIF; Adobe, which names the colour transform
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
# In entropy-coded data 0xFF is followed by a stuffed zero or a restart mark; any other mark ends it.
_JPEG_MARK = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


@dataclass(frozen=True, slots=True)
class Clean:
    """What is known of a clean file: its type and its size in pixels."""

    mime: str
    width: int
    height: int


def read(data: bytes) -> Clean | None:
    """What a clean PNG or JPEG is: at most 8 bits a channel, grey, RGB or opaque palette, nothing but the picture.

    Returns:
        None for every other file, damaged ones included.
    """
    try:
        if data.startswith(_PNG_SIGNATURE):
            return _png(data)
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
    except IndexError:  # the structure points behind the end of the file
        return None
    return None


def _png(data: bytes) -> Clean | None:
    at, name = len(_PNG_SIGNATURE), b""
    while name != b"IEND":
        name = data[at + 4 : at + 8]
        if name not in _PNG_HARMLESS:
            return None
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    depth, colour = data[24], data[25]
    if at != len(data) or data[12:16] != b"IHDR" or depth > 8 or colour not in _PNG_OPAQUE:
        return None
    return Clean("image/png", int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))


def _jpeg(data: bytes) -> Clean | None:
    at, frame = 2, None
    while True:
        if data[at] != 0xFF:
            return None
        while data[at] == 0xFF:  # any number of fill bytes
            at += 1
        mark = data[at]
        if mark == _JPEG_END:
            return frame if at + 1 == len(data) else None
        at += 1
        end = at + (data[at] << 8 | data[at + 1])
        if mark in _JPEG_FRAMES:
            frame = _frame(data[at:end])
            if frame is None:
                return None
        elif mark == _JPEG_SCAN:
            following = _JPEG_MARK.search(data, end)
            if frame is None or following is None:
                return None
            end = following.start()
        elif mark not in _JPEG_TABLES | _JPEG_HARMLESS:
            return None
        at = end


def _frame(segment: bytes) -> Clean | None:
    depth, components = segment[2], segment[7]
    width, height = int.from_bytes(segment[5:7], "big"), int.from_bytes(segment[3:5], "big")
    # A height of zero is defined later, behind the first scan; hardly anyone reads that.
    return Clean("image/jpeg", width, height) if depth == 8 and components in {1, 3} and height else None
