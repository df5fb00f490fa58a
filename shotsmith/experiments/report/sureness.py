"""Whether a model knows what it knows: calibration of the arms whose confidence is known."""

from __future__ import annotations

from dataclasses import dataclass

from ..arms import Arm
from ..metrics import BINS, Calibration, RiskCoverage, calibration, risk_coverage
from ..words import named_arm
from .account import Account

_MOST = 4
_ENOUGH = 20  # answers in a bin of the chart


@dataclass(frozen=True, slots=True)
class Sureness:
    """An arm's confidence beside what is right; for the chart in so few bins that each holds enough."""

    arm: Arm
    name: str
    calibration: Calibration
    chart: Calibration
    risk: RiskCoverage


def sureness(account: Account) -> list[Sureness]:
    """Of the featured arm first, then of its baselines, then of others: few, or the chart could not be read."""
    featured = account.featured
    if featured is None:
        return []
    arms = [arm for arm in account.asked if arm.asks and not arm.changes]

    def distance(arm: Arm) -> tuple[bool, bool, bool]:
        rival = arm.kind == "zero-shot" or (arm.kind == "random" and arm.k == featured.k)
        return arm.key != featured.key, arm.model != featured.model, not rival

    arms.sort(key=distance)
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
                named_arm(arm, begins=True),
                calibration(confidence, correct),
                calibration(confidence, correct, min(BINS, max(2, len(correct) // _ENOUGH))),
                risk_coverage(confidence, correct),
            )
        )
        if len(found) == _MOST:
            break
    return found
