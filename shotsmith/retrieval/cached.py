"""An encoder that remembers: pictures and texts that were embedded before are looked up by content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from PIL.Image import Image

from ..domain.protocols import Encoder
from ..domain.scoring import Matrix
from ..imaging import pixel_sha256
from .embedding import Cache, Vectors, picture_key, text_key

T = TypeVar("T")


class CachedEncoder:
    """Any encoder behind the embeddings cache; what is new is encoded and not stored.

    Args:
        inner: Encodes what the cache does not know.
        cache: Vectors by encoder id and content.
    """

    def __init__(self, inner: Encoder, cache: Cache) -> None:
        self._inner = inner
        self._cache = cache

    @property
    def id(self) -> str:
        """The inner encoder's: the vectors are the same."""
        return self._inner.id

    @property
    def dims(self) -> Mapping[str, int]:
        """The inner encoder's."""
        return self._inner.dims

    def encode_images(self, images: Sequence[Image]) -> Mapping[str, Matrix]:
        """As the inner encoder does."""
        keys = [picture_key(pixel_sha256(image)) for image in images]
        return self._through(keys, images, self._inner.encode_images)

    def encode_texts(self, texts: Sequence[str]) -> Mapping[str, Matrix]:
        """As the inner encoder does."""
        return self._through([text_key(text) for text in texts], texts, self._inner.encode_texts)

    def _through(
        self, keys: Sequence[str], items: Sequence[T], encode: Callable[[Sequence[T]], Mapping[str, Matrix]]
    ) -> Mapping[str, Matrix]:
        known: dict[str, Vectors] = self._cache.get(self.id, list(dict.fromkeys(keys)))
        unknown = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
        fresh = encode(list(unknown.values())) if unknown or not keys else {}
        for space, matrix in fresh.items():
            for key, row in zip(unknown, matrix, strict=True):
                known.setdefault(key, {})[space] = row
        spaces = fresh.keys() or known[keys[0]].keys()
        return {
            space: np.stack([known[key][space] for key in keys]) if keys else fresh[space] for space in spaces
        }
