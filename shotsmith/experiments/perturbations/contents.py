"""What an example shows, taken out, blanked or exchanged: the small steps that perturbations consist of."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from PIL import Image

from ... import imaging
from ...domain.examples import Example
from ...domain.media import Media

Of = Literal["images", "texts", "answers"]
Fill = Literal["black", "white", "grey", "noise"]

#: Stands for a text or an answer that tells nothing (Zhao et al., arXiv 2102.09690).
CONTENT_FREE = "N/A"
#: Stands for an answer that is left out; chat models refuse empty turns.
NOT_GIVEN = "(answer not shown)"
_COLOURS: Mapping[Fill, int] = {"black": 0, "white": 255, "grey": 128}


def has(example: Example, of: Of) -> bool:
    """Whether the example has content of this kind."""
    if of == "texts":
        return bool(example.text.strip())
    return bool(example.media) if of == "images" else True


def without(example: Example, of: Of) -> Example:
    """The example without it; an answer gives way to a note, for a turn must not be empty."""
    if of == "texts":
        return replace(example, text="")
    if of == "images":
        return replace(example, media=())
    return replace(example, answer=NOT_GIVEN, labels=())


def exchanged(example: Example, of: Of, giver: Example) -> Example:
    """The example with the giver's; answers come with their labels."""
    if of == "texts":
        return replace(example, text=giver.text)
    if of == "images":
        return replace(example, media=giver.media)
    return replace(example, answer=giver.answer, labels=giver.labels)


def blank(example: Example, of: Of, fill: Fill, word: str) -> Example:
    """The example with blanks: pictures of the same size, or a word."""
    if of == "texts":
        return replace(example, text=word)
    if of == "images":
        return replace(example, media=tuple(blank_picture(part, fill) for part in example.media))
    return replace(example, answer=word, labels=())


def blank_picture(part: Media, fill: Fill) -> Media:
    """A PNG of the same size. Noise is drawn from the hash of what it replaces, equally likely colours."""
    size = (part.width, part.height)
    if fill == "noise":
        drawn = hashlib.shake_256(f"noise|{part.pixel_sha256}".encode()).digest(part.width * part.height * 3)
        picture = Image.frombytes("RGB", size, drawn)
    else:
        picture = Image.new("RGB", size, (_COLOURS[fill],) * 3)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return imaging.describe(file.getvalue(), picture)
