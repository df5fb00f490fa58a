"""Contact images: every picture in its place under its number, and the same bytes each time."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys

import pytest
from dialect_briefs import SOUND, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shotsmith import registry
from shotsmith.domain.errors import InvalidImage
from shotsmith.domain.messages import ImagePart, Part, TextPart
from shotsmith.prompts.dialects import Brief, Shot, open_dialect
from shotsmith.prompts.dialects.collage import Collage
from shotsmith.prompts.dialects.contact import Sheet, contact, draw

QUERY = Shot((picture(255, 20, 20),), "What is it?")


def parts(collage: Collage, *shots: Shot) -> list[Part]:
    system, user = collage.render(Brief("Do it.", shots, QUERY))
    assert system.parts == (TextPart("Do it."),)
    return list(user.parts)


def groups(found: list[Part]) -> list[tuple[int, list[str]]]:
    """How many pictures each contact image announces, and the numbers in the texts after it."""
    told: list[tuple[int, list[str]]] = []
    for part in found:
        if not isinstance(part, TextPart):
            continue
        if head := re.fullmatch(r"Pictures (\d+) to (\d+), numbered row by row:", part.text):
            told.append((int(head[2]) - int(head[1]) + 1, []))
        elif re.fullmatch(r"Picture (\d+):", part.text):
            told.append((1, []))
        elif named := re.match(r"Pictures: (.*)\n", part.text):
            told[-1][1].extend(named[1].split(", "))
    return told


def sizes(*counts: int, fixed: int = 0) -> list[Shot]:
    """Demonstrations with so many pictures each."""
    return [
        Shot(tuple(picture(place) for _ in range(count)), "x", "y", fixed=place < fixed)
        for place, count in enumerate(counts)
    ]


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 6), st.integers(0, 99_000))
@settings(max_examples=60)
def test_every_picture_is_in_its_cell(count: int, columns: int, narrow: int, first: int) -> None:
    pictures = tuple(picture(20 * place, 32 - narrow, 16 + place) for place in range(count))
    sheet = draw(pictures, first, Sheet(columns, 32, "png", 90))
    columns = min(columns, count)
    width, height = (sheet.width - 2) // columns, (sheet.height - 2) // (-(-count // columns))
    for place in range(count):
        row, column = divmod(place, columns)
        middle = (column * width + 2 + max(32 - narrow, 16 + count - 1) // 2, (row + 1) * height - 16)
        assert sheet.getpixel(middle) == (20 * place, 255 - 20 * place, 128)
    drawn = [colour for _, colour in sheet.getcolors(1 << 16) or [] if colour == (0, 0, 0)]
    assert drawn, "the numbers are black"


def test_numbers_are_written_and_differ() -> None:
    heads = set()
    for number in range(120):
        sheet = draw((picture(9, 32, 32),), number, Sheet(1, 32, "png", 90))
        heads.add(sheet.crop((0, 0, sheet.width, 10)).tobytes())
    assert len(heads) == 120


def test_pictures_are_shrunk_and_never_enlarged() -> None:
    large = draw((picture(1, 400, 200), picture(2, 10, 10)), 1, Sheet(2, 100, "png", 90))
    assert large.height < 2 * 100
    colours = {colour: count for count, colour in large.getcolors(1 << 16) or []}
    assert colours[(1, 254, 128)] == 100 * 50
    assert colours[(2, 253, 128)] == 10 * 10
    small = draw((picture(1, 20, 20),) * 4, 1, Sheet(4, 256, "png", 90))
    assert small.width == 4 * 20 + 5 * 2


@pytest.mark.parametrize("format", ["jpeg", "png"])
def test_it_is_a_picture_of_the_format_and_size_it_says(format) -> None:
    made = contact((picture(1), picture(2)), 1, Sheet(2, 64, format, 80))
    opened = Image.open(io.BytesIO(made.data))
    assert (opened.format or "").lower() == format
    assert made.mime == f"image/{format}"
    assert opened.size == (made.width, made.height)


@given(st.lists(st.integers(0, 5), max_size=8), st.integers(0, 3), st.integers(1, 3), st.integers(1, 2))
@settings(max_examples=60)
def test_no_contact_image_is_too_full_and_none_is_shared_with_the_fixed_part(
    counts: list[int], fixed: int, columns: int, rows: int
) -> None:
    collage = Collage(columns=columns, rows=rows, cell=16)
    found = parts(collage, *sizes(*counts, fixed=fixed))
    told = groups(found)
    assert all(1 <= shown <= columns * rows for shown, _ in told)
    assert sum(shown for shown, _ in told) == sum(counts)
    numbers = [int(number) for _, some in told for number in some]
    assert numbers == list(range(1, sum(counts) + 1))
    ends = [sum(shown for shown, _ in told[: place + 1]) for place in range(len(told))]
    assert sum(counts[:fixed]) in [0, *ends]
    held = [part for part in found if isinstance(part, ImagePart)]
    assert len(held) == len(told) + 1


def test_a_demonstration_is_not_torn_apart_unless_it_is_too_large() -> None:
    collage = Collage(columns=2, rows=2, cell=16)
    assert groups(parts(collage, *sizes(3, 2, 2))) == [(3, ["1", "2", "3"]), (4, ["4", "5", "6", "7"])]
    assert [shown for shown, _ in groups(parts(collage, *sizes(1, 9)))] == [1, 4, 4, 1]


def test_only_images_are_merged() -> None:
    shot = Shot((SOUND, picture(1)), "What is heard?", "a bark")
    found = parts(Collage(), shot)
    assert found[2:4] == [SOUND, TextPart("Pictures: 1\nInput: What is heard?\nAnswer: a bark")]
    assert found[-2:] == [*QUERY.media, TextPart("Input: What is it?\nAnswer:")]


@pytest.mark.parametrize("name", registry.names("dialects"))
def test_a_dialect_says_that_it_merges_when_it_does(name: str) -> None:
    dialect = open_dialect(name)
    messages = dialect.render(Brief("Do it.", tuple(sizes(3, 2)), QUERY))
    images = [part for message in messages for part in message.parts if isinstance(part, ImagePart)]
    assert getattr(dialect, "merges", False) is (1 < len(images) < 6)


def test_without_pictures_it_is_the_interleaved_dialect() -> None:
    assert parts(Collage(), Shot((), "a", "b"))[0] == TextPart("Input: a\nAnswer: b")


def test_a_picture_that_cannot_be_decoded_is_named() -> None:
    with pytest.raises(InvalidImage):
        parts(Collage(), Shot((ImagePart(b"no picture", "image/png", 8, 8),), "a", "b"))


def fingerprint() -> str:
    made = contact(tuple(picture(place, 50, 30 + place) for place in range(7)), 4, Sheet(3, 40, "jpeg", 90))
    return hashlib.sha256(made.data).hexdigest()


def test_another_process_makes_the_same_bytes() -> None:
    code = "import test_dialect_collage as here; print(here.fingerprint())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == fingerprint()
