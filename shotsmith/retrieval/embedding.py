"""From media and text to vectors by space, through a cache keyed by content hash and encoder id."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
from PIL.Image import Image

from ..domain.examples import normal_text
from ..domain.media import Media
from ..domain.protocols import Encoder
from ..domain.scoring import Matrix, Vector, digest, unit

Vectors = dict[str, Vector]
LoadPicture = Callable[[Media], Image]
_QUERIES = 2048
_PIXELS = 64_000_000


class Cache(Protocol):
    """Remembers vectors by encoder id and content key."""

    def get(self, encoder_id: str, contents: Sequence[str]) -> dict[str, Vectors]:
        """Known vectors by content key."""
        ...

    def put(self, encoder_id: str, vectors: Mapping[str, Vectors]) -> None:
        """Remember vectors by content key."""
        ...


@dataclass(frozen=True, slots=True)
class Item:
    """What is embedded as one: the pictures and the text of an example or a query."""

    media: tuple[Media, ...]
    text: str


class Embedder:
    """Embeds items with one encoder.

    Several pictures are one vector, the mean of their unit vectors; the joint vector is the mean of what the pictures
    and the text give in the joint space. What cannot be embedded is absent, never zero.

    Args:
        encoder: Makes the vectors.
        cache: Keeps them.
        load: Decodes a media part to an RGB picture.
    """

    def __init__(self, encoder: Encoder, cache: Cache, load: LoadPicture) -> None:
        self.encoder = encoder
        self._cache = cache
        self._load = load
        self._queries: OrderedDict[tuple[str, ...], Vectors] = OrderedDict()
        self._lock = Lock()

    def query(self, item: Item) -> Vectors:
        """Vectors of a query: remembered in memory by content, never stored."""
        key = (*(part.pixel_sha256 for part in item.media), item.text)
        with self._lock:
            if key in self._queries:
                self._queries.move_to_end(key)
                return self._queries[key]
        vectors = self.embed([item], keep=False)[0]
        with self._lock:
            self._queries[key] = vectors
            while len(self._queries) > _QUERIES:
                self._queries.popitem(last=False)
        return vectors

    def embed(
        self, items: Sequence[Item], *, keep: bool = True, pictures: Mapping[str, Image] | None = None
    ) -> list[Vectors]:
        """Vectors by space for each item.

        Args:
            items: What to embed.
            keep: Whether new vectors go into the cache; queries are only looked up.
            pictures: Pictures that are decoded already, by pixel hash.
        """
        parts = {picture_key(part.pixel_sha256): part for item in items for part in item.media}
        texts = {text_key(item.text): item.text for item in items if normal_text(item.text)}
        known = self._cache.get(self.encoder.id, [*parts, *texts])
        fresh = self._encode(
            {key: part for key, part in parts.items() if key not in known},
            {key: text for key, text in texts.items() if key not in known},
            pictures or {},
        )
        if keep and fresh:
            self._cache.put(self.encoder.id, fresh)
        known.update(fresh)
        return [_joined(item, known) for item in items]

    def _encode(
        self, parts: Mapping[str, Media], texts: Mapping[str, str], pictures: Mapping[str, Image]
    ) -> dict[str, Vectors]:
        fresh: dict[str, Vectors] = {}
        if parts and "image" in self.encoder.dims:
            for keys in _groups(parts):
                ready = [pictures.get(parts[key].pixel_sha256) or self._load(parts[key]) for key in keys]
                _spread(fresh, keys, self.encoder.encode_images(ready))
        if texts and "text" in self.encoder.dims:
            _spread(fresh, list(texts), self.encoder.encode_texts(list(texts.values())))
        return fresh


def _groups(parts: Mapping[str, Media]) -> Iterator[list[str]]:
    """Keys in groups that fit into memory once decoded."""
    group: list[str] = []
    pixels = 0
    for key, part in parts.items():
        pixels += part.width * part.height
        if group and pixels > _PIXELS:
            yield group
            group, pixels = [], part.width * part.height
        group.append(key)
    if group:
        yield group


def picture_key(pixel_sha256: str) -> str:
    """Cache key of a picture: its pixels, however encoded."""
    return f"image:{pixel_sha256}"


def text_key(text: str) -> str:
    """Cache key of a text, letter by letter."""
    return f"text:{digest(text)}"


def _spread(fresh: dict[str, Vectors], keys: Sequence[str], spaces: Mapping[str, Matrix]) -> None:
    for key in keys:
        fresh[key] = {}
    for space, matrix in spaces.items():
        for key, row in zip(keys, matrix, strict=True):
            fresh[key][space] = np.asarray(row, dtype=np.float32)


def _joined(item: Item, known: Mapping[str, Vectors]) -> Vectors:
    shown = [known[key] for part in item.media if (key := picture_key(part.pixel_sha256)) in known]
    said = known.get(text_key(item.text), {})
    joint_shown = _mean([vectors["joint"] for vectors in shown if "joint" in vectors])
    made = {
        "image": _mean([vectors["image"] for vectors in shown if "image" in vectors]),
        "text": said.get("text"),
        "joint": _mean([vector for vector in (joint_shown, said.get("joint")) if vector is not None]),
    }
    return {space: vector for space, vector in made.items() if vector is not None and vector.any()}


def _mean(vectors: Sequence[Vector]) -> Vector | None:
    usable = [vector for vector in vectors if vector.any()]
    if not usable:
        return None
    if len(usable) == 1:
        return usable[0]
    return unit(np.mean(np.asarray(usable, dtype=np.float64), axis=0))
