"""Embeddings by content: what was encoded once is not encoded again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from ...domain.messages import ImagePart
from ...domain.protocols import Encoder
from ...domain.scoring import Matrix, Vector
from ...imaging import decode

Vectors = Mapping[str, Vector]
"""Unit vectors by space; a space without a score is absent."""

_T = TypeVar("_T")
_BATCH = 64  # decoded pictures held at a time


class EmbeddingMemo:
    """An encoder with a bounded memory, safe to share between threads.

    Args:
        encoder: Does the work.
        capacity: Images and texts remembered; the least recently used one goes first.
    """

    def __init__(self, encoder: Encoder, *, capacity: int = 4096) -> None:
        self._encoder = encoder
        self._capacity = capacity
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def images(self, images: Sequence[ImagePart]) -> list[Vectors]:
        """Vectors of each image, by its bytes.

        Raises:
            InvalidImage: Bytes that are not one decodable still picture.
        """

        def encode(parts: Sequence[ImagePart]) -> Mapping[str, Matrix]:
            return self._encoder.encode_images(
                [decode(part.data, name="image in a message") for part in parts]
            )

        return self._recall([f"image {part.sha256}" for part in images], images, encode)

    def texts(self, texts: Sequence[str]) -> list[Vectors]:
        """Vectors of each text, by its characters."""
        keys = [f"text {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}" for text in texts]
        return self._recall(keys, texts, self._encoder.encode_texts)

    def _recall(
        self, keys: Sequence[str], items: Sequence[_T], encode: Callable[[Sequence[_T]], Mapping[str, Matrix]]
    ) -> list[Vectors]:
        found: dict[str, Vectors] = {}
        with self._lock:
            for key in keys:
                if key in self._known:
                    self._known.move_to_end(key)
                    found[key] = self._known[key]
        missing = {key: item for key, item in zip(keys, items, strict=True) if key not in found}
        order = list(missing)
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            matrices = encode([missing[key] for key in batch])
            for row, key in enumerate(batch):
                found[key] = {space: matrix[row] for space, matrix in matrices.items() if np.any(matrix[row])}
            with self._lock:
                self._known.update((key, found[key]) for key in batch)
                while len(self._known) > self._capacity:
                    self._known.popitem(last=False)
        return [found[key] for key in keys]
