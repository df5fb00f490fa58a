"""Scores as arrays: what every statistic takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...domain.errors import InvalidInput

Scores = NDArray[np.float64]


def scores_of(values: ArrayLike, field: str = "scores") -> Scores:
    """Scores as float64 [items, seeds]; one score an item is one seed.

    Raises:
        InvalidInput: Nothing to measure, more than two axes, or a number that is not finite.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2 or not found.size:
        raise InvalidInput(
            "scores are one number an item, or one for each item and seed",
            field=field,
            value=f"shape {np.shape(values)}",
            mend="Give an array [items] or [items, seeds] with at least one item",
        )
    if not np.isfinite(found).all():
        raise InvalidInput(
            "not every score is a finite number",
            field=field,
            mend="A parse failure scores 0, it is not left out",
        )
    return found


def paired(arms: Sequence[ArrayLike], field: str = "arms") -> list[Scores]:
    """The scores of several arms on the same items.

    Raises:
        InvalidInput: No arm, or not as many items in each.
    """
    found = [scores_of(one, field) for one in arms]
    items = {len(one) for one in found}
    if len(items) != 1:
        raise InvalidInput(
            "every arm needs the same items",
            field=field,
            value=f"{sorted(items)} items",
            mend="Score all arms on one frozen set of items, in the same order",
        )
    return found


@dataclass(frozen=True, slots=True)
class Spread:
    """What the seeds of an arm differ by.

    Attributes:
        means: The mean score under each seed.
        sd: Standard deviation of these means; 0 with one seed.
        width: The largest less the smallest.
    """

    means: tuple[float, ...]
    sd: float
    width: float


def seed_spread(scores: ArrayLike) -> Spread:
    """How far an arm's seeds are apart. Which demonstrations are drawn often matters more than their order.

    Args:
        scores: [items, seeds].

    Raises:
        InvalidInput: As `scores_of`.
    """
    means = scores_of(scores).mean(axis=0)
    sd = float(means.std(ddof=1)) if len(means) > 1 else 0.0
    return Spread(tuple(means.tolist()), sd, float(np.ptp(means)))
