"""Influence over logged queries: did answers that followed a demonstration's label turn out right?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from ...domain.examples import normal_text
from ...domain.scoring import quantise

PRIOR = 4.0
PASSED_OVER = 0.5


@dataclass(frozen=True, slots=True)
class Logged:
    """One answer that was given earlier.

    Attributes:
        shown: Ids of its demonstrations.
        answer: What was answered; empty when it could not be read.
        score: How right it was, from 0 to 1.
    """

    shown: tuple[str, ...]
    answer: str
    score: float


def influence(log: Iterable[Logged], labels: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """What each demonstration's labels were worth to the queries that showed it, by id, ascending; negative misleads.

    A query whose answer is one of its labels counts 2 s - 1, s being the answer's score: right answers speak for the
    label, wrong ones against it. A query with another answer counts -s / 2: it was passed over, rightly so. The sum is
    divided by the number of queries that showed it plus `PRIOR`, which draws what was shown rarely towards zero.

    The plain difference in score between queries with and without a demonstration was tried first and tells nothing on
    logs of this size (area under the ROC curve 0.5, against 0.92 for this one; `benchmarks/care.py`).

    Args:
        log: Answers.
        labels: Of each demonstration; others are not judged.
    """
    counts: dict[str, list[float]] = defaultdict(list)
    for entry in log:
        answer = normal_text(entry.answer)
        for id in set(entry.shown) & labels.keys():
            followed = answer in map(normal_text, labels[id])
            counts[id].append(2 * entry.score - 1 if followed else -PASSED_OVER * entry.score)
    return {id: quantise(fsum(found) / (len(found) + PRIOR)) for id, found in sorted(counts.items())}
