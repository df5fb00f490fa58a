"""Sounds, videos and images from outside, each opened in one place only.

Images are read by `imaging`; sounds and videos by the modules here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL.Image import Image

from .. import imaging
from ..domain.errors import InvalidMedia
from ..domain.media import Media, MediaKind
from ..settings import Settings
from . import sounds, videos
from .kinds import check_name, claimed_kind, kind_of, sniff

__all__ = ["Limits", "kind_of", "limits_of", "opened", "picture_of", "sniff", "sounds", "videos"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused, by kind."""

    images: imaging.Limits = field(default_factory=imaging.Limits)
    sounds: sounds.Limits = field(default_factory=sounds.Limits)
    videos: videos.Limits = field(default_factory=videos.Limits)


def limits_of(settings: Settings) -> Limits:
    """What the settings refuse."""
    return Limits(
        imaging.Limits(settings.max_image_pixels, settings.max_image_bytes),
        sounds.Limits(settings.max_audio_bytes, settings.max_audio_seconds),
        videos.Limits(settings.max_video_bytes, settings.max_video_seconds),
    )


def opened(
    data: bytes, *, name: str, kind: MediaKind | None = None, limits: Limits | None = None
) -> tuple[Media, Image | None]:
    """Check one file and describe it; with the decoded picture, where it is an image.

    Args:
        data: The file's bytes.
        name: How errors call it.
        kind: What it must be; None for whatever its bytes are.
        limits: Sizes that are refused.

    Raises:
        InvalidImage: An image, or bytes that had to be one, cannot be used.
        InvalidMedia: The same for a sound or a video, and for a file of another kind.
        MissingExtra: The format needs the extra `media`.
    """
    limits = limits or Limits()
    found = kind_of(sniff(data))
    if kind in ("audio", "video") and found not in (kind, None):
        raise InvalidMedia(
            f"the file is {_named(found)}, not {_named(kind)}",
            field=name,
            mend=f"Send {_named(kind)} here",
        )
    if kind == "image" and found in ("audio", "video"):
        raise InvalidMedia(
            f"the file is {_named(found)}, not an image", field=name, mend="Send it as media, not as an image"
        )
    chosen = kind or found or claimed_kind(name)
    if chosen == "audio":
        return sounds.inspect(data, name=name, limits=limits.sounds), None
    if chosen == "video":
        return videos.inspect(data, name=name, limits=limits.videos), None
    picture = imaging.decode(data, name=name, limits=limits.images)
    part = imaging.describe(data, picture, name=name)
    check_name(name, part.mime)
    return part, picture


def picture_of(part: Media, data: bytes, limits: Limits | None = None) -> Image:
    """What stands for a part where one picture is looked at: itself, or the middle of a video.

    Raises:
        InvalidMedia: A sound has none.
    """
    limits = limits or Limits()
    if part.kind == "image":
        return imaging.decode(data, limits=limits.images)
    if part.kind == "video":
        (middle,) = videos.stills(data, [(part.seconds or 0.0) / 2], limits=limits.videos)
        return middle
    raise InvalidMedia("a sound has no picture", field="media", value=part.sha256)


def _named(kind: MediaKind | None) -> str:
    return {"image": "an image", "audio": "a sound", "video": "a video"}.get(kind or "", "unknown")
