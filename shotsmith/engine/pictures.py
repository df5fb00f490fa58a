"""Images, sounds and videos of stored examples: decoded for encoders, prepared for prompts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import TypeVar

from PIL.Image import Image

from ..domain.errors import InvalidMedia, NotFound
from ..domain.media import Frame, Media
from ..domain.messages import AudioPart, ImagePart, MediaPart
from ..domain.recipes import Recipe
from ..media import Limits, picture_of, videos
from ..prompts import frames, sounds
from ..prompts.build import Picture
from ..prompts.images import encode_lossy, prepare, spec_key
from ..storage import Blobs, Renders
from ..storage.renders import Render

_KEPT_BYTES = 256_000_000
P = TypeVar("P", ImagePart, AudioPart)


class Pictures:
    """Loads media, and keeps the prompt-ready form of each: made once, then the same bytes for ever.

    Args:
        blobs: Where originals and prepared media are.
        renders: Which prepared form belongs to which original.
        limits: For decoding.
    """

    def __init__(self, blobs: Blobs, renders: Renders, limits: Limits) -> None:
        self._blobs = blobs
        self._renders = renders
        self._limits = limits
        self._kept: OrderedDict[tuple[str, str], MediaPart] = OrderedDict()
        self._kept_bytes = 0
        self._lock = Lock()

    def bytes_of(self, part: Media) -> bytes:
        """The original bytes."""
        return part.data if part.data is not None else self._blobs.get(part.sha256)

    def load(self, part: Media) -> Image:
        """The decoded RGB picture; of a video the one in its middle."""
        return picture_of(part, self.bytes_of(part), self._limits)

    def shown(self, recipe: Recipe) -> Picture:
        """How a recipe's prompts carry images, sounds, and the pictures of videos that `frames.unrolled` lists."""

        def show(part: Media, max_side: int, quality: int) -> MediaPart:
            if part.kind == "audio":
                return self.sound(part, recipe.audio.form)
            made = self.prepared(part, max_side, quality)
            if part.frame is None or not recipe.video.stamps:
                return made
            return frames.labelled(made, part)

        return show

    def prepared(self, part: Media, max_side: int, quality: int) -> ImagePart:
        """A picture as a prompt carries it; of a video the one that `part.frame` names, or the one in its middle.

        Raises:
            InvalidMedia: It is a sound.
        """
        if part.kind == "audio":
            raise InvalidMedia("a sound has no picture", field="media", value=part.sha256)
        spec = spec_key(max_side, quality)
        if _moves(part):
            spec = frames.spec_key(part.frame or frames.MIDDLE, max_side, quality)
        found = self._found(part, spec)
        return found if isinstance(found, ImagePart) else self._make(part, max_side, quality)[spec]

    def sound(self, part: Media, form: sounds.Form) -> AudioPart:
        """A sound as a prompt carries it."""
        spec = sounds.spec_key(form)
        found = self._found(part, spec)
        if isinstance(found, AudioPart):
            return found
        made = sounds.prepare(
            self.bytes_of(part), form=form, seconds=part.seconds or 0.0, limits=self._limits.sounds
        )
        return self._settled(part, spec, made)

    def _make(self, part: Media, max_side: int, quality: int) -> Mapping[str, ImagePart]:
        """A picture; or all those of a video that are shown together, for it is decoded once."""
        data = self.bytes_of(part)
        if not _moves(part):
            made = prepare(data, max_side=max_side, quality=quality, limits=self._limits.images)
            spec = spec_key(max_side, quality)
            return {spec: self._settled(part, spec, made)}
        count = (part.frame or frames.MIDDLE).of
        moments = frames.times(part.seconds or 0.0, count)
        found = {}
        for number, still in enumerate(videos.stills(data, moments, limits=self._limits.videos), start=1):
            spec = frames.spec_key(Frame(number, count), max_side, quality)
            found[spec] = self._settled(part, spec, encode_lossy(still, max_side, quality))
        return found

    def _found(self, part: Media, spec: str) -> MediaPart | None:
        """What was made before, in memory or in the stores."""
        key = (part.sha256, spec)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._recall(part, spec)
        if found is not None:
            self._keep(key, found)
        return found

    def _recall(self, part: Media, spec: str) -> MediaPart | None:
        render = self._renders.get(part.sha256, spec)
        if render is None:
            return None
        try:
            data = self._blobs.get(render.sha256)
        except NotFound:
            # It is made again from the original, to the same bytes.
            return None
        if part.kind == "audio":
            return AudioPart(data, render.mime, part.seconds or 0.0)
        return ImagePart(data, render.mime, render.width, render.height)

    def _settled(self, part: Media, spec: str, made: P) -> P:
        """What was made, or what another process made of it first: those bytes are the ones prompts were built from."""
        # Of a query's media nothing is kept in the stores.
        if part.data is None:
            sides = (made.width, made.height) if isinstance(made, ImagePart) else (0, 0)
            render = Render(self._blobs.put(made.data), made.mime, *sides)
            if self._renders.put(part.sha256, spec, render) != render:
                first = self._recall(part, spec)
                made = first if isinstance(first, type(made)) else made
        self._keep((part.sha256, spec), made)
        return made

    def _keep(self, key: tuple[str, str], made: MediaPart) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._kept_bytes += len(made.data)
            while self._kept_bytes > _KEPT_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= len(dropped.data)


def _moves(part: Media) -> bool:
    return part.kind == "video" or part.frame is not None
