"""Bayesian upper confidence bounds: the arm that could still be best is looked at next.

Each arm's mean score has a Beta distribution, which begins with what earlier evaluations said, as in the
prior-inherited Bayesian UCB of MPO (arXiv 2510.09201). Posteriors and policy are those of the package
`bayesianbandits`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import beta

from ...domain.scoring import seed_bytes, shuffled
from .grid import Grid
from .packages import needed

BOUND = 0.975
STRENGTH = 10
"""Items that an earlier evaluation counts for at most: it was made of other items, or of a parent."""
_DRAWS = 1000


class Earlier(NamedTuple):
    """What was found of an arm, or of the arm it was made from, before: its mean score on so many items."""

    mean: float
    items: int


class Chosen(NamedTuple):
    """The arm that a method chose, and for each arm why it was or was not."""

    winner: int
    why: tuple[str, ...]


def least_calls(arms: int, earlier: Mapping[int, Earlier]) -> int:
    """Scores without which there is no search: one for every arm that nothing is known of."""
    return max(1, arms - len(earlier))


def ucb(grid: Grid, *, own: int, seed: int, block: int, earlier: Mapping[int, Earlier]) -> Chosen:
    """Spend the grid's budget on the arms that could still be best.

    First every arm of which nothing is known gets a block of items. Then the arm whose bound is highest gets the next
    block, until the budget is spent, or the bounds leave one arm alone.

    Args:
        grid: Asks.
        own: Is preferred among equals.
        seed: Of all draws.
        block: Items an arm gets at a time.
        earlier: What is known of arms.
    """
    library = needed("bayesianbandits")
    priors = np.array([_prior(earlier.get(arm)) for arm in grid.arms])
    agent = library.Agent(
        [
            library.Arm(
                arm,
                reward_function=_chance_of_right,
                learner=library.DirichletClassifier({0: float(wrong), 1: float(right)}),
            )
            for arm, (wrong, right) in enumerate(priors)
        ],
        library.UpperConfidenceBound(alpha=BOUND, samples=_DRAWS),
        random_seed=int.from_bytes(seed_bytes(seed, "ucb")[:8]),
    )

    def look(arm: int, count: int) -> None:
        fresh = grid.more(arm, count)
        if len(fresh):
            right = float(fresh.sum())
            weights = np.array([len(fresh) - right, right])
            agent.select_for_update(arm).update(np.array([0, 1]), sample_weight=weights)
        if not grid.rest(arm):
            agent.remove_arm(arm)

    unknown = [arm for arm in grid.arms if arm not in earlier]
    first = max(1, min(block, grid.left // max(1, len(unknown))))
    for name in shuffled(map(str, unknown), seed, "ucb"):
        look(int(name), first)
    while (
        grid.left and len(agent.arms) and not _settled(grid, _leader(_expected(_beliefs(grid, priors)), own))
    ):
        look(int(agent.pull()[0]), block)
    return _chosen(grid, priors, own)


def _chance_of_right(drawn: Any) -> Any:
    return drawn[..., 1]


def _prior(known: Earlier | None) -> tuple[float, float]:
    """Weights of wrong and right before the first item."""
    if known is None:
        return 1.0, 1.0
    weight = min(known.items, STRENGTH)
    return 1 + weight * (1 - known.mean), 1 + weight * known.mean


def _beliefs(grid: Grid, priors: Any) -> Any:
    """Weights of wrong and right, [arms, 2]."""
    right = np.array([grid.seen(arm).sum() for arm in grid.arms])
    counts = np.array([len(grid.seen(arm)) for arm in grid.arms])
    return priors + np.stack([counts - right, right], axis=1)


def _expected(beliefs: Any) -> Any:
    """Mean scores, [arms], drawn towards that of all arms together: few items say little.

    The flat prior would draw them towards a half, and so favour the arms that were seen least where scores are low.
    """
    known = beliefs - 1
    total = known.sum()
    middle = known[:, 1].sum() / total if total else 0.5
    return (known[:, 1] + 2 * middle) / (known.sum(axis=1) + 2)


def _leader(means: Any, own: int) -> int:
    rounded = np.round(means, 9)
    return own if rounded[own] == rounded.max() else int(np.argmax(rounded))


def _settled(grid: Grid, winner: int) -> bool:
    """Whether no other arm may be better than the leader, as far as the bounds tell by what was seen here alone."""
    wrong, right = _beliefs(grid, np.ones((len(grid.arms), 2))).T
    low, high = beta.ppf(1 - BOUND, right, wrong), beta.ppf(BOUND, right, wrong)
    return bool((np.delete(high, winner) < low[winner]).all())


def _chosen(grid: Grid, priors: Any, own: int) -> Chosen:
    beliefs = _beliefs(grid, priors)
    means, high = _expected(beliefs), beta.ppf(BOUND, beliefs[:, 1], beliefs[:, 0])
    winner = _leader(means, own)
    why = []
    for arm in grid.arms:
        seen = len(grid.seen(arm))
        if arm == winner:
            why.append(f"best: expected at {means[arm]:.3f} after {seen} items")
        elif high[arm] < means[winner]:
            why.append(f"ruled out after {seen} items: below {high[arm]:.3f} with a chance of {BOUND:.1%}")
        else:
            why.append(f"not ruled out after {seen} items, but expected at {means[arm]:.3f}")
    return Chosen(winner, tuple(why))
