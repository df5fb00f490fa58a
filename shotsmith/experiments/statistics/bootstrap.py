"""The paired bootstrap over items and seeds.

Items are resampled with replacement, the same ones for all arms (Efron 1979). Where an arm was run with several seeds,
its seeds are resampled as well. Plain percentile intervals are too narrow with few seeds or items, and of no width at
all where two arms never disagree; three known corrections mend that:

- deviations are widened by sqrt(n / (n - 1)) and by the quantile of Student's t over the normal one, with
  Satterthwaite's degrees of freedom (Hesterberg 2015, The American Statistician 69:371);
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
    seeds = _Seeds.of(scores, _gradient(statistic, means), same_seeds)
    moved = _resampled_items(rows, resamples, dice) + seeds.resampled(resamples, dice)
    bounded = all(one.min() >= 0 and one.max() <= 1 for one in scores)
    unknown = 0.0
    if smoothed and bounded and len(scores) <= _SMOOTHED:
        moved += _unknown_items(rows.shape, resamples, dice)
        unknown = float(seeds.gradient @ seeds.gradient) / 2 / (len(rows) + 2) ** 2
    drawn = means + _widening(rows, seeds, unknown) * moved
    return Resampled(float(statistic(means)), statistic(drawn.clip(0, 1) if bounded else drawn))


def _less(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(means[..., 0] - means[..., 1])


def _first(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(means[..., 0])


def _resampled_items(rows: Scores, resamples: int, dice: np.random.Generator) -> NDArray[np.float64]:
    """Deviations of the means, [resamples, arms], when items [n, arms] are drawn with replacement."""
    total = len(rows)
    centred = rows - rows.mean(axis=0)
    widened = math.sqrt(total / (total - 1)) if total > 1 else 1.0
    # Equal rows are drawn by their number, and sorted ones whatever order the items came in.
    distinct, counts = np.unique(centred.round(12), axis=0, return_counts=True)
    if len(distinct) <= _FEW:
        drawn = dice.multinomial(total, counts / total, size=resamples) / total @ distinct
        return np.asarray(drawn * widened)
    every = np.repeat(distinct, counts, axis=0)
    found = np.empty((resamples, rows.shape[1]))
    step = max(1, _CHUNK // total)
    for start in range(0, resamples, step):
        picked = dice.integers(total, size=(min(step, resamples - start), total))
        for arm in range(rows.shape[1]):
            found[start : start + step, arm] = every[:, arm][picked].mean(axis=1)
    return found * widened


@dataclass(frozen=True, slots=True)
class _Variance:
    """Of the mean: what the differences between its seeds amount to, and how much of that items alone explain.

    `freedom` is the number of seeds less one, `rest` that of the residuals.
    """

    between: float
    noise: float
    freedom: int
    rest: int

    @classmethod
    def of(cls, scores: Scores, size: float) -> _Variance:
        """The two-way analysis of variance of scores [items, seeds] that were computed from numbers of that size."""
        items, seeds = scores.shape
        if seeds == 1 or items == 1:
            return cls(0.0, 0.0, max(1, seeds - 1), 1)
        effects = scores.mean(axis=0) - scores.mean()
        residuals = scores - scores.mean(axis=1, keepdims=True) - effects
        rest = (items - 1) * (seeds - 1)
        noise = float((residuals**2).sum()) / rest / items / seeds
        between = float((effects**2).sum()) / (seeds - 1) / seeds
        # What is left where seeds cancel exactly is rounding (of the gradient, too), of which no share may be kept.
        return cls(between if between > (_ROUNDING * size) ** 2 else 0.0, noise, seeds - 1, rest)

    @property
    def kept(self) -> float:
        """The share of the differences between seeds that is not noise."""
        return max(0.0, self.between - self.noise) / self.between if self.between > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Seeds:
    """The seeds of all arms: their effects, [seeds] an arm, widened and freed of the noise of items."""

    effects: tuple[NDArray[np.float64], ...]
    variances: tuple[tuple[float, _Variance], ...]
    gradient: NDArray[np.float64]
    same: bool

    @classmethod
    def of(cls, scores: Sequence[Scores], gradient: NDArray[np.float64], same: bool) -> _Seeds:
        """Seeds that arms share are judged by what they do to the statistic as a whole."""
        sizes = [float(np.abs(one).max()) for one in scores]
        if same:
            size = float(np.abs(gradient) @ sizes)
            whole = _Variance.of(np.tensordot(gradient, np.stack(scores), axes=1), size)
            variances = [(1.0, whole)]
            kept = [whole.kept] * len(scores)
        else:
            apart = [_Variance.of(one, size) for one, size in zip(scores, sizes, strict=True)]
            variances = [(float(weight), one) for weight, one in zip(gradient, apart, strict=True)]
            kept = [one.kept for one in apart]
        effects = tuple(
            (one.mean(axis=0) - one.mean()) * math.sqrt(share * one.shape[1] / max(1, one.shape[1] - 1))
            for one, share in zip(scores, kept, strict=True)
        )
        return cls(effects, tuple(variances), gradient, same)

    def resampled(self, resamples: int, dice: np.random.Generator) -> NDArray[np.float64]:
        """Deviations of the means, [resamples, arms]."""
        found = np.zeros((resamples, len(self.effects)))
        picked: NDArray[np.int64] | None = None
        for arm, effects in enumerate(self.effects):
            if len(effects) > 1:
                if picked is None or not self.same:
                    picked = dice.integers(len(effects), size=(resamples, len(effects)))
                found[:, arm] = effects[picked].mean(axis=1)
        return found


def _unknown_items(shape: tuple[int, ...], resamples: int, dice: np.random.Generator) -> NDArray[np.float64]:
    """What two more items would change whose outcomes nobody knows: every combination of 0 and 1 is as likely."""
    items, arms = shape
    cells = np.array(list(product((-0.5, 0.5), repeat=arms)))
    drawn = dice.multinomial(2, np.full(len(cells), 1 / len(cells)), size=resamples)
    return np.asarray(drawn @ cells / (items + 2))


def _gradient(statistic: Statistic, means: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.eye(len(means)) * _STEP
    return np.asarray((statistic(means + steps) - statistic(means - steps)) / (2 * _STEP))


def _widening(rows: Scores, seeds: _Seeds, unknown: float) -> float:
    """Student's quantile over the normal one, with the degrees of freedom of the statistic's variance.

    `unknown` is the part of it that is not estimated, and so has no degrees of freedom to count.
    """
    from scipy.stats import norm, t

    items = len(rows)
    if items < 2:
        return 1.0
    estimated = float((rows @ seeds.gradient).var(ddof=1)) / items
    total = estimated + unknown
    uncertain = estimated**2 / (items - 1)
    for weight, one in seeds.variances:
        if one.kept:
            total += weight**2 * (one.between - one.noise)
            uncertain += weight**4 * (one.between**2 / one.freedom + one.noise**2 / one.rest)
    return float(t.ppf(0.975, total**2 / uncertain) / norm.ppf(0.975)) if uncertain > 0 else 1.0
