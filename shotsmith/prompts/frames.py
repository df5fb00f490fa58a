"""Videos as they are sent: still pictures at regular times, each with its time before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..domain.media import Frame, Media
from ..domain.messages import ImagePart, Message, Part, TextPart
from ..domain.selections import Selection
from .dialects import Brief, Dialect

# Raised when the rule below changes what comes out, as in `images`.
_RULE = 1
#: The one picture that stands for a video where there is room for one.
MIDDLE = Frame(1, 1)


@dataclass(frozen=True)
class FramePart(ImagePart):
    """A picture of a video. Dialects lay it out as any image; `Stamped` then puts its time before it."""

    stamp: str = ""


class Stamped:
    """A dialect whose pictures of videos have their times before them, as in `[0:03]`.

    Args:
        inner: Lays everything out.
    """

    def __init__(self, inner: Dialect) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """The messages of the dialect, with the times."""
        messages = self._inner.render(brief)
        if not any(isinstance(part, FramePart) for message in messages for part in message.parts):
            return messages
        return tuple(replace(message, parts=tuple(_with_times(message.parts))) for message in messages)


def unrolled(selection: Selection) -> Selection:
    """The selection with each video in it as the pictures it is shown as, so that each is one image to a prompt."""
    shown = [selection.query.media, *(shot.example.media for shot in selection.demonstrations)]
    if not any(part.kind == "video" for media in shown for part in media):
        return selection
    spec = selection.recipe.video
    media = unroll(selection.query.media, spec.query_frames)
    query = replace(selection.query, media=media)
    shots = tuple(
        replace(shot, example=replace(shot.example, media=unroll(shot.example.media, spec.frames)))
        for shot in selection.demonstrations
    )
    return replace(selection, query=query, demonstrations=shots)


def unroll(media: Sequence[Media], count: int) -> tuple[Media, ...]:
    """Media with `count` pictures in place of each video; they keep its hashes, and tell which of them they are."""
    return tuple(
        one
        for part in media
        for one in (
            (replace(part, kind="image", frame=Frame(number, count)) for number in range(1, count + 1))
            if part.kind == "video"
            else (part,)
        )
    )


def spec_key(frame: Frame, max_side: int, quality: int) -> str:
    """The key under which a caller keeps a prepared picture of a video: equal keys, equal treatment."""
    return f"frame-{_RULE}-{frame.number}of{frame.of}-side{max_side}-q{quality}"


def times(seconds: float, count: int) -> tuple[float, ...]:
    """When `count` pictures are taken: in the middle of as many equal stretches, seconds from the start."""
    return tuple(round((number + 0.5) * seconds / count, 3) for number in range(count))


def labelled(part: ImagePart, media: Media) -> FramePart:
    """A prepared picture of a video with its time."""
    frame = media.frame or MIDDLE
    time = times(media.seconds or 0.0, frame.of)[frame.number - 1]
    return FramePart(part.data, part.mime, part.width, part.height, stamp(time))


def stamp(time: float) -> str:
    """A time for people and models: `[0:03]`, or `[1:02:03]` from one hour on."""
    minutes, seconds = divmod(int(time), 60)
    hours, minutes = divmod(minutes, 60)
    return f"[{hours}:{minutes:02}:{seconds:02}]" if hours else f"[{minutes}:{seconds:02}]"


def _with_times(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, FramePart):
            yield TextPart(part.stamp)
            yield ImagePart(part.data, part.mime, part.width, part.height)
        else:
            yield part
