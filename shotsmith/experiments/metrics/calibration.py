"""Whether confidence is worth anything: calibration, and what is right among the surest answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...domain.errors import InvalidInput, InvalidParameter

BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of like confidence: how many, how sure on average, and the share that is right."""

    items: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far confidence is from accuracy.

    Attributes:
        ece: Expected calibration error: the mean distance of the bins, by their items.
        brier: Mean squared distance of confidence from 1 for right and 0 for wrong (Brier 1950).
        bins: Bins of equal mass, least sure first.
        unknown: Items without a confidence, which are left out of everything here.
    """

    ece: float
    brier: float
    bins: tuple[Bin, ...]
    unknown: int


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """What is wrong among the surest answers (El-Yaniv & Wiener 2010, JMLR 11:1605).

    Attributes:
        coverage: Shares of the items that are answered, ascending to 1.
        risk: Of these the share that is wrong.
        area: Mean risk over all numbers of answered items, as if equally sure answers were given in any order.
    """

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    area: float


def calibration(confidence: Sequence[float | None], correct: Sequence[bool], bins: int = BINS) -> Calibration:
    """Expected calibration error and Brier score.

    Bins hold as many items each (Nixon et al. 2019, arXiv 1904.01685). Equally sure answers share a bin, so that
    nothing depends on the order of the items; a model that is always as sure has one bin.

    Args:
        confidence: Of each answer, from 0 to 1; None where it is not known.
        correct: Whether the answer is right.
        bins: How many at most.

    Raises:
        InvalidInput: Not as many of both, none with a confidence, or one that is not from 0 to 1.
        InvalidParameter: No bins.
    """
    if bins < 1:
        raise InvalidParameter("at least one is needed", field="bins", value=bins)
    sure, right = _known(confidence, correct)
    total = len(sure)
    _, group, counts = np.unique(sure, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    place = np.minimum(bins - 1, (middle / total * bins).astype(int))[group]
    found = tuple(
        Bin(int(mine.sum()), float(sure[mine].mean()), float(right[mine].mean()))
        for mine in (place == number for number in range(bins))
        if mine.any()
    )
    return Calibration(
        sum(one.items * abs(one.confidence - one.accuracy) for one in found) / total,
        float(((sure - right) ** 2).mean()),
        found,
        len(confidence) - total,
    )


def risk_coverage(confidence: Sequence[float | None], correct: Sequence[bool]) -> RiskCoverage:
    """The share of wrong answers when only the surest are given.

    Answers without a confidence come last: they are given only when all are. Equally sure ones are given together.

    Raises:
        InvalidInput: Not as many of both, none with a confidence, or one that is not from 0 to 1.
    """
    _known(confidence, correct)
    sure = np.array([-1.0 if one is None else one for one in confidence])
    wrong = 1 - np.array(correct, dtype=np.float64)
    _, group, counts = np.unique(-sure, return_inverse=True, return_counts=True)
    given = np.cumsum(counts)
    errors = np.cumsum(np.bincount(group, weights=wrong))
    before = np.concatenate(([0.0], errors[:-1]))
    each = np.repeat(before, counts) + np.repeat((errors - before) / counts, counts) * (
        np.arange(1, len(sure) + 1) - np.repeat(given - counts, counts)
    )
    return RiskCoverage(
        tuple((given / len(sure)).tolist()),
        tuple((errors / given).tolist()),
        float((each / np.arange(1, len(sure) + 1)).mean()),
    )


def _known(
    confidence: Sequence[float | None], correct: Sequence[bool]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if len(confidence) != len(correct):
        raise InvalidInput("every answer is right or wrong", field="correct", value=len(correct))
    pairs = [(sure, right) for sure, right in zip(confidence, correct, strict=True) if sure is not None]
    if not pairs:
        raise InvalidInput(
            "no answer has a confidence",
            field="confidence",
            mend="Ask for log probabilities, or for a confidence in the answer format",
        )
    sure = np.array([one for one, _ in pairs], dtype=np.float64)
    if not ((sure >= 0) & (sure <= 1)).all():
        raise InvalidInput("a confidence is not from 0 to 1", field="confidence")
    return sure, np.array([right for _, right in pairs], dtype=np.float64)
