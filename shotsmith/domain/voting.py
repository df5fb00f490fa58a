"""Votes of demonstrations: the baselines that need no model."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .scoring import quantise

Weighting = Literal["similarity", "uniform"]


@dataclass(frozen=True, slots=True)
class Ballot:
    """A demonstration's answer, and how similar it is to the query; None when the two cannot be compared."""

    answer: str
    similarity: float | None = None


def tally(ballots: Sequence[Ballot], weighting: Weighting = "similarity") -> dict[str, float]:
    """The votes of each answer.

    A ballot weighs its similarity, never less than zero, or 1 with uniform weights.
    """
    weights: dict[str, list[float]] = defaultdict(list)
    for ballot in ballots:
        similar = 0.0 if ballot.similarity is None else max(ballot.similarity, 0.0)
        weights[ballot.answer].append(1.0 if weighting == "uniform" else similar)
    # fsum rounds once, whatever the order of its terms.
    return {answer: quantise(math.fsum(terms)) for answer, terms in weights.items()}


def winner(ballots: Sequence[Ballot], weighting: Weighting = "similarity") -> str | None:
    """argmax over answers of their votes; None without ballots.

    Ties go to the answer of the most similar ballot, then to the smaller answer (Baldassini et al. 2024, arXiv
    2404.15736; with one ballot the 1-NN of Milios et al. 2023, arXiv 2309.10954).
    """
    totals = tally(ballots, weighting)
    best: dict[str, float] = {}
    for ballot in ballots:
        similar = -math.inf if ballot.similarity is None else ballot.similarity
        best[ballot.answer] = max(similar, best.get(ballot.answer, -math.inf))
    return min(totals, key=lambda answer: (-totals[answer], -best[answer], answer), default=None)


def nearest(ballots: Sequence[Ballot], k: int) -> list[Ballot]:
    """The k most similar ballots; ties by answer, those that cannot be compared last."""

    def rank(ballot: Ballot) -> tuple[float, str]:
        return -(-math.inf if ballot.similarity is None else ballot.similarity), ballot.answer

    return sorted(ballots, key=rank)[:k]


def shares(totals: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Votes as probabilities, the largest first; equal ones where nobody has a vote."""
    votes = math.fsum(totals.values())
    even = 1 / len(totals) if totals else 0.0
    found = {answer: total / votes if votes > 0 else even for answer, total in totals.items()}
    return tuple(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
