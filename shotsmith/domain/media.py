"""Media parts: what an example or a query shows besides its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

MediaKind = Literal["image", "audio", "video"]


class Frame(NamedTuple):
    """One of the pictures that a video is shown as: the `number`-th, from 1, of so many."""

    number: int
    of: int


@dataclass(frozen=True, slots=True)
class Media:
    """One media part, described by its content.

    Attributes:
        kind: What the part is.
        sha256: Hash of the stored bytes: the blob's key.
        mime: Type found in the bytes, not the one that was claimed.
        size: Bytes.
        width: Pixels, as it is shown (EXIF orientation and rotation applied); 0 for what is only heard.
        height: As `width`.
        pixel_sha256: Hash of what is seen or heard: of size and RGB pixels of a picture, of the samples of a sound, of
            the coded pictures of a video. Equal for the same content however it is packed.
        dhash: 64-bit difference hash as 16 hex digits; near-duplicates differ in few bits. A video's is that of the
            picture in its middle; empty for what is only heard.
        data: The bytes, where they travel with the part; stored examples keep them in the blob store.
        seconds: How long it plays; None for a picture.
        frame: Of a video, the one picture that stands here; None for all of it.
    """

    kind: MediaKind
    sha256: str
    mime: str
    size: int
    width: int
    height: int
    pixel_sha256: str
    dhash: str
    data: bytes | None = field(default=None, repr=False, compare=False)
    seconds: float | None = None
    frame: Frame | None = None

    @property
    def seen(self) -> bool:
        """Whether it has a picture to look at."""
        return self.kind != "audio"

    @property
    def first(self) -> bool:
        """Whether it is more than a further picture of the video before it."""
        return self.frame is None or self.frame.number == 1
