"""Examples and queries in parts: whole pictures, crops, text and metadata, each with vectors of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..domain.examples import normal_text
from ..domain.media import Media
from ..domain.sources import Part, PartsSpec
from .embedding import Embedder, Piece, text_key


@dataclass(frozen=True, slots=True)
class Whole:
    """What is taken apart: an example's or a query's content."""

    media: tuple[Media, ...] = ()
    text: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def parts_of(
    wholes: Sequence[Whole], spec: PartsSpec, embedder: Embedder, *, keep: bool
) -> list[tuple[Part, ...]]:
    """The parts of each, encoded in one go; what the encoder has no vector for is left out.

    Args:
        wholes: What to take apart.
        spec: How finely.
        embedder: Encodes, through its cache.
        keep: Whether new vectors are kept; those of queries are not.
    """
    pictures: dict[str, Piece] = {}
    texts: dict[str, str] = {}
    plans = []
    for whole in wholes:
        pieces, said = _pieces(whole, spec), _texts(whole, spec)
        pictures.update((piece.key, piece) for _, _, piece in pieces)
        texts.update((text_key(text), text) for _, _, text in said)
        plans.append(
            [(kind, name, piece.key) for kind, name, piece in pieces]
            + [(kind, name, text_key(text)) for kind, name, text in said]
        )
    known = embedder.pieces(pictures, texts, keep=keep)
    return [
        tuple(
            Part(kind, name, vectors)
            for kind, name, key in plan
            if (vectors := {space: vector for space, vector in known.get(key, {}).items() if vector.any()})
        )
        for plan in plans
    ]


def _pieces(whole: Whole, spec: PartsSpec) -> list[tuple[Any, str, Piece]]:
    found: list[tuple[Any, str, Piece]] = []
    for number, media in enumerate((part for part in whole.media if part.seen), start=1):
        found.append(("image", f"image {number}", Piece(media)))
        if spec.tiles > 1:
            count = spec.tiles**2
            found += [
                ("tile", f"image {number}, tile {tile + 1} of {count}", Piece(media, spec.tiles, tile))
                for tile in range(count)
            ]
    return found


def _texts(whole: Whole, spec: PartsSpec) -> list[tuple[Any, str, str]]:
    found: list[tuple[Any, str, str]] = [("text", "text", whole.text)]
    found += [("field", name, str(whole.metadata.get(name, ""))) for name in spec.fields]
    return [(kind, name, text) for kind, name, text in found if normal_text(text)]
