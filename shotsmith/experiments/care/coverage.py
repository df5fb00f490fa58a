"""How well each label is covered: examples by fold, distinct content, groups."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...domain.examples import Example
from .copies import TRAINING

FEW = 5


@dataclass(frozen=True, slots=True)
class Covered:
    """One label.

    Attributes:
        label: Its name.
        splits: How many examples carry it, by fold; without a split is "train".
        distinct: How many different contents the training examples have: exact copies count once.
        groups: How many groups the training examples come from; an example without a group is one of its own.
    """

    label: str
    splits: dict[str, int]
    distinct: int
    groups: int

    @property
    def training(self) -> int:
        """Examples that can be shown."""
        return self.splits.get(TRAINING, 0)


@dataclass(frozen=True, slots=True)
class Coverage:
    """All labels of a pool.

    Attributes:
        labels: By name.
        splits: Examples by fold.
        unlabelled: Examples without a label.
        few: Below how many distinct training examples a label counts as thin.
    """

    labels: tuple[Covered, ...]
    splits: dict[str, int]
    unlabelled: int
    few: int

    @property
    def missing(self) -> tuple[str, ...]:
        """Labels that no training example carries: held-out queries of them cannot be answered from demonstrations."""
        return tuple(one.label for one in self.labels if not one.training)

    @property
    def thin(self) -> tuple[str, ...]:
        """Labels with some training examples, but fewer than `few` distinct ones."""
        return tuple(one.label for one in self.labels if one.training and one.distinct < self.few)

    @property
    def imbalance(self) -> float | None:
        """Training examples of the most frequent label for each one of the rarest; None where a label has none."""
        counts = [one.training for one in self.labels]
        rarest = min(counts, default=0)
        return max(counts) / rarest if rarest else None


def coverage(examples: Iterable[Example], space: Sequence[str] = (), *, few: int = FEW) -> Coverage:
    """Count labels; every label of an example counts.

    Args:
        examples: All of a pool.
        space: The declared label space, whose labels are told even where no example carries them.
        few: Fewer distinct training examples make a label thin.
    """
    splits: Counter[str] = Counter()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    contents: dict[str, set[str]] = defaultdict(set)
    groups: dict[str, set[tuple[str, str]]] = defaultdict(set)
    unlabelled = 0
    for example in examples:
        split = example.split or TRAINING
        splits[split] += 1
        unlabelled += not example.labels
        for label in set(example.labels):
            counts[label][split] += 1
            if split == TRAINING:
                contents[label].add(f"{example.pixel_key} {example.text_key}")
                groups[label].add(("group", example.group) if example.group else ("id", example.id))
    return Coverage(
        tuple(
            Covered(label, dict(sorted(counts[label].items())), len(contents[label]), len(groups[label]))
            for label in sorted({*space, *counts})
        ),
        dict(sorted(splits.items())),
        unlabelled,
        few,
    )
