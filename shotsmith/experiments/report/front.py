"""What quality costs: arms by score and price."""

from __future__ import annotations

from typing import NamedTuple

from ..advisor import Point
from ..metrics import Estimate
from ..words import named_arm
from .account import Account
from .arms import ArmRow


class Offer(NamedTuple):
    """An arm as something to buy: `usd` for 1,000 queries, None for an unknown price."""

    name: str
    model: str
    score: Estimate
    usd: float | None
    p95_ms: float
    best: bool
    items: int


def front(account: Account, rows: list[ArmRow], *, lower: bool = False) -> list[Offer]:
    """The advisor's points where there are some, else those of the rows; cheapest first, unknown prices last.

    `lower` scores may be better ones.
    """
    advice = account.advice
    points = list(advice.points) if advice and advice.points else _points(rows, lower)
    points = [one for one in points if not one.arm.changes]
    points.sort(key=lambda one: (one.usd is None, one.usd or 0.0, -one.score.value, one.arm.name))
    return [
        Offer(
            named_arm(one.arm),
            account.model_of(one.arm) if one.arm.asks else "no model",
            one.score,
            one.usd,
            one.p95_ms,
            one.best,
            one.items,
        )
        for one in points
    ]


def _points(rows: list[ArmRow], lower: bool) -> list[Point]:
    rows = [one for one in rows if not one.arm.changes]
    sign = -1 if lower else 1
    whole = [(sign * one.score.value, one.usd, one.p95_ms) for one in rows]
    return [
        Point(row.arm, row.score, row.usd, row.p95_ms, _best(mine, whole), row.items)
        for row, mine in zip(rows, whole, strict=True)
    ]


_Offer = tuple[float, float | None, float]


def _best(mine: _Offer, whole: list[_Offer]) -> bool:
    """Whether nothing beats it, as far as its price is known."""
    return mine[1] is not None and not any(_beats(other, mine) for other in whole)


def _beats(one: _Offer, other: _Offer) -> bool:
    """As good in score, price and latency and better in one; an unknown price beats nothing."""
    if one[1] is None or other[1] is None:
        return False
    left, right = (-one[0], one[1], one[2]), (-other[0], other[1], other[2])
    return all(a <= b for a, b in zip(left, right, strict=True)) and left != right
