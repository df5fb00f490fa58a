"""Media parts: what an example or a query shows besides its text.

A part is typed, so audio or video frames join later without a redesign; today every part is an image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

MediaKind = Literal["image"]


@dataclass(frozen=True, slots=True)
class Media:
    """One media part, described by its content.

    Attributes:
        kind: What the part is.
        sha256: Hash of the stored bytes: the blob's key.
        mime: Type found in the bytes, not the one that was claimed.
        size: Bytes.
        width: Pixels, after EXIF orientation is applied.
        height: Pixels, after EXIF orientation is applied.
        pixel_sha256: Hash of size and RGB pixels: equal for the same picture however it is encoded.
        dhash: 64-bit difference hash as 16 hex digits; near-duplicates differ in few bits.
        data: The bytes, where they travel with the part; stored examples keep them in the blob store.
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
