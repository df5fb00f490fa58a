"""Pictures of stored examples: decoded for encoders, prepared for prompts."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from PIL.Image import Image

from ..domain.errors import NotFound
from ..domain.media import Media
from ..domain.messages import ImagePart
from ..imaging import Limits, decode
from ..prompts.images import prepare, spec_key
from ..storage import Blobs, Renders
from ..storage.renders import Render

_KEPT_BYTES = 256_000_000


class Pictures:
    """Loads media, and keeps the prompt-ready form of each: made once, then the same bytes for ever.

    Args:
        blobs: Where originals and prepared images are.
        renders: Which prepared image belongs to which original.
        limits: For decoding.
    """

    def __init__(self, blobs: Blobs, renders: Renders, limits: Limits) -> None:
        self._blobs = blobs
        self._renders = renders
        self._limits = limits
        self._kept: OrderedDict[tuple[str, str], ImagePart] = OrderedDict()
        self._kept_bytes = 0
        self._lock = Lock()

    def bytes_of(self, part: Media) -> bytes:
        """The original bytes."""
        return part.data if part.data is not None else self._blobs.get(part.sha256)

    def load(self, part: Media) -> Image:
        """The decoded RGB picture."""
        return decode(self.bytes_of(part), limits=self._limits)

    def prepared(self, part: Media, max_side: int, quality: int) -> ImagePart:
        """The picture as a prompt carries it."""
        key = (part.sha256, spec_key(max_side, quality))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._recall(*key) or self._make(part, key[1], max_side, quality)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._kept_bytes += len(made.data)
            while self._kept_bytes > _KEPT_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= len(dropped.data)
        return made

    def _recall(self, source_sha256: str, spec: str) -> ImagePart | None:
        render = self._renders.get(source_sha256, spec)
        if render is None:
            return None
        try:
            data = self._blobs.get(render.sha256)
        except NotFound:
            # It is made again from the original, to the same bytes.
            return None
        return ImagePart(data, render.mime, render.width, render.height)

    def _make(self, part: Media, spec: str, max_side: int, quality: int) -> ImagePart:
        made = prepare(self.bytes_of(part), max_side=max_side, quality=quality, limits=self._limits)
        if part.data is not None:
            # A query's picture: nothing of a question is kept.
            return made
        render = Render(self._blobs.put(made.data), made.mime, made.width, made.height)
        first = self._renders.put(part.sha256, spec, render)
        if first != render:
            # Another process prepared it at the same time; its bytes are the ones prompts were built from.
            return self._recall(part.sha256, spec) or made
        return made
