"""Whether a model knows what it knows: calibration of the arms whose confidence is known."""

from __future__ import annotations

from dataclasses import dataclass

from ..arms import Arm
from ..metrics import Calibration, RiskCoverage, calibration, risk_coverage
from ..words import named_arm
from .account import Account

_MOST = 6


@dataclass(frozen=True, slots=True)
class Sureness:
    """An arm's confidence beside what is right."""

    arm: Arm
    name: str
    calibration: Calibration
    risk: RiskCoverage


def sureness(account: Account) -> list[Sureness]:
    """Of the featured arm first, then of others as they come; only a few, for charts of many cannot be read."""
    featured = account.featured
    arms = [arm for arm in account.asked if arm.asks and not arm.changes]
    arms.sort(key=lambda arm: featured is None or arm.key != featured.key)
    found = []
    for arm in arms:
        outcomes = [one for of_seed in account.scored.outcomes(arm) for one in of_seed]
        confidence = [one.confidence for one in outcomes]
        if all(one is None for one in confidence):
            continue
        correct = [one.correct for one in outcomes]
        found.append(
            Sureness(
                arm,
                named_arm(arm, capital=True),
                calibration(confidence, correct),
                risk_coverage(confidence, correct),
            )
        )
        if len(found) == _MOST:
            break
    return found
