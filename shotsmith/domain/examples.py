"""Pools, examples and queries."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .media import Media, MediaKind
from .scoring import digest

PoolKind = Literal["classification", "vqa", "captioning", "regression", "open"]
Status = Literal["active", "quarantined"]
OnConflict = Literal["error", "skip", "replace"]


def normal_text(text: str) -> str:
    """Text as duplicates are judged: NFKC, case-folded, spaces collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def letters(text: str) -> str:
    """A text's letters and digits alone: equal for texts that differ in case, spaces and punctuation only."""
    return "".join(character for character in normal_text(text) if character.isalnum())


def text_key(text: str) -> str:
    """One hash for texts that count as the same."""
    return hashlib.sha256(normal_text(text).encode()).hexdigest()


def pixel_key(media: tuple[Media, ...]) -> str:
    """One hash for a set of pictures, sounds and videos, whatever their order or encoding; empty without any."""
    if not media:
        return ""
    return hashlib.sha256(
        "|".join(sorted(part.pixel_sha256 for part in media if part.first)).encode()
    ).hexdigest()


@dataclass(frozen=True, slots=True)
class Pool:
    """A named set of examples with one task.

    Attributes:
        name: How people refer to it; letters, digits, dot, dash and underscore.
        uid: Stable identity; the name of its index space.
        kind: The task family.
        instruction: What the model is asked to do, shown once at the start of every prompt.
        labels: The label space. Empty means open: labels are what the examples carry.
        encoder: How to load the encoder whose vectors the pool holds, e.g. "embedded".
        encoder_id: Exact identity of that encoder; equal ids give equal vectors.
        answer_format: How an answer should look, added to the instruction.
        version: Hash of the set of examples, independent of the order in which they came.
        size: Number of stored examples.
        created_at: UTC.
    """

    name: str
    uid: str
    kind: PoolKind
    encoder: str
    encoder_id: str
    created_at: datetime
    instruction: str = ""
    labels: tuple[str, ...] = ()
    answer_format: str = ""
    version: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled item of a pool.

    Attributes:
        id: Unique in its pool; chosen by the user or derived from the file's path.
        media: Zero or more parts, in the order they are shown.
        text: Input text: a question, a title, a report; never the answer.
        answer: What a model should say.
        labels: Class labels; empty for free-form tasks. The first is the one that balancing uses.
        group: Items that must not leak into each other's prompts in evaluation (patient, product, scene).
        split: For example "train" or "test"; selection reads "train" examples and those without a split.
        tags: Free keywords for filters.
        metadata: Flat, JSON-serialisable values for filters.
        status: Quarantined examples are kept and never selected.
        created_at: UTC; when it was first stored.
    """

    id: str
    media: tuple[Media, ...] = ()
    text: str = ""
    answer: str = ""
    labels: tuple[str, ...] = ()
    group: str | None = None
    split: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "active"
    created_at: datetime | None = None

    @property
    def label(self) -> str | None:
        """The label that balancing and voting use."""
        return self.labels[0] if self.labels else None

    @property
    def pixel_key(self) -> str:
        """Identity of what is seen and heard, however encoded."""
        return pixel_key(self.media)

    @property
    def content_sha256(self) -> str:
        """Hash of everything the user gave except the id; equal content makes a repeated write a no-op."""
        return digest(
            {
                "media": [[part.kind, part.sha256] for part in self.media],
                "text": self.text,
                "answer": self.answer,
                "labels": list(self.labels),
                "group": self.group,
                "split": self.split,
                "tags": sorted(self.tags),
                "metadata": dict(self.metadata),
                "status": self.status,
            }
        )

    @property
    def text_key(self) -> str:
        """Identity of the text, as duplicates are judged."""
        return text_key(self.text)

    def facts(self) -> dict[str, Any]:
        """What filters look at."""
        return {
            "label": self.label or "",
            "labels": list(self.labels),
            "tags": sorted(self.tags),
            "split": self.split or "",
            "group": self.group or "",
            "metadata": dict(self.metadata),
        }

    def payload(self) -> dict[str, Any]:
        """What an index keeps beside the vectors: `facts` and the hash of the content."""
        return {**self.facts(), "content": self.content_sha256}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every active example of a pool without its content: what is needed to filter, count and draw.

    Attributes:
        payloads: `Example.payload` by id, ids ascending.
        dhashes: Difference hashes of each example's pictures and videos.
    """

    payloads: Mapping[str, Mapping[str, Any]]
    dhashes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file as it came: its name for error messages, its bytes, and what it must be; None for whatever it is."""

    name: str
    data: bytes = field(repr=False)
    kind: MediaKind | None = None


@dataclass(frozen=True, slots=True)
class ImageFile(MediaFile):
    """A file that must be an image."""

    kind: MediaKind | None = "image"


@dataclass(frozen=True, slots=True)
class Draft:
    """An example on its way in, before its files are checked and hashed. Fields as in `Example`.

    Images are shown before the other media.

    `where` tells people which line, row or file it came from. Without an id it gets one from its content.
    """

    where: str
    id: str | None = None
    images: tuple[ImageFile, ...] = ()
    text: str = ""
    answer: str = ""
    labels: tuple[str, ...] = ()
    group: str | None = None
    split: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    media: tuple[MediaFile, ...] = ()

    @property
    def files(self) -> tuple[MediaFile, ...]:
        """Images, sounds and videos in the order they are shown."""
        return (*self.images, *self.media)


@dataclass(frozen=True, slots=True)
class Query:
    """An example without its answer: what the user wants answered now.

    Attributes:
        media: Parts with their bytes in `data`.
        text: Input text.
        id: Set when the query is an example of the pool, so that it is never shown to itself.
        group: Its group, kept out of the demonstrations in evaluation.
        metadata: What is known of it beside content, such as the site or the device; `matched` compares it.
    """

    media: tuple[Media, ...] = ()
    text: str = ""
    id: str | None = None
    group: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pixel_key(self) -> str:
        """Identity of what is seen and heard, however encoded."""
        return pixel_key(self.media)

    @property
    def key(self) -> str:
        """Identity for keyed randomness and caches: what is asked, not who asks."""
        return digest({"pixels": [part.pixel_sha256 for part in self.media if part.first], "text": self.text})
