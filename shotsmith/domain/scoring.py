"""Scores, the total order and keyed randomness: what makes every selection reproducible.

Similarity is the cosine in float64, quantised to 1e-6. Ties are broken by example id, so the order never depends
on the pool's row order, on threads or on which index answered. Randomness is keyed by the id, so a draw is nested in k
and independent of pool and query order.
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

Keys = NDArray[np.uint64]

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


def cosine(matrix: NDArray[Any], vector: NDArray[Any]) -> list[float]:
    """Exact quantised similarities of unit rows [n, d] with a unit vector [d]."""
    products = np.asarray(matrix, dtype=np.float64) @ np.asarray(vector, dtype=np.float64)
    scores: list[float] = (np.round(products, _DECIMALS) + 0.0).tolist()
    return scores


def margin(dims: int) -> float:
    """How far apart two float32 scores must be for the order of the quantised cosines to be certain.

    Bounds the rounding error of a dot product of unit vectors on both sides, plus one quantum. Kernels add up 16 or
    more partial sums; below 32 dimensions some use only one.
    """
    return QUANTUM + 2 * (dims / 16 + 32) * 2.0**-24


def item_keys(items: Iterable[str]) -> Keys:
    """A number for each item, [n]: the first 8 bytes of its SHA-256. What every keyed shuffle starts from."""
    digests = b"".join(hashlib.sha256(item.encode()).digest()[:8] for item in items)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def seed_bytes(seed: int, scope: str) -> bytes:
    """32 bytes that seed one random choice: HMAC-SHA256(seed, scope)."""
    return hmac.digest(str(seed).encode(), scope.encode(), "sha256")


def keyed(keys: Keys, seed: int, scope: str) -> Keys:
    """The sort keys of one shuffle, [n]: item keys mixed with HMAC-SHA256(seed, scope).

    Two rounds of SplitMix64's finaliser (Steele et al. 2014) stand in for an HMAC of each item: a permutation of the
    64-bit numbers for each seed and scope, a thousand times as fast.
    """
    secret = seed_bytes(seed, scope)
    mixed = keys
    for start in (0, 8):
        mixed = mixed ^ np.uint64(int.from_bytes(secret[start : start + 8], "little"))
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def shuffled(items: Iterable[str], seed: int, scope: str) -> list[str]:
    """Items in keyed random order: independent of their given order and nested in how many are taken."""
    given = list(items)
    order = keyed(item_keys(given), seed, scope).tolist()
    return [item for _, item in sorted(zip(order, given, strict=True))]


def canonical_json(value: object) -> bytes:
    """The one JSON spelling of a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(value: object) -> str:
    """sha256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
