"""What a model makes of where its demonstrations stand, and whether it copies them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np

from ...domain.errors import InvalidInput

Answers = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class PositionBias:
    """Scores by the depth at which something stood.

    Attributes:
        means: The mean score at each depth.
        best: The depth with the highest one, the smallest among equals.
        worst: The depth with the lowest one.
        bias: The highest less the lowest. It is never negative, and so more than nothing by chance alone.
    """

    means: Mapping[float, float]
    best: float
    worst: float
    bias: float


def position_bias(scores: Mapping[float, Sequence[float]]) -> PositionBias:
    """How much the score depends on where in the prompt the nearest or the right demonstration stands.

    Args:
        scores: The scores of the same items at each depth, from 0 for first to 1 for last.

    Raises:
        InvalidInput: No depth, or not the same items at all of them.
    """
    depths = sorted(scores)
    if len({len(scores[depth]) for depth in depths}) != 1 or not len(scores[depths[0]]):
        raise InvalidInput(
            "every depth needs the scores of the same items", field="scores", value=f"{len(depths)} depths"
        )
    means = {depth: float(np.mean(scores[depth])) for depth in depths}
    best = min(depths, key=lambda depth: (-means[depth], depth))
    worst = min(depths, key=lambda depth: (means[depth], depth))
    return PositionBias(means, best, worst, means[best] - means[worst])


def recency_lift(answers: Answers, shown: Sequence[Sequence[str]]) -> float:
    """How much more often an answer is that of the last demonstration than that of another position.

    P(answer = that of the last) less its mean over the other positions, item by item. With an order by similarity the
    last one is also the likeliest to be right; a random order tells copying from learning.

    Args:
        answers: What was read of each item.
        shown: The answers of its demonstrations in prompt order; items with fewer than two are left out.

    Raises:
        InvalidInput: Not as many of both, or no item with two demonstrations.
    """
    pairs = [pair for pair in _zipped(answers, shown) if len(pair[1]) > 1]
    if not pairs:
        raise InvalidInput(
            "no item has two demonstrations", field="shown", mend="Use an arm with two or more shots"
        )
    return fmean(float(said == told[-1]) - fmean(said == one for one in told[:-1]) for said, told in pairs)


def gold_last_gain(
    scores: Sequence[float], truths: Sequence[str], shown: Sequence[Sequence[str]]
) -> float | None:
    """Mean score where the last demonstration has the right answer, less where another has it and the last has not.

    As SMMILE measures recency (arXiv 2506.21355). The two are different items; None where either has none.

    Raises:
        InvalidInput: Not as many of each.
    """
    if not len(scores) == len(truths) == len(shown):
        raise InvalidInput(
            "every item needs a score, a truth and its demonstrations", field="scores", value=len(scores)
        )
    last: list[float] = []
    elsewhere: list[float] = []
    for score, truth, told in zip(scores, truths, shown, strict=True):
        if truth in told:
            (last if told[-1] == truth else elsewhere).append(score)
    return fmean(last) - fmean(elsewhere) if last and elsewhere else None


def copy_rate(answers: Answers, shown: Sequence[Sequence[str]]) -> float:
    """The share of items whose answer is that of one of their demonstrations, to the letter.

    For a closed label space it is high for good models too; compare it with how often the right answer is shown.

    Raises:
        InvalidInput: Not as many of both, or no item with a demonstration.
    """
    pairs = [pair for pair in _zipped(answers, shown) if pair[1]]
    if not pairs:
        raise InvalidInput("no item has a demonstration", field="shown", mend="Use an arm with shots")
    return fmean(said in told for said, told in pairs)


@dataclass(frozen=True, slots=True)
class Flips:
    """How often answers change with the order of the demonstrations.

    Attributes:
        items: Share of the items with more than one answer.
        pairs: Share of all pairs of orders that give an item different answers: what to expect of one reordering.
    """

    items: float
    pairs: float


def order_flips(answers: Sequence[Answers]) -> Flips:
    """Compare the answers of the same items under several orders.

    Args:
        answers: For each item what was read under each order; None is an answer of its own.

    Raises:
        InvalidInput: No items, fewer than two orders, or not as many for all items.
    """
    if not answers or len({len(one) for one in answers}) > 1 or len(answers[0]) < 2:
        raise InvalidInput("every item needs its answers under the same two orders or more", field="answers")
    return Flips(
        fmean(len(set(one)) > 1 for one in answers),
        float(np.mean([fmean(a != b for a, b in combinations(one, 2)) for one in answers])),
    )


def _zipped(answers: Answers, shown: Sequence[Sequence[str]]) -> list[tuple[str | None, Sequence[str]]]:
    if len(answers) != len(shown):
        raise InvalidInput(
            "every item needs its answer and its demonstrations", field="shown", value=len(shown)
        )
    return list(zip(answers, shown, strict=True))
