"""How similar demonstrations are to the query: what offline and simulated models go by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...domain.protocols import Encoder
from ...domain.scoring import Vector, cosine, quantise, unit
from .memo import EmbeddingMemo, Vectors
from .parse_messages import Shot

Features = Mapping[str, Vector]
"""What is compared of a shot: one unit vector for "image" and one for "text", where there are any."""


class Comparer:
    """Compares shots, image with image and text with text; several images count as the mean of their unit vectors.

    Safe to share between threads.

    Args:
        encoder: Embeds images and texts.
        capacity: Embeddings remembered between calls.
    """

    def __init__(self, encoder: Encoder, *, capacity: int = 4096) -> None:
        self._spaces = encoder.dims
        self._memo = EmbeddingMemo(encoder, capacity=capacity)

    def similarities(
        self, query: Shot, shots: Sequence[Shot], modalities: Sequence[str] = ("image", "text")
    ) -> list[float | None]:
        """Mean cosine of each shot with the query over the modalities that both have; None where they share none.

        Raises:
            InvalidImage: An image that cannot be decoded.
        """
        # One call for all, so that the encoder can batch what is new.
        if "image" in modalities:
            self._memo.images([image for shot in (*shots, query) for image in shot.images])
        if "text" in modalities:
            self._memo.texts([shot.text for shot in (*shots, query) if shot.text])
        return _similarities(
            self._features(query, modalities), [self._features(one, modalities) for one in shots]
        )

    def names(self, names: Sequence[str]) -> list[Vectors]:
        """Vectors of each name, by space."""
        return self._memo.texts(names)

    def images(self, shot: Shot) -> Vectors:
        """The mean of a shot's images in each space that has one."""
        # Summed in the order of their content, so that their order in the prompt cannot show in the last bit.
        rows = self._memo.images(sorted(shot.images, key=lambda image: image.sha256))
        spaces = {space for row in rows for space in row}
        means = {space: _mean([row[space] for row in rows if space in row]) for space in spaces}
        return {space: mean for space, mean in means.items() if np.any(mean)}

    def text(self, shot: Shot) -> Vectors:
        """A shot's text in each space; empty without one."""
        return self._memo.texts([shot.text])[0] if shot.text else {}

    def _features(self, shot: Shot, modalities: Sequence[str]) -> Features:
        sides = {"image": self.images, "text": self.text}
        found = {
            modality: sides[modality](shot).get(modality if modality in self._spaces else "joint")
            for modality in modalities
        }
        return {modality: vector for modality, vector in found.items() if vector is not None}


def _mean(rows: Sequence[Vector]) -> Vector:
    if len(rows) == 1:
        return rows[0]
    total = np.sum(np.asarray(rows, dtype=np.float64), axis=0)
    return unit(total)


def _similarities(query: Features, shots: Sequence[Features]) -> list[float | None]:
    terms: list[list[float]] = [[] for _ in shots]
    for modality, vector in sorted(query.items()):
        having = [number for number, shot in enumerate(shots) if modality in shot]
        if having:
            rows = np.stack([shots[number][modality] for number in having])
            for number, score in zip(having, cosine(rows, vector), strict=True):
                terms[number].append(score)
    return [quantise(sum(scores) / len(scores)) if scores else None for scores in terms]
