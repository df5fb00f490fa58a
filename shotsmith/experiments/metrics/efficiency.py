"""Data efficiency: what ten times as many demonstrations are worth (Jiang et al. 2024, arXiv 2405.09798)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from ...domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Efficiency:
    """A line through the zero-shot score, over log10(N + 1).

    Attributes:
        slope: Score gained by ten times as many demonstrations, in the unit of the scores.
        r2: 1 less what the line leaves of the variance about the mean; below 0 where the mean explains more. None
            where all scores are the same.
        zero_shot: The score without demonstrations.
        peak_shots: The fewest demonstrations with the highest score.
        v_shaped: Whether the score first falls below zero-shot and later rises above it, as ManyICL saw of GPT-4o.
        monotone: Whether more demonstrations never score lower.
    """

    slope: float
    r2: float | None
    zero_shot: float
    peak_shots: int
    v_shaped: bool
    monotone: bool


def data_efficiency(curve: Mapping[int, float], *, tolerance: float = 0.0) -> Efficiency:
    """The least-squares slope b = sum x (y - y0) / sum x^2, with x = log10(N + 1).

    Args:
        curve: The score of each number of demonstrations; 0 must be among them.
        tolerance: Differences up to this are no fall and no rise, e.g. half the width of an interval.

    Raises:
        InvalidInput: No zero-shot score, no other one, a negative number of demonstrations, or a score that is not
            finite.
    """
    if 0 not in curve or len(curve) < 2 or min(curve) < 0:
        raise InvalidInput(
            "a curve needs a zero-shot score and another one",
            field="curve",
            value=sorted(curve),
            mend="Give scores for 0 and for some larger number of demonstrations",
        )
    if not all(map(math.isfinite, curve.values())):
        raise InvalidInput("not every score is a finite number", field="curve")
    shots = sorted(curve)
    zero = curve[0]
    steps = [math.log10(count + 1) for count in shots]
    gains = [curve[count] - zero for count in shots]
    slope = math.fsum(x * y for x, y in zip(steps, gains, strict=True)) / math.fsum(x * x for x in steps)
    centre = math.fsum(gains) / len(gains)
    variance = math.fsum((y - centre) ** 2 for y in gains)
    left = math.fsum((y - slope * x) ** 2 for x, y in zip(steps, gains, strict=True))
    scores = [curve[count] for count in shots]
    fallen = next((place for place, gain in enumerate(gains) if gain < -tolerance), len(gains))
    return Efficiency(
        slope,
        1 - left / variance if variance else None,
        zero,
        min(shots, key=lambda count: (-curve[count], count)),
        any(gain > tolerance for gain in gains[fallen:]),
        all(after >= before - tolerance for before, after in pairwise(scores)),
    )
