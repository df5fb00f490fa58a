"""Accuracy with honest intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...domain.errors import InvalidInput
from ...domain.scoring import seed_bytes

RESAMPLES = 10_000
_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval, as fractions of 1."""

    value: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out zero: a difference that is more than chance."""
        return self.low > 0 or self.high < 0


def accuracy(correct: Sequence[bool]) -> Estimate:
    """Share of correct items with the Wilson score interval (Wilson 1927, JASA 22:209).

    Unlike the textbook interval it stays within [0, 1] and is right for small samples and for 0 or 100 %.

    Raises:
        InvalidInput: No items.
    """
    total = len(correct)
    if not total:
        raise InvalidInput("there is nothing to measure", field="correct")
    share = sum(correct) / total
    shrink = 1 + _Z95**2 / total
    centre = (share + _Z95**2 / (2 * total)) / shrink
    half = _Z95 / shrink * math.sqrt(share * (1 - share) / total + _Z95**2 / (4 * total**2))
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half))


def difference(
    one: Sequence[bool], other: Sequence[bool], *, seed: int = 0, scope: str = "", resamples: int = RESAMPLES
) -> Estimate:
    """Accuracy of one arm less that of another on the same items, with a paired percentile bootstrap interval.

    Items are resampled with replacement (Efron 1979; Efron & Tibshirani 1993, ch. 13). An item's difference is -1, 0
    or 1, so a resample is one draw from the multinomial of their counts: the same distribution, without the loop.

    Args:
        one: Whether each item was right.
        other: The same items in the same order.
        seed: Seeds the resamples.
        scope: Names what is compared, so that each pair has resamples of its own.
        resamples: How many.

    Raises:
        InvalidInput: No items, or not as many in both.
    """
    total = len(one)
    if not total or total != len(other):
        raise InvalidInput("both arms need the same items, at least one", field="other", value=len(other))
    counts = Counter(int(a) - int(b) for a, b in zip(one, other, strict=True))
    dice = np.random.default_rng(int.from_bytes(seed_bytes(seed, f"bootstrap|{scope}")))
    draws = dice.multinomial(total, [counts[step] / total for step in (-1, 0, 1)], size=resamples)
    means = (draws[:, 2] - draws[:, 0]) / total
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate((counts[1] - counts[-1]) / total, float(low), float(high))
