"""All vectors of a space in a temporary file: read once from the index, then mapped, so that memory stays bounded."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import numpy as np

from ..domain.protocols import VectorIndex
from ..domain.scoring import Matrix
from ..domain.sources import Rows

_BLOCK = 4096


def stored(index: VectorIndex, collection: str, space: str, ids: Sequence[str]) -> Rows:
    """The vectors of these ids, in their order; those without the space are left out.

    The file has no name and goes with the last reference to the matrix.
    """
    held: list[str] = []
    matrix: Matrix | None = None
    for start in range(0, len(ids), _BLOCK):
        found = index.vectors(collection, space, ids[start : start + _BLOCK])
        block = [id for id in ids[start : start + _BLOCK] if id in found]
        if not block:
            continue
        if matrix is None:
            shape = (len(ids), found[block[0]].size)
            with tempfile.TemporaryFile(prefix="shotsmith-") as file:
                matrix = np.memmap(file, np.float32, "w+", shape=shape)
        matrix[len(held) : len(held) + len(block)] = [found[id] for id in block]
        held += block
    return Rows(held, np.empty((0, 0), np.float32) if matrix is None else matrix[: len(held)])
