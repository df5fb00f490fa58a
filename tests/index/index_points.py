"""Points for tests, and the hits they must give: the contract in ten slow lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from shotsmith.domain.protocols import Hit, Point, Search
from shotsmith.domain.scoring import Vector, cosine, ranked, unit

LIVE = os.environ.get("SHOTSMITH_TEST_QDRANT_URL")
KINDS = (
    "memory",
    "edge-inline",
    "edge-owned",
    "qdrant-rest",
    "qdrant-grpc",
    *(["qdrant-live"] if LIVE else []),
)
DIMS = {"image": 4, "text": 3}


def vector(*numbers: float) -> Vector:
    return unit(np.array(numbers))


def point(id: str, image: Vector | None = None, text: Vector | None = None, **payload: Any) -> Point:
    """A point with some of the spaces and an otherwise empty payload."""
    vectors = {"image": image, "text": text}
    labels = payload.get("labels", [])
    base = {"label": labels[0] if labels else "", "labels": [], "tags": [], "split": "", "group": ""}
    return Point(
        id,
        {space: row for space, row in vectors.items() if row is not None},
        {**base, "metadata": {}, "content": f"content of {id}", **payload},
    )


def random_units(n: int, dims: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return unit(np.random.default_rng(seed).standard_normal((n, dims)))


def expected_hits(points: Iterable[Point], search: Search, label: str | None = None) -> list[Hit]:
    """The reference: every point compared on its own."""
    scores = {
        point.id: cosine(point.vectors[search.space][None, :], search.vector)[0]
        for point in points
        if search.space in point.vectors
        and search.filter.matches(point.id, point.payload)
        and (label is None or label in point.payload["labels"])
    }
    return [Hit(id, score) for id, score in ranked(scores)[: search.limit]]


def ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.id for hit in hits]
