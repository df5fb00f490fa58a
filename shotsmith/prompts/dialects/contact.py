"""Contact images: many pictures in one, each under its number."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Literal, NamedTuple

from PIL import Image

from ... import imaging
from ...domain.messages import ImagePart

# Digits in three columns and five rows, a letter a row: drawn here, for fonts change with the library that draws them.
_DIGITS = ("75557", "26227", "71747", "71717", "55711", "74717", "74757", "71122", "75757", "75717")
_WIDTH, _HEIGHT = 3, 5
_LEAST = 16  # pixels of a cell: room for a number of four digits
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


class Sheet(NamedTuple):
    """How a contact image is laid out.

    Attributes:
        columns: Pictures beside each other.
        cell: Longest side of a picture, pixels; less where all are smaller.
        format: How the image is encoded; PNG without loss.
        quality: Of JPEG, 1 to 100.
    """

    columns: int
    cell: int
    format: Literal["jpeg", "png"]
    quality: int


@lru_cache(maxsize=32)  # the part of a prompt that every query shares is drawn once
def contact(pictures: tuple[ImagePart, ...], first: int, sheet: Sheet) -> ImagePart:
    """Pictures in rows from left to right, each in the middle of its cell, shrunk to fit and never enlarged.

    Pure: equal arguments give equal bytes under the same version of the imaging library.

    Args:
        pictures: At least one.
        first: The number of the first picture; the others count on.
        sheet: How it is laid out.

    Raises:
        InvalidImage: One of them cannot be decoded.
    """
    canvas = draw(pictures, first, sheet)
    file = io.BytesIO()
    if sheet.format == "png":
        canvas.save(file, "PNG", optimize=True)
    else:
        canvas.save(file, "JPEG", quality=sheet.quality, subsampling=0)
    return ImagePart(file.getvalue(), f"image/{sheet.format}", canvas.width, canvas.height)


def draw(pictures: tuple[ImagePart, ...], first: int, sheet: Sheet) -> Image.Image:
    """The contact image before it is encoded; see `contact`."""
    cell = min(sheet.cell, max(_LEAST, *(max(part.width, part.height) for part in pictures)))
    dot = max(1, cell // 40)
    gap, strip = 2 * dot, (_HEIGHT + 4) * dot
    columns = min(sheet.columns, len(pictures))
    rows = -(-len(pictures) // columns)
    pitch = cell + gap
    canvas = Image.new("RGB", (columns * pitch + gap, rows * (pitch + strip) + gap), _WHITE)
    for place, part in enumerate(pictures):
        row, column = divmod(place, columns)
        left, top = gap + column * pitch, gap + row * (pitch + strip)
        _number(canvas, first + place, left, top + 2 * dot, dot)
        picture = imaging.decode(part.data)
        picture = picture.resize(_fit(picture.size, cell), Image.Resampling.LANCZOS)
        canvas.paste(
            picture,
            (left + (sheet.cell - picture.width) // 2, top + strip + (sheet.cell - picture.height) // 2),
        )
    return canvas


def _fit(size: tuple[int, int], cell: int) -> tuple[int, int]:
    longest = max(size)
    if longest <= cell:
        return size
    return max(1, round(size[0] * cell / longest)), max(1, round(size[1] * cell / longest))


def _number(canvas: Image.Image, number: int, left: int, top: int, dot: int) -> None:
    for place, digit in enumerate(str(number)):
        for row, bits in enumerate(_DIGITS[int(digit)]):
            for column in range(_WIDTH):
                if int(bits) >> (_WIDTH - 1 - column) & 1:
                    x = left + (place * (_WIDTH + 1) + column) * dot
                    y = top + row * dot
                    canvas.paste(_BLACK, (x, y, x + dot, y + dot))
