"""Which examples to label next, by the regime that the task is in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Literal, get_args

import numpy as np

from ...domain.errors import InvalidParameter
from ...domain.scoring import Matrix
from ...selectors.blocks import neighbours
from ...selectors.votes import Voters, elected

Regime = Literal["NO-ICL", "KNN", "SSL", "ASL", "HYBRID", "INCONCLUSIVE"]
VOTES = 10
_ROWS = 4096


def label_next(
    candidates: Matrix, labelled: Matrix, count: int, regime: Regime = "SSL", *, votes: int = VOTES
) -> list[int]:
    """Places of the candidates to label, the most useful first, at most `count`.

    - KNN and SSL: vote-k (Su et al. 2022, arXiv 2209.01975) that goes on from what is labelled: typical candidates of
      neighbourhoods that have few labelled examples, since such tasks live from a similar demonstration.
    - ASL: spread: each lies farthest, in cosine distance, from everything labelled or chosen before (k-centre greedy,
      Gonzalez 1985), since such tasks live from seeing all that there is.
    - HYBRID and INCONCLUSIVE: the two in turn.
    - NO-ICL: none; demonstrations do not help.

    Args:
        candidates: Unit rows of what could be labelled, [n, d], in an order that does not depend on chance.
        labelled: Unit rows of what is labelled, [m, d]; m may be 0.
        count: How many are wanted.
        regime: The task's.
        votes: How many nearest each one votes for. The paper's 150 is meant for thousands of candidates; with
            hundreds it elects what is near everything, and is worse than chance (`benchmarks/care.py`).

    Raises:
        InvalidParameter: There is no such regime, or a count below 0.
    """
    if regime not in get_args(Regime):
        raise InvalidParameter(
            "no such regime", field="regime", value=regime, mend=f"Use one of {', '.join(get_args(Regime))}"
        )
    if count < 0:
        raise InvalidParameter("less than 0", field="count", value=count, mend="Ask for 1 or more")
    if regime == "NO-ICL" or not len(candidates):
        return []
    typical = _typical(candidates, labelled, votes)
    spread = _spread(candidates, labelled)
    if regime in ("KNN", "SSL"):
        order: Iterator[int | None] = iter(typical)
    elif regime == "ASL":
        order = iter(spread)
    else:
        order = chain.from_iterable(zip_longest(typical, spread))
    chosen: dict[int, None] = {}
    while len(chosen) < min(count, len(candidates)):
        place = next(order)
        if place is not None:
            chosen[place] = None
    return list(chosen)


def _typical(candidates: Matrix, labelled: Matrix, votes: int) -> Iterator[int]:
    everyone = np.concatenate([candidates, labelled]) if len(labelled) else candidates
    return elected(Voters(neighbours(everyone, votes)), range(len(candidates), len(everyone)))


def _spread(candidates: Matrix, labelled: Matrix) -> Iterator[int]:
    rows = np.asarray(candidates, dtype=np.float64)
    nearest = np.full(len(rows), -np.inf)
    for start in range(0, len(labelled), _ROWS):
        some = np.asarray(labelled[start : start + _ROWS], dtype=np.float64)
        np.maximum(nearest, (rows @ some.T).max(axis=1), out=nearest)
    if not len(labelled):
        # The first of all is the one in the middle; extremes come soon enough.
        nearest = -(rows @ rows.mean(axis=0))
    place = int(np.argmin(np.round(nearest, 6)))
    if not len(labelled):
        nearest = np.full(len(rows), -np.inf)
    for _ in range(len(rows)):
        yield place
        np.maximum(nearest, rows @ rows[place], out=nearest)
        nearest[place] = np.inf
        place = int(np.argmin(np.round(nearest, 6)))
