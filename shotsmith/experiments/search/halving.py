"""Successive halving (Karnin et al. 2013; Jamieson & Talwalkar 2016): the worse ones go, the others see more items.

Rounds are those of scikit-learn's `HalvingGridSearchCV`, for which an arm is a parameter and the items its resource.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ...domain.scoring import quantise, shuffled
from .grid import Grid
from .packages import needed
from .ucb import Chosen

FACTOR = 2


def rounds(arms: int, least: int, items: int) -> list[tuple[int, int]]:
    """Arms of each round and the items that they have seen by its end; the last round's best is the winner."""
    found = [(arms, min(least, items))]
    while found[-1][0] > FACTOR and found[-1][1] * FACTOR <= items:
        left, seen = found[-1]
        found.append((-(-left // FACTOR), seen * FACTOR))
    return found


def cost(plan: list[tuple[int, int]]) -> int:
    """Scores that rounds ask for: survivors are asked about new items only."""
    first, seen = plan[0]
    return first * seen + sum(arms * (now - before) for (_, before), (arms, now) in pairwise(plan))


def least_calls(arms: int, items: int) -> int:
    """Scores without which there is no search."""
    return cost(rounds(arms, 1, items))


def halving(grid: Grid, *, own: int, seed: int) -> Chosen:
    """Half of the arms go each round, those that are left are compared on the same items.

    The first round's items are as many as budget and items allow.

    Args:
        grid: Asks; its budget holds `least_calls`.
        own: Is preferred among equals.
        seed: Of the arms' order, which decides between equals.
    """
    needed("sklearn.experimental.enable_halving_search_cv")
    base, selection = needed("sklearn.base"), needed("sklearn.model_selection")
    arms, items = len(grid.arms), grid.items
    plan = next(
        plan for least in range(items, 0, -1) if cost(plan := rounds(arms, least, items)) <= grid.left
    )

    class Reader(base.BaseEstimator):  # type: ignore[misc, name-defined]
        """An arm as scikit-learn sees it: its score is its mean on the first items."""

        def __init__(self, arm: int = 0, items: int = 1) -> None:
            self.arm = arm
            self.items = items

        def fit(self, X: Any, y: Any = None) -> Any:  # noqa: N803
            return self

        def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
            return float(grid.upto(self.arm, self.items).mean())

    search = selection.HalvingGridSearchCV(
        Reader(),
        {"arm": [int(name) for name in shuffled(map(str, grid.arms), seed, "halving")]},
        factor=FACTOR,
        resource="items",
        min_resources=plan[0][1],
        max_resources=plan[-1][1],
        cv=[([0], [0])],
        refit=False,
        return_train_score=False,
        error_score="raise",
        n_jobs=1,
    )
    search.fit(np.zeros((1, 1)))
    return _chosen(search.cv_results_, arms, own)


def _chosen(results: Any, arms: int, own: int) -> Chosen:
    table = [
        (int(turn), int(params["arm"]), quantise(float(score)))
        for turn, params, score in zip(
            results["iter"], results["params"], results["mean_test_score"], strict=True
        )
    ]
    last = max(turn for turn, _, _ in table)
    final = {arm: score for turn, arm, score in table if turn == last}
    best = max(final.values())
    winner = own if final.get(own) == best else next(arm for arm, score in final.items() if score == best)
    seen = dict(zip(results["iter"], results["n_resources"], strict=True))
    why = [""] * arms
    for turn, arm, score in table:
        told = f"mean {score:.3f} after {seen[turn]} items"
        why[arm] = f"left in round {turn + 1} of {last + 1}: {told}"
        if turn == last:
            why[arm] = f"best of the last round: {told}" if arm == winner else f"lost the last round: {told}"
    return Chosen(winner, tuple(why))
