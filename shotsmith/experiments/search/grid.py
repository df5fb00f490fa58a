"""Scores of arms on items: each is asked for once, in the same order for all arms, and within a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...domain.errors import InvalidInput

Scores = NDArray[np.float64]
Evaluate = Callable[[int, Sequence[str]], ArrayLike]
"""An arm's number and ids of items -> its score on each of them, from 0 to 1, in their order."""


class Grid:
    """What is known of each arm: its scores on the first of the items, so that any two arms share the shorter list.

    Args:
        evaluate: Scores an arm on items; an error it raises ends the search.
        arms: How many.
        items: Ids, in the order in which every arm is asked about them.
        budget: Scores that may be asked for.
    """

    def __init__(self, evaluate: Evaluate, arms: int, items: Sequence[str], budget: int) -> None:
        self._evaluate = evaluate
        self._items = tuple(items)
        self._scores: list[Scores] = [np.empty(0) for _ in range(arms)]
        self.left = budget

    @property
    def arms(self) -> range:
        """Their numbers."""
        return range(len(self._scores))

    @property
    def items(self) -> int:
        """How many there are."""
        return len(self._items)

    def seen(self, arm: int) -> Scores:
        """An arm's scores so far, [items]."""
        return self._scores[arm]

    def rest(self, arm: int) -> int:
        """How many items it was not asked about."""
        return self.items - len(self._scores[arm])

    def more(self, arm: int, count: int) -> Scores:
        """Its scores on the next items: so many, or as many as items and budget allow.

        Raises:
            InvalidInput: What came is not one score from 0 to 1 for each item.
        """
        count = min(count, self.rest(arm), self.left)
        if count <= 0:
            return np.empty(0)
        start = len(self._scores[arm])
        # Paid for, whatever comes of it.
        self.left -= count
        fresh = _checked(self._evaluate(arm, self._items[start : start + count]), arm, count)
        self._scores[arm] = np.concatenate([self._scores[arm], fresh])
        return fresh

    def upto(self, arm: int, count: int) -> Scores:
        """Its scores on the first items; what is not known is asked for."""
        self.more(arm, count - len(self._scores[arm]))
        return self._scores[arm][:count]


def _checked(given: ArrayLike, arm: int, count: int) -> Scores:
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    # NaN fails the comparison too.
    if found.shape != (count,) or not ((found >= 0) & (found <= 1)).all():
        raise InvalidInput(
            "one score from 0 to 1 is needed for each item",
            field="evaluate",
            value=f"shape {np.shape(found)} for {count} items of arm {arm}",
            mend="Scale scores to that range; a failure scores 0",
        )
    return found
