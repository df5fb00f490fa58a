"""What an example shows, taken out, blanked or exchanged: the small steps that perturbations consist of."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from PIL import Image

from ... import imaging
from ...domain.examples import Example
from ...domain.media import Media
from ...media import sounds

Of = Literal["images", "sounds", "texts", "answers"]
Fill = Literal["black", "white", "grey", "noise"]

#: Stands for a text or an answer that tells nothing (Zhao et al., arXiv 2102.09690).
CONTENT_FREE = "N/A"
#: Stands for an answer that is left out; chat models refuse empty turns.
NOT_GIVEN = "(answer not shown)"
_COLOURS: Mapping[Fill, int] = {"black": 0, "white": 255, "grey": 128}
_RATE = 16_000


def has(example: Example, of: Of) -> bool:
    """Whether the example has content of this kind; videos count as images."""
    if of == "texts":
        return bool(example.text.strip())
    return of == "answers" or any(part.seen == (of == "images") for part in example.media)


def without(example: Example, of: Of) -> Example:
    """The example without it; an answer gives way to a note, for a turn must not be empty."""
    if of == "texts":
        return replace(example, text="")
    if of == "answers":
        return replace(example, answer=NOT_GIVEN, labels=())
    return _with_media(example, of, ())


def exchanged(example: Example, of: Of, giver: Example) -> Example:
    """The example with the giver's; answers come with their labels."""
    if of == "texts":
        return replace(example, text=giver.text)
    if of == "answers":
        return replace(example, answer=giver.answer, labels=giver.labels)
    return _with_media(example, of, _of_kind(giver, of))


def blank(example: Example, of: Of, fill: Fill, word: str, frames: int) -> Example:
    """The example with blanks: as many pictures of the same size, sounds as long, or a word.

    Args:
        example: What is blanked.
        of: Which content.
        fill: What pictures and sounds are filled with.
        word: What stands for a text or an answer.
        frames: How many pictures a video is shown as.
    """
    if of == "texts":
        return replace(example, text=word)
    if of == "answers":
        return replace(example, answer=word, labels=())
    blanks = (one for part in _of_kind(example, of) for one in _blanks(part, fill, frames))
    return _with_media(example, of, tuple(blanks))


def _of_kind(example: Example, of: Of) -> tuple[Media, ...]:
    return tuple(part for part in example.media if part.seen == (of == "images"))


def _with_media(example: Example, of: Of, given: tuple[Media, ...]) -> Example:
    """Media of one kind in the place of its first one; those of the other kind stay."""
    gone = _of_kind(example, of)
    first = example.media.index(gone[0]) if gone else len(example.media)
    rest = [part for part in example.media if part not in gone]
    return replace(example, media=(*rest[:first], *given, *rest[first:]))


def _blanks(part: Media, fill: Fill, frames: int) -> Iterator[Media]:
    if part.kind == "audio":
        yield _blank_sound(part, fill)
        return
    for number in range(frames if part.kind == "video" else 1):
        yield _blank_picture(part, fill, number)


def _blank_picture(part: Media, fill: Fill, number: int) -> Media:
    """A PNG of the same size."""
    size = (part.width, part.height)
    if fill == "noise":
        picture = Image.frombytes("RGB", size, _noise(part, number, part.width * part.height * 3))
    else:
        picture = Image.new("RGB", size, (_COLOURS[fill],) * 3)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return imaging.describe(file.getvalue(), picture)


def _blank_sound(part: Media, fill: Fill) -> Media:
    """A WAV as long: silence, or noise of a tenth of the loudest there can be."""
    count = max(1, round((part.seconds or 0.0) * _RATE))
    samples = np.zeros(count, dtype=np.int16)
    if fill == "noise":
        drawn = np.frombuffer(_noise(part, 0, 2 * count), dtype="<i2")
        samples = (drawn // 10).astype(np.int16)
    return sounds.inspect(sounds.to_wav(sounds.Clip(_RATE, samples[:, None])))


def _noise(part: Media, number: int, size: int) -> bytes:
    """Bytes drawn from the hash of what they replace: equally likely, and the same every time."""
    return hashlib.shake_256(f"noise|{number}|{part.pixel_sha256}".encode()).digest(size)
