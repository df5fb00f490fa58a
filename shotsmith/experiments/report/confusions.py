"""Which answers are mistaken for which."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from ..arms import Arm
from .account import Account

MOST_LABELS = 40
_PAIRS = 15
UNREAD = "(no answer)"


class Pair(NamedTuple):
    """A right answer, what was said instead, how often, and of how many."""

    right: str
    said: str
    times: int
    of: int


@dataclass(frozen=True)
class Confusions:
    """The answers of an arm beside the right ones, counted over items and seeds.

    Attributes:
        arm: Whose.
        labels: Right ones and answers, in the order of the label space.
        cells: Counts by right answer and answer; with `UNREAD` last where there is one.
        columns: The labels, and `UNREAD` where something has no answer.
        totals: How often each label is right.
        pairs: The most frequent mistakes.
        whole: Whether all labels fit into a matrix.
    """

    arm: Arm
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], int]
    totals: dict[str, int]
    pairs: tuple[Pair, ...]
    whole: bool

    def share(self, right: str, said: str) -> float:
        """Of the items with this right answer, those that were answered so."""
        return self.cells.get((right, said), 0) / max(1, self.totals[right])


def confusions(account: Account) -> Confusions | None:
    """Of the featured arm; None for answers that are no labels."""
    arm, task = account.featured, account.findings.task
    if arm is None or task.kind not in ("label", "yes or no"):
        return None
    truths = account.findings.truths
    cells: Counter[tuple[str, str]] = Counter()
    for of_seed in account.scored.outcomes(arm):
        for one in of_seed:
            right = one.answer if one.correct and one.answer else truths[one.item][0]
            cells[right, UNREAD if one.answer is None else one.answer] += 1
    used = {label for pair in cells for label in pair} - {UNREAD}
    ordered = [label for label in task.labels if label in used]
    ordered += sorted(used - set(ordered))
    columns = [*ordered, *([UNREAD] if any(said == UNREAD for _, said in cells) else [])]
    totals = {label: sum(count for (right, _), count in cells.items() if right == label) for label in ordered}
    wrong = sorted(
        (Pair(right, said, count, totals[right]) for (right, said), count in cells.items() if right != said),
        key=lambda pair: (-pair.times, pair.right, pair.said),
    )
    return Confusions(
        arm,
        tuple(label for label in ordered if totals[label]),
        tuple(columns),
        dict(cells),
        totals,
        tuple(wrong[:_PAIRS]),
        len(columns) <= MOST_LABELS + 1,
    )
