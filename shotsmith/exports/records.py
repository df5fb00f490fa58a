"""What is read back from an export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL.Image import Image

from ..domain.errors import UnknownName
from ..domain.scoring import Matrix, Vector
from ..domain.selections import Removal
from ..imaging import Limits, decode


@dataclass(frozen=True, slots=True)
class ExportedImage:
    """An image of a query or a demonstration.

    Attributes:
        sha256: Hash of its bytes.
        source_sha256: Hash of the stored original; the same where originals were exported.
        mime: Type.
        width: Pixels, after EXIF orientation is applied.
        height: Pixels, after EXIF orientation is applied.
        size: Bytes.
    """

    sha256: str
    source_sha256: str
    mime: str
    width: int
    height: int
    size: int
    _load: Callable[[str], bytes] = field(repr=False, compare=False)

    @property
    def data(self) -> bytes:
        """The bytes, read when they are asked for."""
        return self._load(self.sha256)

    def picture(self) -> Image:
        """The RGB picture: EXIF orientation applied, transparency laid on white, as encoders see it."""
        return decode(
            self.data,
            name=self.sha256,
            limits=Limits(max_pixels=self.width * self.height, max_bytes=self.size),
        )


@dataclass(frozen=True, slots=True)
class ExportedDemonstration:
    """A demonstration. Fields as in `Demonstration` and its `Example`.

    Attributes:
        images: What is shown: none where `bare`.
        vectors: The example's stored unit vectors by space; a missing one is absent.
    """

    position: int
    rank: int
    id: str
    text: str
    answer: str
    labels: tuple[str, ...]
    group: str | None
    split: str | None
    tags: tuple[str, ...]
    metadata: Mapping[str, Any]
    score: float | None
    scores: Mapping[str, float]
    stage: str
    fixed: bool
    bare: bool
    reason: str
    images: tuple[ExportedImage, ...]
    vectors: Mapping[str, Vector] = field(repr=False, compare=False)

    @property
    def said(self) -> str:
        """What a prompt says as its answer: the answer, else the labels."""
        return self.answer.strip() or ", ".join(self.labels)


@dataclass(frozen=True, slots=True)
class ExportedQuery:
    """A query and its demonstrations.

    Attributes:
        number: From 0, in the order in which queries were given.
        id: The example that it is; None for one that is not stored.
        key: Identity of what is asked.
        text: Input text.
        answer: The expected answer; None where it is not known.
        labels: The expected labels; None where they are not known.
        group: Its group.
        metadata: What is known of it beside content.
        images: What it shows.
        eligible: How many examples could have been chosen.
        short: Whether there are fewer demonstrations than the recipe promises.
        flags: What to know, such as a missing modality.
        removed: What the leak guard kept out.
        demonstrations: In prompt order.
        vectors: Its unit vectors by space; a missing one is absent.
        spaces: Dimension of every space of the export.
    """

    number: int
    id: str | None
    key: str
    text: str
    answer: str | None
    labels: tuple[str, ...] | None
    group: str | None
    metadata: Mapping[str, Any]
    images: tuple[ExportedImage, ...]
    eligible: int
    short: bool
    flags: tuple[str, ...]
    removed: tuple[Removal, ...]
    demonstrations: tuple[ExportedDemonstration, ...]
    vectors: Mapping[str, Vector] = field(repr=False, compare=False)
    spaces: Mapping[str, int] = field(repr=False)

    def matrix(self, space: str) -> Matrix:
        """The vectors of the demonstrations, [k, d] in prompt order; a row of NaN for each that has none.

        Raises:
            UnknownName: The export has no such space.
        """
        if space not in self.spaces:
            mend = f"There are {', '.join(self.spaces)}"
            raise UnknownName("no such space in the export", field="space", value=space, mend=mend)
        rows = np.full((len(self.demonstrations), self.spaces[space]), np.nan, dtype=np.float32)
        for row, shot in zip(rows, self.demonstrations, strict=True):
            if space in shot.vectors:
                row[:] = shot.vectors[space]
        return rows
