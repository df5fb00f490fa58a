"""Intervals, tests and sample sizes: what may be said of arms that were scored on the same items.

A score is a number for each item, or for each item and seed: [items] or [items, seeds].
"""

from .arrays import Scores, Spread, scores_of, seed_spread
from .bootstrap import Alternative, Resampled, Statistic, contrast, mean, resample
from .exact import Margin, McNemar, holm, mcnemar, within_margin
from .power import needed_by_sd, needed_items, power_of

__all__ = [
    "Alternative",
    "Margin",
    "McNemar",
    "Resampled",
    "Scores",
    "Spread",
    "Statistic",
    "contrast",
    "holm",
    "mcnemar",
    "mean",
    "needed_by_sd",
    "needed_items",
    "power_of",
    "resample",
    "scores_of",
    "seed_spread",
    "within_margin",
]
