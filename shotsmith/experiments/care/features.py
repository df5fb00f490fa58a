"""What examples are compared by: the vectors of all their spaces side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...domain.scoring import Matrix, Vector, unit


def features(ids: Sequence[str], spaces: Mapping[str, Mapping[str, Vector]]) -> Matrix:
    """One unit row for each id, float32 [n, d]: its unit vectors joined, zeros where a space is absent.

    The cosine of two rows is the mean of their cosines over the spaces, for examples that have the same spaces. Spaces
    in which no example has a vector are left out; a row of zeros has no vector at all.
    """
    found = []
    for space in sorted(spaces):
        vectors = spaces[space]
        some = next((vectors[id] for id in ids if id in vectors), None)
        if some is not None:
            nothing = np.zeros_like(some)
            found.append(np.array([vectors.get(id, nothing) for id in ids], dtype=np.float32))
    return unit(np.concatenate(found, axis=1)) if found else np.zeros((len(ids), 1), dtype=np.float32)
