"""What a report of an experiment is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ...domain.recipes import Recipe
from ..advisor import Advice
from ..arms import Arm
from ..bench import Bench
from ..runner import caveats
from ..trials import Findings
from .scores import Scored


@dataclass(frozen=True)
class Account:
    """An experiment as its report tells it.

    Attributes:
        bench: Where it was made; prompts are rebuilt and pictures fetched there.
        findings: What came of it. Arms that were not asked about every item are told with those they were.
        advice: The verdict, where there is one.
        name: For people; by default the pool's.
        notes: What must be said wherever the numbers are shown, beside what goes for the models and the advice.
        feature: The arm that is looked at closely; by default the advised one, else the first family that is no
            baseline, at the k nearest to a recipe's default: settled before any answer is seen.
        failures: Wrong answers that are shown at most.
    """

    bench: Bench
    findings: Findings
    advice: Advice | None = None
    name: str = ""
    notes: tuple[str, ...] = ()
    feature: Arm | None = None
    failures: int = 12

    @cached_property
    def scored(self) -> Scored:
        """Scores of the arms, each computed once."""
        return Scored(self.findings)

    @cached_property
    def asked(self) -> list[Arm]:
        """The arms that are known about an item at least."""
        return [arm for arm in self.findings.arms if self.scored.items(arm)]

    @cached_property
    def featured(self) -> Arm | None:
        """The arm that is looked at closely; None where none was asked."""
        by_key = {arm.key: arm for arm in self.asked}
        for wanted in (self.feature, self.advice.arm if self.advice else None):
            if wanted and wanted.key in by_key:
                return by_key[wanted.key]
        tried = [arm for arm in self.asked if not arm.baseline and scale(arm)]
        tried = tried or [arm for arm in self.asked if arm.asks]
        first = [arm for arm in tried if arm.family == tried[0].family and arm.model == tried[0].model]
        return min(first, key=lambda arm: (abs(arm.k - Recipe().k), arm.k), default=None)

    @cached_property
    def models(self) -> list[str]:
        """Who was asked, in the order of the arms."""
        found = dict.fromkeys(self.model_of(arm) for arm in self.findings.arms if arm.asks)
        return list(found) or [self.bench.model]

    def model_of(self, arm: Arm) -> str:
        """Who an arm asks."""
        return arm.model or self.bench.model

    @property
    def staged(self) -> bool:
        """Whether an advisor chose which arms are asked about how many queries."""
        return self.advice is not None and bool(self.advice.stages)

    @cached_property
    def uneven(self) -> str:
        """Between how many queries and how many the arms were asked about; empty where it is the same number."""
        counts = sorted({len(self.scored.items(arm)) for arm in self.asked})
        return f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else ""

    @cached_property
    def all_notes(self) -> list[str]:
        """Everything that must be said beside the numbers, each once."""
        told = [note for model in self.models for note in caveats(model)]
        told += [*self.notes, *(self.advice.notes if self.advice else ())]
        total = len(self.findings.items)
        short = [arm for arm in self.findings.arms if len(self.scored.items(arm)) < total]
        # An advisor asks no arm about more than it takes.
        if short and not self.staged:
            told.append(
                f"{len(short)} of {len(self.findings.arms)} arms were not asked about all {total} queries; what is "
                "said of them is of the queries they were asked about"
            )
        return list(dict.fromkeys(note.rstrip(".") for note in told))


def scale(arm: Arm) -> bool:
    """Whether an arm belongs to curves over shots: it is plain, and no control that varies another arm."""
    return plain(arm) and arm.group in ("", "floor", "scale", "focus")


def plain(arm: Arm) -> bool:
    """Whether an arm shows what its recipe chooses, one query a call, under the pool's own instruction."""
    return not arm.changes and arm.instruction is None and arm.batch == 1
