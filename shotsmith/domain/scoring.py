"""Scores, the total order and keyed randomness: what makes every selection reproducible.

Similarity is the cosine in float64, quantised to 1e-6. Ties are broken by example id, so the order never depends
on the pool's row order, on threads or on which index answered. Randomness is an HMAC of the id, so a draw is nested
in k and independent of pool and query order.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Matrix = NDArray[np.float32]

QUANTUM = 1e-6
_DECIMALS = 6


def quantise(score: float) -> float:
    """Round a similarity to the 1e-6 grid on which ties are decided."""
    return float(np.round(score, _DECIMALS)) + 0.0  # + 0.0 turns -0.0 into 0.0


def ranked(scores: Mapping[str, float] | Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Sort (id, score) pairs into rank order: higher score first, then id ascending."""
    pairs = scores.items() if isinstance(scores, Mapping) else scores
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def unit(vectors: NDArray[Any]) -> Matrix:
    """L2-normalise rows in float64 and return float32; a zero or non-finite row stays zero ("no score").

    Args:
        vectors: [n, d] or [d], any float type.
    """
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(wide, axis=-1, keepdims=True)
    usable = np.isfinite(norms) & (norms > 1e-12)
    scaled: Matrix = np.divide(wide, norms, out=np.zeros_like(wide), where=usable).astype(np.float32)
    return scaled


def cosine(matrix: NDArray[np.float32], vector: NDArray[np.float32]) -> list[float]:
    """Exact quantised similarities of unit rows [n, d] with a unit vector [d]."""
    products = np.asarray(matrix, dtype=np.float64) @ np.asarray(vector, dtype=np.float64)
    scores: list[float] = (np.round(products, _DECIMALS) + 0.0).tolist()
    return scores


def random_key(seed: int, scope: str, item: str) -> bytes:
    """The sort key of one item in a keyed shuffle: HMAC-SHA256(seed, scope | item)."""
    return hmac.digest(str(seed).encode(), f"{scope}\x1f{item}".encode(), "sha256")


def shuffled(items: Iterable[str], seed: int, scope: str) -> list[str]:
    """Items in keyed random order: independent of their given order and nested in how many are taken."""
    # The same keys as `random_key`, with the shared prefix hashed once.
    prefix = hmac.new(str(seed).encode(), f"{scope}\x1f".encode(), "sha256")

    def key(item: str) -> tuple[bytes, str]:
        keyed = prefix.copy()
        keyed.update(item.encode())
        return keyed.digest(), item

    return sorted(items, key=key)


def canonical_json(value: object) -> bytes:
    """The one JSON spelling of a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(value: object) -> str:
    """sha256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
