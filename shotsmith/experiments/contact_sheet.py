"""The contact sheet as a picture: each query at the left, beside it what each selector shows."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from ..domain.errors import InvalidInput
from ..domain.messages import ImagePart
from ..imaging import decode
from .samples import Row, Sample, Shown
from .words import title

_SCALE = 2  # pixels a unit, for sharp screens; all lengths below are in units
_MARGIN, _GAP = 28, 12
_QUERY, _TILE = 132, 80
_LEFT = _QUERY + 36
_HEAD, _CAPTION = 24, 34
_ROW = _HEAD + _TILE + _CAPTION + 10
_PAPER, _INK, _SOFT, _LINE, _GOOD = "#ffffff", "#1d2125", "#5a626b", "#dcdad5", "#1a7f4b"


def contact_sheet(samples: Sequence[Sample]) -> bytes:
    """A PNG, two pixels a unit: demonstrations in prompt order, framed in green where they have the right label.

    Raises:
        InvalidInput: No samples.
    """
    if not samples:
        raise InvalidInput("there is nothing to show", field="samples")
    width, height = size(samples)
    sheet = _Sheet(width, height)
    top = _MARGIN
    for number, sample in enumerate(samples):
        if number:
            sheet.line(top - _GAP)
        _draw(sheet, sample, top)
        top += _height(sample) + 2 * _GAP
    return sheet.png()


def size(samples: Sequence[Sample]) -> tuple[int, int]:
    """Width and height in units."""
    shots = max([len(row.shots) for sample in samples for row in sample.rows] or [0])
    width = 2 * _MARGIN + _LEFT + max(shots * (_TILE + _GAP) - _GAP, 3 * _TILE)
    return width, 2 * _MARGIN + sum(map(_height, samples)) + 2 * _GAP * (len(samples) - 1)


def _height(sample: Sample) -> int:
    return max(len(sample.rows) * _ROW, _QUERY + 90)


def _draw(sheet: _Sheet, sample: Sample, top: int) -> None:
    sheet.text((_MARGIN, top), "query", 12, _SOFT, _QUERY)
    sheet.picture((_MARGIN, top + _HEAD), _QUERY, sample.picture, sample.text, _LINE, 1)
    below = top + _HEAD + _QUERY + 10
    sheet.text((_MARGIN, below), sample.text or sample.id, 14, _INK, _QUERY, bold=True)
    sheet.text((_MARGIN, below + 21), "right answer:", 12, _SOFT, _QUERY)
    sheet.text((_MARGIN, below + 37), sample.answer, 12, _GOOD, _QUERY, bold=True)
    for number, row in enumerate(sample.rows):
        _draw_row(sheet, row, top + number * _ROW)


def _draw_row(sheet: _Sheet, row: Row, top: int) -> None:
    left = _MARGIN + _LEFT
    taken = sheet.text((left, top), title(row.name), 14, _INK, 300, bold=True)
    sheet.text((left + taken + 10, top + 2), f"{row.matches} of {len(row.shots)} right", 12, _SOFT, 200)
    for place, shot in enumerate(row.shots):
        _draw_shot(sheet, shot, left + place * (_TILE + _GAP), top + _HEAD)


def _draw_shot(sheet: _Sheet, shot: Shown, left: int, top: int) -> None:
    frame, stroke = (_GOOD, 3) if shot.match else (_LINE, 1)
    sheet.picture((left, top), _TILE, shot.picture, shot.text, frame, stroke)
    sheet.text(
        (left, top + _TILE + 4), shot.answer, 11, _GOOD if shot.match else _INK, _TILE, bold=shot.match
    )
    score = "" if shot.score is None else f" · {shot.score:.2f}"
    sheet.text((left, top + _TILE + 18), f"rank {shot.rank}{score}", 10, _SOFT, _TILE)


class _Sheet:
    """A canvas in units."""

    def __init__(self, width: int, height: int) -> None:
        self._canvas = Image.new("RGB", (width * _SCALE, height * _SCALE), _PAPER)
        self._pen = ImageDraw.Draw(self._canvas)
        self._width = width

    def text(
        self, at: tuple[int, int], text: str, size: int, colour: str, room: int, *, bold: bool = False
    ) -> int:
        """Write one line, cut where there is no room; return how wide it became."""
        font = ImageFont.load_default(size * _SCALE)
        shown = " ".join(text.split())
        while shown and font.getlength(shown) > room * _SCALE:
            shown = shown.rstrip("…")[:-1].rstrip() + "…" if len(shown) > 2 else ""
        x, y = at[0] * _SCALE, at[1] * _SCALE
        # Pillow's own font has no bold cut; a hairline outline makes one.
        self._pen.text((x, y), shown, colour, font, stroke_width=0.4 * _SCALE if bold else 0)
        return round(font.getlength(shown) / _SCALE)

    def picture(
        self, at: tuple[int, int], side: int, image: ImagePart | None, text: str, frame: str, stroke: int
    ) -> None:
        """A framed square with a picture, or with the beginning of a text where there is none."""
        x, y, wide = at[0] * _SCALE, at[1] * _SCALE, side * _SCALE
        if image is None:
            self.text((at[0] + 6, at[1] + side // 2 - 6), text, 10, _SOFT, side - 12)
        else:
            picture = decode(image.data, name="thumbnail")
            inner = wide - 8 * _SCALE
            scale = inner / max(picture.size)
            fitted = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            picture = picture.resize(fitted, Image.Resampling.LANCZOS)
            self._canvas.paste(picture, (x + (wide - fitted[0]) // 2, y + (wide - fitted[1]) // 2))
        self._pen.rounded_rectangle(
            (x, y, x + wide - 1, y + wide - 1), 6 * _SCALE, outline=frame, width=stroke * _SCALE
        )

    def line(self, top: int) -> None:
        """A hairline across the sheet."""
        ends = (_MARGIN * _SCALE, top * _SCALE, (self._width - _MARGIN) * _SCALE, top * _SCALE)
        self._pen.line(ends, _LINE, _SCALE)

    def png(self) -> bytes:
        """The file's bytes."""
        file = io.BytesIO()
        self._canvas.save(file, "PNG", optimize=True)
        return file.getvalue()
