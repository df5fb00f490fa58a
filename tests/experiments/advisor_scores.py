"""Score matrices in which a regime was planted."""

from __future__ import annotations

import numpy as np

from shotsmith.experiments.advisor.rules import Name, Pair

#: Accuracy of zero-shot, vote, the nearest few, all, the mixture, and of all with a tenth replaced among the least and
#: the most similar, and of different and of repeated demonstrations.
PLANTED = {
    "NO-ICL": (0.7, 0.4, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7),
    "KNN": (0.4, 0.9, 0.9, 0.9, 0.9, 0.9, 0.7, 0.8, 0.6),
    "SSL": (0.6, 0.5, 0.85, 0.85, 0.85, 0.85, 0.7, 0.8, 0.7),
    "ASL": (0.3, 0.3, 0.6, 0.9, 0.9, 0.8, 0.8, 0.8, 0.5),
    "HYBRID": (0.3, 0.3, 0.6, 0.75, 0.9, 0.8, 0.65, 0.8, 0.6),
}


def pairs_of(regime: str, items: int, seed: int, luck: float = 0.02) -> dict[Name, Pair]:
    """The comparisons of arms with these accuracies on items of which some are harder, but for a share of luck."""
    rng = np.random.default_rng([seed, items])
    hard = rng.random(items)

    def arm(accuracy: float) -> np.ndarray:
        right = hard < accuracy
        lucky = rng.random(items) < luck
        return np.where(lucky, rng.random(items) < accuracy, right).astype(float)

    zero, vote, near, wide, mixed, least, most, unique, repeated = map(arm, PLANTED[regime])
    best = max((near, wide), key=np.mean)
    asking = max((near, wide, zero), key=np.mean)
    return {
        "gain": Pair(best, zero),
        "vote gain": Pair(vote, zero),
        "vote": Pair(vote, asking),
        "flat": Pair(near, wide),
        "similar": Pair(least, most),
        "unique": Pair(unique, repeated),
        "hybrid near": Pair(mixed, near),
        "hybrid wide": Pair(mixed, wide),
    }
