"""Pictures against texts in the joint space, from the parts of examples and queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ..domain.scoring import Vector, cosine, unit
from ..domain.sources import CandidateSource, Part, PartsSpec

Side = Literal["image", "text"]


def joint_vector(parts: Sequence[Part], side: Side) -> Vector | None:
    """The joint vector of the pictures, or of the text: the mean of unit vectors, normalised again; or None."""
    found = [part.vectors["joint"] for part in parts if part.kind == side and "joint" in part.vectors]
    if not found:
        return None
    mean = found[0] if len(found) == 1 else unit(np.mean(np.asarray(found, dtype=np.float64), axis=0))
    return mean if mean.any() else None


def asked_vector(source: CandidateSource, side: Side) -> Vector | None:
    """The joint vector of the query's pictures, or of its text."""
    return joint_vector(source.query_parts(PartsSpec()), side)


def cross_cosines(
    source: CandidateSource, ids: Sequence[str], *, shown: Side, vector: Vector | None
) -> dict[str, float]:
    """Cosines of a joint vector with the examples' pictures, or with their texts; those without are absent."""
    if vector is None:
        return {}
    sides = {id: joint_vector(parts, shown) for id, parts in source.parts(ids, PartsSpec()).items()}
    held = {id: side for id, side in sides.items() if side is not None}
    return dict(zip(held, cosine(np.array(list(held.values())), vector), strict=True)) if held else {}
