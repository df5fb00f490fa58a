"""Videos: which pictures they are shown as, what they are known by, and what is refused."""

from __future__ import annotations

import builtins
from typing import Any

import pytest
from clips import clip, film, hue_of, packed, repacked, samples
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import encoded, picture

from shotsmith import imaging, media
from shotsmith.domain.errors import InvalidImage, InvalidMedia, MissingExtra
from shotsmith.media import videos

FILM = film(1)


@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_a_time_is_shown_by_the_picture_that_is_on_then(container: str) -> None:
    data = film(1, container=container)
    times = [0.0, 0.04, 0.1, 0.55, 0.95, 1.0, 1.25, 1.95, 99.0]
    shown = [hue_of(one) for one in videos.stills(data, times)]
    assert shown == [0, 0, 1, 5, 9, 10, 0, 7, 7]
    assert videos.stills(data, times[::-1])[-1].tobytes() == videos.stills(data, [0.0])[0].tobytes()


@settings(max_examples=20)
@given(st.lists(st.floats(0, 2.2), max_size=4))
def test_stills_do_not_depend_on_which_others_are_taken(times: list[float]) -> None:
    together = videos.stills(FILM, times)
    assert [one.tobytes() for one in together] == [videos.stills(FILM, [time])[0].tobytes() for time in times]


def test_a_video_with_one_key_picture_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = film(1, frames=40, keys=1000)
    decoded = []
    pictures = videos._pictures
    monkeypatch.setattr(
        videos, "_pictures", lambda *given: (decoded.append(one) or one for one in pictures(*given))
    )
    shown = videos.stills(data, [number / 10 for number in range(40)])
    assert [hue_of(one) for one in shown] == [number % 12 for number in range(40)]
    assert len(decoded) <= 41


def test_a_video_is_described_by_its_pictures() -> None:
    part = videos.inspect(FILM, name="a.mp4")
    assert (part.kind, part.mime, part.width, part.height, part.seconds) == (
        "video",
        "video/mp4",
        48,
        48,
        2.0,
    )
    (middle,) = videos.stills(FILM, [1.0])
    assert part.dhash == imaging.dhash(middle)
    assert part.seen
    assert media.picture_of(part, FILM).tobytes() == middle.tobytes()


@pytest.mark.parametrize("container", ["matroska", "mov", "avi"])
def test_the_same_recording_in_another_container_is_the_same(container: str) -> None:
    data = repacked(FILM, container)
    assert data != FILM
    before, after = videos.inspect(FILM), videos.inspect(data)
    assert after.pixel_sha256 == before.pixel_sha256
    assert after.seconds == pytest.approx(before.seconds, abs=0.1)  # AVI has no times, only a rate
    assert videos.inspect(film(2)).pixel_sha256 != before.pixel_sha256


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no video that is read"),
        (clip(1), "no video that is read"),
        (FILM[:200], "damaged"),
        (FILM[: len(FILM) // 2], "damaged"),
        (packed(samples(1, rate=48_000), "libopus", "webm", rate=48_000), "no pictures in it"),
    ],
    ids=["empty", "sound", "head", "half", "no pictures"],
)
def test_what_cannot_be_seen_is_refused_with_the_reason(data: bytes, what: str) -> None:
    with pytest.raises(InvalidMedia, match=what) as error:
        videos.inspect(data, name="a film")
    assert error.value.field == "a film"


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (videos.Limits(max_bytes=1000), "bytes, more than 1,000"),
        (videos.Limits(max_seconds=1.0), "longer than 1 seconds"),
        (videos.Limits(max_frames=5), "or 5 pictures"),
        (videos.Limits(max_pixels=100), "48 x 48 pixels, more than 100"),
    ],
)
def test_limits_are_kept(limits: videos.Limits, what: str) -> None:
    with pytest.raises(InvalidMedia, match=what):
        videos.inspect(FILM, limits=limits)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without_av(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "av":
            raise ImportError(name)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_av)
    with pytest.raises(MissingExtra, match=r"shotsmith\[media\]"):
        videos.inspect(FILM)


def test_any_file_is_what_its_bytes_are() -> None:
    photo = encoded(picture(1))
    for data, kind in ((photo, "image"), (clip(1), "audio"), (FILM, "video")):
        part, shown = media.opened(data, name="file")
        assert part.kind == kind
        assert (shown is not None) == (kind == "image")
        assert media.opened(data, name="file", kind=kind)[0] == part
    with pytest.raises(InvalidMedia, match="a sound, not an image"):
        media.opened(clip(1), name="file", kind="image")
    with pytest.raises(InvalidMedia, match="an image, not a sound"):
        media.opened(photo, name="file", kind="audio")
    with pytest.raises(InvalidMedia, match="a sound, not a video"):
        media.opened(clip(1), name="file", kind="video")
    with pytest.raises(InvalidMedia, match="the name says audio/mpeg, the content is image/png"):
        media.opened(photo, name="a.mp3")
    for name, what in (("a.m4a", "no sound that is read"), ("a.mpg", "no video that is read")):
        with pytest.raises(InvalidMedia, match=what):
            media.opened(b"what is this?", name=name)
    with pytest.raises(InvalidImage, match="not an image"):
        media.opened(b"what is this?", name="file")


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x20ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x20ftypM4A ", "application/octet-stream"),
        (b"\0\0\0\x20ftypheic", "application/octet-stream"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "application/octet-stream"),  # AAC
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", "audio/wav"),
        (b"RIFF\0\0\0\0AVI ", "video/x-msvideo"),
        (b"", "application/octet-stream"),
    ],
)
def test_first_bytes_tell_the_type(head: bytes, mime: str) -> None:
    assert media.sniff(head) == mime
