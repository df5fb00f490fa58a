"""Influence over logged queries: did answers get better or worse where a demonstration was shown?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum

from ...domain.scoring import quantise

PRIOR = 4.0


@dataclass(frozen=True, slots=True)
class Logged:
    """One answer that was given earlier.

    Attributes:
        shown: Ids of its demonstrations.
        score: How right the answer was, from 0 to 1.
        stratum: What it is compared within, such as the arm and the right answer: hard questions are compared with
            hard ones.
    """

    shown: tuple[str, ...]
    score: float
    stratum: str = ""


def influence(log: Iterable[Logged]) -> dict[str, float]:
    """What showing each demonstration did to the score, by id, ascending; negative harms.

    Within each stratum the mean score with the demonstration less the mean score without it, averaged over strata by
    how often it was shown there, and shrunken towards zero as if `PRIOR` more queries had shown no effect. A stratum
    in which every query shows it tells nothing. It is a difference between queries that happened, not an experiment:
    similar queries share demonstrations.
    """
    totals: dict[str, list[float]] = defaultdict(list)
    own: dict[tuple[str, str], list[float]] = defaultdict(list)
    for entry in log:
        totals[entry.stratum].append(entry.score)
        for id in set(entry.shown):
            own[id, entry.stratum].append(entry.score)
    sums = {stratum: fsum(scores) for stratum, scores in totals.items()}
    effects: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for (id, stratum), scores in own.items():
        shown, others = len(scores), len(totals[stratum]) - len(scores)
        if others:
            here = fsum(scores)
            effects[id].append((here - shown * (sums[stratum] - here) / others, shown))
    return {
        id: quantise(fsum(sum for sum, _ in found) / (sum(shown for _, shown in found) + PRIOR))
        for id, found in sorted(effects.items())
    }
