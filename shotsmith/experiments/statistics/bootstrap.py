"""The paired bootstrap over items and seeds.

Items are resampled with replacement, the same ones for all arms (Efron 1979). Where an arm was run with several seeds,
what they add to its mean is resampled by random weights (Wu 1986, Annals of Statistics 14:1261): of three seeds there
are too few samples with replacement. Plain percentile intervals are too narrow with few seeds or items, and of no width
at all where two arms never disagree; three known corrections mend that:

- deviations have the tails of Student's t with the degrees of freedom of the items and of each arm's seeds, added up as
  Behrens and Fisher add them (Hesterberg 2015, The American Statistician 69:371, for percentiles of few items);
- the variance between seeds is freed of what the noise of items adds to it, as in a two-way analysis of variance,
  where resampling both at once would count that noise twice (Owen 2007, Annals of Applied Statistics 1:386);
- scores from 0 to 1 are resampled together with two items whose outcomes are unknown, which for two arms is the
  adjustment of Agresti & Min (2005, Statistics in Medicine 24:729).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...domain.errors import InvalidParameter
from ...domain.scoring import seed_bytes
from ..metrics.estimates import RESAMPLES, Estimate
from .arrays import Scores, paired

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From the arms' means, [..., arms], to a number for each row, [...]."""

Alternative = Literal["two-sided", "greater", "less"]

_FEW = 64  # distinct rows up to which a multinomial draw is faster than picking item by item
_CHUNK = 4_000_000  # numbers held at a time
_SMOOTHED = 6  # arms; unknown outcomes of more would be too many to list
_STEP = 1e-6
_ROUNDING = 1e-8


@dataclass(frozen=True, eq=False)
class Resampled:
    """A number and what it becomes when the experiment is repeated on paper.

    Attributes:
        value: As measured.
        replicates: [resamples], already widened.
    """

    value: float
    replicates: NDArray[np.float64] = field(repr=False)

    def interval(self, level: float = 0.95) -> Estimate:
        """The percentile interval.

        Raises:
            InvalidParameter: A level that is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise InvalidParameter("not between 0 and 1", field="level", value=level, mend="0.95 is usual")
        low, high = np.percentile(self.replicates, [50 * (1 - level), 50 * (1 + level)])
        return Estimate(self.value, float(low), float(high))

    def p_value(self, null: float = 0.0, alternative: Alternative = "two-sided") -> float:
        """How surprising the value is if the truth is `null`, by inverting the percentile interval; never 0.

        Args:
            null: The supposed truth.
            alternative: What it is tested against: that the truth is greater, less, or either.
        """
        total = len(self.replicates) + 1
        below = (int((self.replicates <= null).sum()) + 1) / total
        above = (int((self.replicates >= null).sum()) + 1) / total
        tail = {"greater": below, "less": above, "two-sided": 2 * min(below, above)}[alternative]
        return min(1.0, tail)


def contrast(
    one: ArrayLike,
    other: ArrayLike,
    *,
    same_seeds: bool = False,
    seed: int = 0,
    scope: str = "",
    resamples: int = RESAMPLES,
) -> Resampled:
    """The mean score of one arm less that of another on the same items.

    Args:
        one: [items] or [items, seeds].
        other: The same items in the same order; it may have another number of seeds.
        same_seeds: Whether a seed means the same demonstrations in both arms, as with a perturbation of them.
        seed: Seeds the resamples.
        scope: Names what is compared, so that each pair has resamples of its own.
        resamples: How many.

    Raises:
        InvalidInput: Not the same items, none, or scores that are not finite.
        InvalidParameter: No resamples, or `same_seeds` with unequal numbers of seeds.
    """
    return resample([one, other], _less, same_seeds=same_seeds, seed=seed, scope=scope, resamples=resamples)


def mean(scores: ArrayLike, *, seed: int = 0, scope: str = "", resamples: int = RESAMPLES) -> Resampled:
    """The mean score of one arm; arguments and errors as `contrast`."""
    return resample([scores], _first, seed=seed, scope=scope, resamples=resamples)


def resample(
    arms: Sequence[ArrayLike],
    statistic: Statistic,
    *,
    same_seeds: bool = False,
    smoothed: bool = True,
    seed: int = 0,
    scope: str = "",
    resamples: int = RESAMPLES,
) -> Resampled:
    """Any smooth function of the arms' mean scores.

    The order of the items does not matter, as long as it is the same for all arms.

    Args:
        arms: The scores of each, [items] or [items, seeds], on the same items.
        statistic: A function of the means, [..., arms] to [...].
        same_seeds: Whether the arms' seeds are resampled together.
        smoothed: Whether two items of unknown outcome are drawn along with scores from 0 to 1, of up to six arms;
            not for columns that depend on each other, such as those of `f1_columns`.
        seed: Seeds the resamples.
        scope: Names the resamples.
        resamples: How many.

    Raises:
        InvalidInput: Not the same items, none, or scores that are not finite.
        InvalidParameter: No resamples, or `same_seeds` with unequal numbers of seeds.
    """
    scores = paired(arms)
    if isinstance(resamples, bool) or resamples < 1:
        raise InvalidParameter("at least one is needed", field="resamples", value=resamples)
    if same_seeds and len({one.shape[1] for one in scores}) > 1:
        raise InvalidParameter(
            "arms that share seeds have as many of them",
            field="same_seeds",
            value=[one.shape[1] for one in scores],
        )
    dice = np.random.default_rng(int.from_bytes(seed_bytes(seed, f"bootstrap|{scope}")))
    rows = np.stack([one.mean(axis=1) for one in scores], axis=1)
    means = rows.mean(axis=0)
    seeds = _seed_effects(scores, _gradient(statistic, means) if same_seeds else None)
    moved = _resampled_items(rows, resamples, dice) + _resampled_seeds(seeds, resamples, dice, same_seeds)
    bounded = all(one.min() >= 0 and one.max() <= 1 for one in scores)
    if smoothed and bounded and len(scores) <= _SMOOTHED:
        moved += _unknown_items(rows.shape, resamples, dice)
    drawn = means + moved
    return Resampled(float(statistic(means)), statistic(drawn.clip(0, 1) if bounded else drawn))


def _less(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(means[..., 0] - means[..., 1])


def _first(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(means[..., 0])


def _resampled_items(rows: Scores, resamples: int, dice: np.random.Generator) -> NDArray[np.float64]:
    """Deviations of the means, [resamples, arms], when items [n, arms] are drawn with replacement."""
    total = len(rows)
    if total == 1:
        return np.zeros((resamples, rows.shape[1]))
    centred = rows - rows.mean(axis=0)
    tails = math.sqrt(total / (total - 1)) * _tails(total - 1, resamples, dice)
    # Equal rows are drawn by their number, and sorted ones whatever order the items came in.
    distinct, counts = np.unique(centred.round(12), axis=0, return_counts=True)
    if len(distinct) <= _FEW:
        drawn = dice.multinomial(total, counts / total, size=resamples) / total @ distinct
        return np.asarray(drawn * tails)
    every = np.repeat(distinct, counts, axis=0)
    found = np.empty((resamples, rows.shape[1]))
    step = max(1, _CHUNK // total)
    for start in range(0, resamples, step):
        picked = dice.integers(total, size=(min(step, resamples - start), total))
        for arm in range(rows.shape[1]):
            found[start : start + step, arm] = every[:, arm][picked].mean(axis=1)
    return found * tails


def _seed_effects(
    scores: Sequence[Scores], gradient: NDArray[np.float64] | None
) -> list[NDArray[np.float64]]:
    """What each arm's seeds add to its mean, [seeds], freed of the noise of items, on the scale of the mean.

    With a gradient, seeds are shared and judged by what they do to the statistic as a whole.
    """
    sizes = [float(np.abs(one).max()) for one in scores]
    if gradient is None:
        kept = [_not_noise(one, size) for one, size in zip(scores, sizes, strict=True)]
    else:
        whole = np.tensordot(gradient, np.stack(scores), axes=1)
        kept = [_not_noise(whole, float(np.abs(gradient) @ sizes))] * len(scores)
    return [
        (one.mean(axis=0) - one.mean()) * math.sqrt(share / one.shape[1] / max(1, one.shape[1] - 1))
        for one, share in zip(scores, kept, strict=True)
    ]


def _not_noise(scores: Scores, size: float) -> float:
    """The share of the variance between seeds that items do not explain, by the two-way analysis of variance.

    Args:
        scores: [items, seeds].
        size: Of the numbers that the scores were computed from.
    """
    items, seeds = scores.shape
    if seeds == 1 or items == 1:
        return 0.0
    effects = scores.mean(axis=0) - scores.mean()
    residuals = scores - scores.mean(axis=1, keepdims=True) - effects
    between = float((effects**2).sum()) / (seeds - 1)
    noise = float((residuals**2).sum()) / (items - 1) / (seeds - 1) / items
    # What is left where seeds cancel exactly is rounding, of which no share may be kept.
    return max(0.0, between - noise) / between if between > (_ROUNDING * size) ** 2 else 0.0


def _resampled_seeds(
    effects: Sequence[NDArray[np.float64]], resamples: int, dice: np.random.Generator, same: bool
) -> NDArray[np.float64]:
    """Deviations of the means, [resamples, arms], when seeds are weighted at random."""
    found = np.zeros((resamples, len(effects)))
    weights: NDArray[np.float64] | None = None
    for arm, one in enumerate(effects):
        if len(one) > 1:
            if weights is None or not same:
                tails = _tails(len(one) - 1, resamples, dice)
                weights = dice.standard_normal((resamples, len(one))) * tails
            found[:, arm] = weights @ one
    return found


def _tails(freedom: int, resamples: int, dice: np.random.Generator) -> NDArray[np.float64]:
    """What makes a normal deviation one of Student's, [resamples, 1]."""
    return np.sqrt(freedom / dice.chisquare(freedom, (resamples, 1)))


def _unknown_items(shape: tuple[int, ...], resamples: int, dice: np.random.Generator) -> NDArray[np.float64]:
    """What two more items would change whose outcomes nobody knows: every combination of 0 and 1 is as likely."""
    items, arms = shape
    cells = np.array(list(product((-0.5, 0.5), repeat=arms)))
    drawn = dice.multinomial(2, np.full(len(cells), 1 / len(cells)), size=resamples)
    return np.asarray(drawn @ cells / (items + 2))


def _gradient(statistic: Statistic, means: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.eye(len(means)) * _STEP
    return np.asarray((statistic(means + steps) - statistic(means - steps)) / (2 * _STEP))
