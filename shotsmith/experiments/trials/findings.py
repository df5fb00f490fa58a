"""What trials found: scores of arms on the same items, ready for statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ...domain.errors import InvalidInput
from ...domain.parsed import Parsed
from ...prompts.parsing import Task, parse
from ..arms import Arm
from ..metrics import Estimate, metric, metrics_for
from ..outcomes import Outcome
from ..statistics import Scores, contrast, mean
from .keep import Cell, Record


@dataclass(frozen=True)
class Findings:
    """The outcomes of arms on the same items.

    Attributes:
        task: What was asked.
        arms: In the order of the experiment.
        items: Ids of the held-out queries.
        seeds: Those of arms that draw; the others have the first.
        truths: What is right for each item: one text, or several that are as good.
        outcomes: By cell; where one is missing, its arm has no scores.
        metrics: By which scores are told, the decisive one first; by default the usual one of the task.
    """

    task: Task
    arms: tuple[Arm, ...]
    items: tuple[str, ...]
    seeds: tuple[int, ...]
    truths: Mapping[str, Sequence[str]]
    outcomes: Mapping[Cell, Outcome] = field(repr=False)
    metrics: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        task: Task,
        arms: Sequence[Arm],
        items: Sequence[str],
        seeds: Sequence[int],
        truths: Mapping[str, Sequence[str]],
        records: Iterable[Record],
        metrics: Sequence[str] = (),
    ) -> Findings:
        """From records, of which those of other cells are passed over."""
        wanted = set(items)
        keys = {arm.key for arm in arms}
        found = {cell: outcome for cell, outcome in records if cell.arm in keys and cell.item in wanted}
        return cls(task, tuple(arms), tuple(items), tuple(seeds), truths, found, tuple(metrics))

    def seeds_of(self, arm: Arm) -> tuple[int, ...]:
        """The seeds that an arm was asked under."""
        return arm.seeds(self.seeds)

    def cells(self, arm: Arm) -> Iterator[Cell]:
        """Everything that is to be found out of an arm, by seed and item."""
        key = arm.key
        return (Cell(key, seed, item) for seed in self.seeds_of(arm) for item in self.items)

    def of_arm(self, arm: Arm) -> list[list[Outcome]]:
        """Its outcomes, [seeds][items].

        Raises:
            InvalidInput: One is missing.
        """
        key = arm.key
        try:
            return [
                [self.outcomes[Cell(key, seed, item)] for item in self.items] for seed in self.seeds_of(arm)
            ]
        except KeyError:
            raise InvalidInput(
                "the arm was not asked about every item", field="arm", value=arm.name, mend="Finish the run"
            ) from None

    def complete(self, arm: Arm) -> bool:
        """Whether every item has an outcome."""
        return all(cell in self.outcomes for cell in self.cells(arm))

    def shared(self, arms: Sequence[Arm]) -> tuple[str, ...]:
        """The items that all of these arms have outcomes for, under all of their seeds."""
        columns = [
            (key, seed) for arm, key in ((arm, arm.key) for arm in arms) for seed in self.seeds_of(arm)
        ]
        return tuple(
            item for item in self.items if all(Cell(*column, item) in self.outcomes for column in columns)
        )

    def on(self, items: Sequence[str]) -> Findings:
        """The same on some of the items."""
        return replace(self, items=tuple(items))

    @cached_property
    def metric(self) -> str:
        """The decisive metric."""
        return self.metrics[0] if self.metrics else metrics_for(self.task)[0].name

    def scores(self, arm: Arm, by: str | None = None) -> Scores:
        """Scores of single items, [items, seeds], 0 to 1 for all metrics but word errors.

        Args:
            arm: Whose.
            by: A metric's name; by default the decisive one.

        Raises:
            InvalidInput: An outcome is missing, or a truth is no answer to the task.
            UnknownName, InvalidParameter: No such metric for the task.
        """
        chosen = metric(by or self.metric, self.task)
        truths = [self.truths[item] for item in self.items]
        columns = [chosen.scores(self.task, self._parsed(of_seed), truths) for of_seed in self.of_arm(arm)]
        return np.stack(columns, axis=1)

    def value(self, arm: Arm, by: str | None = None) -> float:
        """The score of all items together, mean over seeds; as `scores`."""
        chosen = metric(by or self.metric, self.task)
        truths = [self.truths[item] for item in self.items]
        values = [chosen.value(self.task, self._parsed(of_seed), truths) for of_seed in self.of_arm(arm)]
        return float(np.mean(values))

    def mean(self, arm: Arm, by: str | None = None) -> Estimate:
        """Mean score with its 95 % interval; as `scores`."""
        return mean(self.scores(arm, by), scope=arm.key).interval()

    def contrast(self, one: Arm, other: Arm, by: str | None = None) -> Estimate:
        """Mean score of one arm less another's, paired by items; as `scores`."""
        scope = f"{one.key} - {other.key}"
        return contrast(self.scores(one, by), self.scores(other, by), scope=scope).interval()

    def _parsed(self, outcomes: Sequence[Outcome]) -> list[Parsed]:
        known: dict[str | None, Parsed] = {None: Parsed(None, "failed")}
        for one in outcomes:
            if one.answer not in known:
                known[one.answer] = parse(one.answer or "", self.task)
        return [known[one.answer] for one in outcomes]
