"""What there is to choose: score, price and latency of the arms that were asked, and who is behind in none of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..arms import Arm
from ..outcomes import Outcome
from ..statistics import Scores, mean
from .advice import Point


def point(arm: Arm, scores: Scores, outcomes: Sequence[Outcome]) -> Point:
    """An arm on the items that it was asked about; whether it is among the best is not known yet.

    Args:
        arm: Which one.
        scores: [items, seeds].
        outcomes: Of all seeds.
    """
    usd: float | None = 0.0
    p95 = 0.0
    if arm.asks:
        prices = [one.cost_usd for one in outcomes if not one.error]
        told = [price for price in prices if price is not None]
        usd = 1000 * float(np.mean(told)) if told and len(told) == len(prices) else None
        p95 = float(np.percentile([one.latency_ms for one in outcomes], 95))
    return Point(arm, mean(scores, scope=arm.key).interval(), usd, p95, False, len(scores))


def front(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points, cheapest first, with those marked that no other one is better than in one thing and as good in all.

    An unknown price is as high as any, unless none is known.
    """
    marked = [one._replace(best=not any(_beats(other, one) for other in points)) for one in points]
    return tuple(sorted(marked, key=lambda one: (_usd(one), one.p95_ms, -one.score.value, one.arm.name)))


def _beats(one: Point, other: Point) -> bool:
    these = (one.score.value, -_usd(one), -one.p95_ms)
    those = (other.score.value, -_usd(other), -other.p95_ms)
    return these != those and all(a >= b for a, b in zip(these, those, strict=True))


def _usd(one: Point) -> float:
    return math.inf if one.usd is None else one.usd
