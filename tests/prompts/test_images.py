"""Images go out as they came where possible; otherwise upright, small, opaque and without metadata."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from prompt_factories import encode, photo

from shotsmith import imaging
from shotsmith.domain.errors import InvalidImage
from shotsmith.domain.messages import ImagePart
from shotsmith.prompts import clean
from shotsmith.prompts.images import prepare, spec_key


def reopen(part: ImagePart) -> Image.Image:
    picture = Image.open(io.BytesIO(part.data))
    picture.load()
    return picture


def exif(orientation: int) -> Image.Exif:
    fields = Image.Exif()
    fields[0x0112] = orientation
    return fields


def described(**texts: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    return info


PALETTE = photo(40, 30).quantize(16)
CLEAN = {
    "rgb png": encode(photo(40, 30), "PNG"),
    "grey png": encode(photo(40, 30).convert("L"), "PNG"),
    "black and white png": encode(photo(40, 30).convert("1"), "PNG"),
    "palette png": encode(PALETTE, "PNG"),
    "png with density": encode(photo(40, 30), "PNG", dpi=(300, 300)),
    "jpeg": encode(photo(40, 30), "JPEG"),
    "grey jpeg": encode(photo(40, 30).convert("L"), "JPEG"),
    "progressive jpeg": encode(photo(40, 30), "JPEG", progressive=True),
    "jpeg with restarts": encode(photo(40, 30), "JPEG", restart_marker_blocks=1),
    "rgb jpeg": encode(photo(40, 30), "JPEG", keep_rgb=True),
}
UNCLEAN = {
    "jpeg with exif": encode(photo(40, 30), "JPEG", exif=exif(1)),
    "jpeg with comment": encode(photo(40, 30), "JPEG", comment=b"a dog"),
    "jpeg with profile": encode(photo(40, 30), "JPEG", icc_profile=b"profile"),
    "jpeg with xmp": encode(photo(40, 30), "JPEG", xmp=b"<x:xmpmeta/>"),
    "jpeg with a film behind it": CLEAN["jpeg"] + b"\0\0\0\x18ftypmp42",
    "jpeg with a jpeg behind it": CLEAN["jpeg"] * 2,
    "png with text": encode(photo(40, 30), "PNG", pnginfo=described(label="dog")),
    "png with exif": encode(photo(40, 30), "PNG", exif=exif(1)),
    "png with profile": encode(photo(40, 30), "PNG", icc_profile=b"profile"),
    "png with transparent colour": encode(PALETTE, "PNG", transparency=0),
    "png with alpha": encode(photo(40, 30).convert("RGBA"), "PNG"),
    "grey png with alpha": encode(photo(40, 30).convert("LA"), "PNG"),
    "png with bytes behind it": CLEAN["rgb png"] + b"\0",
    "bmp": encode(photo(40, 30), "BMP"),
    "gif": encode(PALETTE, "GIF"),
    "webp": encode(photo(40, 30), "WEBP"),
    "lossless webp": encode(photo(40, 30), "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_picture_that_fits_passes_byte_for_byte(name: str) -> None:
    part = prepare(CLEAN[name], max_side=40, quality=50)

    assert part.data == CLEAN[name]
    assert (part.mime, part.width, part.height) == (imaging.sniff(CLEAN[name]), 40, 30)
    imaging.decode(part.data)


@pytest.mark.parametrize("name", UNCLEAN)
def test_everything_else_is_encoded_anew_and_carries_only_the_picture(name: str) -> None:
    part = prepare(UNCLEAN[name], max_side=40, quality=90)

    assert part.data != UNCLEAN[name]
    assert (part.width, part.height) == (40, 30)
    assert part.mime == imaging.sniff(part.data)
    assert clean.read(part.data) == clean.Clean(part.mime, 40, 30)
    assert not {"exif", "icc_profile", "comment", "xmp", "label", "transparency", "gamma"} & set(
        reopen(part).info
    )
    for secret in (b"dog", b"profile", b"xmpmeta", b"Exif", b"ftyp"):
        assert secret not in part.data


@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    max_side=st.integers(16, 100),
    format=st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "GIF"]),
)
def test_sizes_fit_keep_their_shape_and_never_grow(
    width: int, height: int, max_side: int, format: str
) -> None:
    source = encode(photo(width, height), format)
    part = prepare(source, max_side=max_side, quality=80)

    assert reopen(part).size == (part.width, part.height)
    assert max(part.width, part.height) == min(max(width, height), max_side)
    scale = min(1, max_side / max(width, height))
    assert abs(part.width - width * scale) <= 1
    assert abs(part.height - height * scale) <= 1
    assert (part.data == source) == (format in {"PNG", "JPEG"} and max(width, height) <= max_side)
    assert prepare(source, max_side=max_side, quality=80) == part
    assert prepare(part.data, max_side=max_side, quality=80) == part


def test_one_pixel_too_long_is_shrunk() -> None:
    part = prepare(CLEAN["jpeg"], max_side=39, quality=90)
    assert (part.width, part.height) == (39, 29)


def test_a_sliver_keeps_at_least_one_pixel() -> None:
    part = prepare(encode(Image.new("RGB", (2000, 1)), "PNG"), max_side=16, quality=90)
    assert (part.width, part.height) == (16, 1)


def test_a_rotated_jpeg_is_turned_upright() -> None:
    picture = Image.new("RGB", (64, 32), "black")
    picture.paste("white", (0, 0, 32, 32))  # left half; upright it is the top half
    part = prepare(encode(picture, "JPEG", quality=95, exif=exif(6)), max_side=64, quality=95)

    assert (part.width, part.height) == (32, 64)
    pixels = np.asarray(reopen(part).convert("L"))
    assert pixels[:30].min() > 240
    assert pixels[34:].max() < 15


def test_transparency_is_laid_on_white() -> None:
    part = prepare(encode(Image.new("RGBA", (20, 20), (255, 0, 0, 0)), "PNG"), max_side=20, quality=90)
    assert np.asarray(reopen(part).convert("RGB")).min() == 255


def test_photographs_become_baseline_jpeg_without_subsampling() -> None:
    part = prepare(encode(photo(200, 100), "WEBP"), max_side=100, quality=90)
    picture = reopen(part)

    assert part.mime == "image/jpeg"
    assert not picture.info.get("progressive")
    assert picture.layer == [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)]


@pytest.mark.parametrize(
    ("format", "options", "mime"),
    [
        ("BMP", {}, "image/png"),
        ("GIF", {}, "image/png"),
        ("PNG", {"pnginfo": described(a="b")}, "image/png"),
        ("WEBP", {"lossless": True}, "image/png"),
        ("WEBP", {}, "image/jpeg"),
        ("JPEG", {"comment": b"x"}, "image/jpeg"),
    ],
)
def test_drawings_stay_lossless_when_they_were_and_that_is_smaller(
    format: str, options: dict[str, Any], mime: str
) -> None:
    drawing = Image.new("RGB", (128, 128), "white")
    drawing.paste("red", (10, 10, 60, 60))
    part = prepare(encode(drawing, format, **options), max_side=128, quality=90)

    assert part.mime == mime
    if mime == "image/png":
        assert imaging.pixel_sha256(reopen(part).convert("RGB")) == imaging.pixel_sha256(drawing)


def test_a_lossless_photograph_becomes_jpeg() -> None:
    assert prepare(encode(photo(64, 64), "BMP"), max_side=64, quality=80).mime == "image/jpeg"


def test_noise_at_the_highest_quality_is_encoded() -> None:
    # More bytes than pixels: Pillow's optimising JPEG writer runs out of its buffer here.
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    part = prepare(encode(Image.fromarray(noise), "WEBP", quality=100), max_side=400, quality=100)
    assert reopen(part).size == (400, 400)


def test_quality_counts() -> None:
    source = encode(photo(100, 100), "WEBP")
    low, high = (len(prepare(source, max_side=100, quality=quality).data) for quality in (30, 95))
    assert low < high


@pytest.mark.parametrize("name", ["jpeg", "progressive jpeg", "rgb png", "palette png"])
def test_every_truncation_of_a_clean_file_is_refused(name: str) -> None:
    whole = CLEAN[name]
    for length in range(0, len(whole), 7):
        assert clean.read(whole[:length]) is None
        if length < 0.9 * len(whole):  # Pillow forgives a missing end mark
            with pytest.raises(InvalidImage):
                prepare(whole[:length], max_side=40, quality=90)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"]))
def test_arbitrary_bytes_are_never_clean(tail: bytes, magic: bytes) -> None:
    assert clean.read(magic + tail) is None


def test_limits_are_passed_on() -> None:
    source = encode(photo(40, 30), "WEBP")
    with pytest.raises(InvalidImage, match="pixels"):
        prepare(source, max_side=40, quality=90, limits=imaging.Limits(max_pixels=100))


def test_spec_keys_tell_treatments_apart_and_stay_as_they_are() -> None:
    assert spec_key(512, 90) == "image-1-side512-q90"
    assert len({spec_key(side, quality) for side in (51, 512) for quality in (90, 29)}) == 4
