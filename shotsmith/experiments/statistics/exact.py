"""Tests of one arm against another, and what many of them together still say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ...domain.errors import InvalidInput, InvalidParameter
from ..metrics.estimates import RESAMPLES, Estimate
from .bootstrap import Alternative, contrast

Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two arms on the same items, each item right or wrong.

    Attributes:
        wins: Items that only the first arm got right.
        losses: Items that only the other got right.
        p: Exact p-value.
    """

    wins: int
    losses: int
    p: float


def mcnemar(one: Sequence[bool], other: Sequence[bool], alternative: Alternative = "two-sided") -> McNemar:
    """The exact test of McNemar (1947): the items on which two arms disagree, as throws of a fair coin.

    Args:
        one: Whether each item was right.
        other: The same items in the same order.
        alternative: "greater" tests whether the first arm is better.

    Raises:
        InvalidInput: Not as many items in both, or none.
    """
    if not len(one) or len(one) != len(other):
        raise InvalidInput("both arms need the same items, at least one", field="other", value=len(other))
    wins = sum(a and not b for a, b in zip(one, other, strict=True))
    losses = sum(b and not a for a, b in zip(one, other, strict=True))
    if not wins + losses:
        return McNemar(0, 0, 1.0)
    from scipy.stats import binomtest

    return McNemar(wins, losses, float(binomtest(wins, wins + losses, 0.5, alternative).pvalue))


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """p-values adjusted for their number, so that at most one family in 1 / alpha claims anything that is not so.

    The step-down method of Holm (1979): the i-th smallest of m is multiplied by m - i + 1, and none becomes smaller
    than one before it.

    Args:
        p_values: Of each comparison of a stage.

    Raises:
        InvalidInput: Not between 0 and 1.
    """
    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise InvalidInput("not between 0 and 1", field=f"p_values[{name!r}]", value=p)
    adjusted: dict[Name, float] = {}
    least = 0.0
    ascending = sorted(p_values.items(), key=lambda pair: pair[1])
    for place, (name, p) in enumerate(ascending):
        least = max(least, min(1.0, (len(ascending) - place) * p))
        adjusted[name] = least
    return {name: adjusted[name] for name in p_values}


@dataclass(frozen=True, slots=True)
class Margin:
    """Whether one arm is as good as another but for a margin.

    Attributes:
        difference: The first arm less the other, with the interval of level 1 - 2 alpha that decides.
        margin: What may be lost.
        p_lower: Of the hypothesis that more than the margin is lost.
        p_upper: Of the hypothesis that more than the margin is gained.
        alpha: Of each of the two tests.
    """

    difference: Estimate
    margin: float
    p_lower: float
    p_upper: float
    alpha: float

    @property
    def non_inferior(self) -> bool:
        """Whether the first arm loses less than the margin, with confidence."""
        return self.p_lower <= self.alpha

    @property
    def equivalent(self) -> bool:
        """Whether it neither loses nor gains as much: both of the two one-sided tests succeed."""
        return max(self.p_lower, self.p_upper) <= self.alpha


def within_margin(
    one: ArrayLike,
    other: ArrayLike,
    margin: float = 0.02,
    *,
    alpha: float = 0.025,
    same_seeds: bool = False,
    seed: int = 0,
    scope: str = "",
    resamples: int = RESAMPLES,
) -> Margin:
    """Two one-sided tests against a margin (TOST; Schuirmann 1987), by the paired bootstrap.

    Args:
        one: The arm that would be preferred, e.g. for its price: [items] or [items, seeds].
        other: The arm it must not fall behind, on the same items.
        margin: What may be lost, in units of the score.
        alpha: Of each test; 0.025 decides as a 95 % interval does.
        same_seeds: As in `contrast`.
        seed: Seeds the resamples.
        scope: Names the resamples.
        resamples: How many.

    Raises:
        InvalidInput: Not the same items, none, or scores that are not finite.
        InvalidParameter: A margin that is not above 0, or an alpha that is not between 0 and 0.5.
    """
    if not (np.isfinite(margin) and margin > 0):
        raise InvalidParameter("not above 0", field="margin", value=margin, mend="0.02 is two points")
    if not 0 < alpha < 0.5:
        raise InvalidParameter("not between 0 and 0.5", field="alpha", value=alpha)
    found = contrast(one, other, same_seeds=same_seeds, seed=seed, scope=scope, resamples=resamples)
    return Margin(
        found.interval(1 - 2 * alpha),
        margin,
        found.p_value(-margin, "greater"),
        found.p_value(margin, "less"),
        alpha,
    )
