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


@dataclass(frozen=True, slots=True)
class Piece:
    """A picture, or one crop of it: tile number `tile` (from 0, row by row) of tiles x tiles."""

    media: Media
    tiles: int = 1
    tile: int = 0

    @property
    def key(self) -> str:
        """Cache key."""
        pixels = self.media.pixel_sha256
        return picture_key(pixels) if self.tiles == 1 else f"tile:{pixels}:{self.tiles}.{self.tile}"

    @property
    def pixels(self) -> int:
        """How many there are to encode."""
        return self.media.width * self.media.height // self.tiles**2

    def cut(self, picture: Image) -> Image:
        """This piece of the decoded picture."""
        if self.tiles == 1:
            return picture
        row, column = divmod(self.tile, self.tiles)
        left, right = (step * picture.width // self.tiles for step in (column, column + 1))
        upper, lower = (step * picture.height // self.tiles for step in (row, row + 1))
        return picture.crop((left, upper, max(right, left + 1), max(lower, upper + 1)))


class Embedder:
    """Embeds items with one encoder. A video is embedded as the picture in its middle; a sound gives no vector.

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
        self._pieces: OrderedDict[str, Vectors] = OrderedDict()
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
        pieces = {
            picture_key(part.pixel_sha256): Piece(part) for item in items for part in item.media if part.seen
        }
        texts = {text_key(item.text): item.text for item in items if normal_text(item.text)}
        known = self.pieces(pieces, texts, keep=keep, pictures=pictures)
        return [_joined(item, known) for item in items]

    def pieces(
        self,
        pictures_by_key: Mapping[str, Piece],
        texts_by_key: Mapping[str, str],
        *,
        keep: bool = True,
        pictures: Mapping[str, Image] | None = None,
    ) -> dict[str, Vectors]:
        """Vectors by cache key of single pictures, crops and texts; arguments as `embed`."""
        known = self._cache.get(self.encoder.id, [*pictures_by_key, *texts_by_key])
        if not keep:
            known |= self._recalled([*pictures_by_key, *texts_by_key])
        fresh = self._encode(
            {key: piece for key, piece in pictures_by_key.items() if key not in known},
            {key: text for key, text in texts_by_key.items() if key not in known},
            pictures or {},
        )
        if keep and fresh:
            self._cache.put(self.encoder.id, fresh)
        elif fresh:
            self._recall(fresh)
        return known | fresh

    def _recalled(self, keys: Sequence[str]) -> dict[str, Vectors]:
        with self._lock:
            return {key: self._pieces[key] for key in keys if key in self._pieces}

    def _recall(self, fresh: Mapping[str, Vectors]) -> None:
        """Remember what is not to be kept: a query is often looked at again, by other selectors."""
        with self._lock:
            self._pieces.update(fresh)
            while len(self._pieces) > _QUERIES:
                self._pieces.popitem(last=False)

    def _encode(
        self, pieces: Mapping[str, Piece], texts: Mapping[str, str], pictures: Mapping[str, Image]
    ) -> dict[str, Vectors]:
        fresh: dict[str, Vectors] = {}
        if pieces and "image" in self.encoder.dims:
            for keys in _groups(pieces):
                _spread(fresh, keys, self.encoder.encode_images(self._decoded(keys, pieces, pictures)))
        if texts and "text" in self.encoder.dims:
            _spread(fresh, list(texts), self.encoder.encode_texts(list(texts.values())))
        return fresh

    def _decoded(
        self, keys: Sequence[str], pieces: Mapping[str, Piece], pictures: Mapping[str, Image]
    ) -> list[Image]:
        """The pictures of these keys; one with many crops is decoded once."""
        ready = []
        at: tuple[str, Image] | None = None
        for key in keys:
            piece = pieces[key]
            pixels = piece.media.pixel_sha256
            if at is None or at[0] != pixels:
                at = pixels, pictures.get(pixels) or self._load(piece.media)
            ready.append(piece.cut(at[1]))
        return ready


def _groups(pieces: Mapping[str, Piece]) -> Iterator[list[str]]:
    """Keys in groups that fit into memory once decoded."""
    group: list[str] = []
    pixels = 0
    for key, piece in pieces.items():
        pixels += piece.pixels
        if group and pixels > _PIXELS:
            yield group
            group, pixels = [], piece.pixels
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
    seen = [picture_key(part.pixel_sha256) for part in item.media if part.seen]
    shown = [known[key] for key in seen if key in known]
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
