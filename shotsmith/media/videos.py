"""Reading videos: the one place where video bytes from outside are opened. Needs the extra `media`.

A video is shown as still pictures at regular times; what is said in it is not heard. It is bounded in bytes, time,
pictures and pixels before a picture is decoded.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from .. import imaging
from ..domain.errors import InvalidMedia
from ..domain.media import Media
from .kinds import check_name, sniff
from .opening import opened

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

FORMATS = {
    "video/mp4": "MP4",
    "video/quicktime": "MOV",
    "video/webm": "WebM",
    "video/x-matroska": "Matroska",
    "video/x-msvideo": "AVI",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused."""

    max_bytes: int = 100_000_000
    max_seconds: float = 600.0
    max_frames: int = 72_000
    max_pixels: int = 8_300_000  # of one picture: 4K


@dataclass(frozen=True, slots=True)
class Outline:
    """What the packets of a video tell without decoding one.

    Attributes:
        start: When the first picture is shown, in units of the stream.
        seconds: From the first picture to the end of the last one, to the millisecond.
        sha256: Hash of size and coded pictures: equal for the same recording in another container.
        keys: When the pictures are shown that need no other one to be decoded, ascending, in units of the stream.
    """

    start: int
    seconds: float
    sha256: str
    keys: tuple[int, ...]


def inspect(data: bytes, *, name: str = "video", limits: Limits | None = None) -> Media:
    """Check a video and describe it as a media part that carries its bytes. The picture in its middle is decoded.

    Raises:
        InvalidMedia: With the reason and the mend, also for a file name that contradicts the content.
        MissingExtra: The extra `media` is not installed.
    """
    mime = _checked(data, name, limits or Limits())
    check_name(name, mime)
    with opened(data, mime, name) as container:
        outline = _outline(container, name, limits or Limits())
    (middle,) = stills(data, [outline.seconds / 2], name=name, limits=limits)
    return Media(
        kind="video",
        sha256=hashlib.sha256(data).hexdigest(),
        mime=mime,
        size=len(data),
        width=middle.width,
        height=middle.height,
        pixel_sha256=outline.sha256,
        dhash=imaging.dhash(middle),
        data=data,
        seconds=outline.seconds,
    )


def stills(
    data: bytes, times: Sequence[float], *, name: str = "video", limits: Limits | None = None
) -> list[Image.Image]:
    """The RGB pictures that are shown at these times, rotation applied.

    Args:
        data: The file's bytes.
        times: Seconds after the first picture; beyond the end the last picture is shown.
        name: How errors call it.
        limits: Sizes that are refused.

    Raises:
        InvalidMedia: The video cannot be read or breaks a limit.
        MissingExtra: The extra `media` is not installed.
    """
    limits = limits or Limits()
    mime = _checked(data, name, limits)
    with opened(data, mime, name) as container:
        outline = _outline(container, name, limits)
    found: dict[float, Image.Image] = {}
    with opened(data, mime, name) as container:
        stream = _stream(container, name)
        stream.thread_type = "AUTO"
        walk = _Walk(container, stream, outline)
        for time in sorted(set(times)):
            picture = walk.shown(outline.start + round(time / _unit(stream)))
            if picture is None:
                raise InvalidMedia(
                    "no picture can be decoded", field=name, mend="Export it again from its source"
                )
            found[time] = _flat(picture, name, limits)
    return [found[time] for time in times]


def _checked(data: bytes, name: str, limits: Limits) -> str:
    mime = sniff(data)
    if mime not in FORMATS:
        raise InvalidMedia(
            "the bytes are no video that is read",
            field=name,
            mend=f"Use one of {', '.join(FORMATS.values())}",
        )
    if len(data) > limits.max_bytes:
        raise InvalidMedia(
            f"the video has {len(data):,} bytes, more than {limits.max_bytes:,}",
            field=name,
            mend="Cut it or raise SHOTSMITH_MAX_VIDEO_BYTES",
        )
    return mime


def _stream(container: InputContainer, name: str) -> VideoStream:
    if not container.streams.video:
        raise InvalidMedia("the file has no pictures in it", field=name, mend="Send a sound as WAV or MP3")
    return container.streams.video[0]


def _unit(stream: VideoStream) -> float:
    """Seconds of one unit of the stream."""
    return float(stream.time_base or 0) or 1.0


def _outline(container: InputContainer, name: str, limits: Limits) -> Outline:
    stream = _stream(container, name)
    _check_size(stream.width, stream.height, name, limits)
    known = hashlib.sha256(f"video|{stream.width}x{stream.height}|".encode())
    starts: list[int] = []
    keys: list[int] = []
    end = 0
    for packet in container.demux(stream):
        at = packet.dts if packet.pts is None else packet.pts
        if at is None or not packet.size:
            continue
        known.update(bytes(packet))
        starts.append(at)
        if packet.is_keyframe:
            keys.append(at)
        end = max(end, at + (packet.duration or 0))
        if len(starts) > limits.max_frames or (end - starts[0]) * _unit(stream) > limits.max_seconds:
            raise InvalidMedia(
                f"the video is longer than {limits.max_seconds:g} seconds or {limits.max_frames:,} pictures",
                field=name,
                mend="Cut it or raise SHOTSMITH_MAX_VIDEO_SECONDS",
            )
    if not starts:
        raise InvalidMedia("the video has no pictures", field=name, mend="Export it again from its source")
    start = min(starts)
    return Outline(start, round((end - start) * _unit(stream), 3), known.hexdigest(), tuple(sorted(keys)))


class _Walk:
    """Goes through a video forwards, and leaps where a key picture lies ahead: nothing is decoded twice."""

    def __init__(self, container: InputContainer, stream: VideoStream, outline: Outline) -> None:
        self._container = container
        self._stream = stream
        self._outline = outline
        self._frames: Iterator[Any] = iter(())
        self._last: Any = None
        self._ahead: Any = None

    def shown(self, at: int) -> Any:
        """The picture that is on show at a time no earlier than the last one: the last that began by then."""
        place = bisect_right(self._outline.keys, at)
        key = self._outline.keys[place - 1] if place else self._outline.start
        reached = self._ahead or self._last
        if reached is None or key > reached.pts:
            self._leap(at)
        self._advance(at)
        if self._last is not None and self._last.pts > at > self._outline.start:
            # Some containers leap too far.
            self._leap(self._outline.start)
            self._advance(at)
        return self._last

    def _leap(self, at: int) -> None:
        self._container.seek(at, stream=self._stream, backward=True)
        self._frames = _pictures(self._container, self._stream)
        self._last, self._ahead = None, next(self._frames, None)

    def _advance(self, at: int) -> None:
        while self._ahead is not None and (self._last is None or self._ahead.pts <= at):
            self._last, self._ahead = self._ahead, next(self._frames, None)


def _pictures(container: InputContainer, stream: VideoStream) -> Iterator[Any]:
    for frame in container.decode(stream):
        if frame.pts is None:
            frame.pts = frame.dts  # AVI tells only when pictures are decoded
        if frame.pts is not None:
            yield frame


def _flat(frame: Any, name: str, limits: Limits) -> Image.Image:
    # A stream may change its size on the way.
    _check_size(frame.width, frame.height, name, limits)
    picture: Image.Image = frame.to_image()
    turn = int(getattr(frame, "rotation", 0) or 0) % 360
    return picture.rotate(turn, expand=True) if turn else picture


def _check_size(width: int, height: int, name: str, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise InvalidMedia(
            f"the video has {width:,} x {height:,} pixels, more than {limits.max_pixels:,}",
            field=name,
            mend="Shrink it",
        )
