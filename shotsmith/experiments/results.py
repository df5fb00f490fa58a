"""What a comparison found: outcomes by item, scores by arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from ..domain.recipes import Recipe
from .arms import Arm
from .metrics import Estimate, accuracy, difference
from .outcomes import Outcome


@dataclass(frozen=True)
class ArmResult:
    """An arm with its outcomes, one for each item, in the comparison's order.

    Attributes:
        arm: What was tried.
        outcomes: What came of it.
        to_zero_shot: Accuracy less zero-shot's; None for zero-shot itself.
        to_random: Accuracy less random's at the same k; None for random itself and without shots.
    """

    arm: Arm
    outcomes: tuple[Outcome, ...]
    to_zero_shot: Estimate | None = None
    to_random: Estimate | None = None

    @cached_property
    def correct(self) -> list[bool]:
        """Whether each item was right."""
        return [outcome.correct for outcome in self.outcomes]

    @cached_property
    def accuracy(self) -> Estimate:
        """Share of right answers with its 95 % interval."""
        return accuracy(self.correct)

    @property
    def parse_failures(self) -> int:
        """Answers that could not be read; they count as wrong."""
        return sum(outcome.answer is None for outcome in self.outcomes)

    @property
    def cost_usd(self) -> float | None:
        """Price of all calls when they were made; None when one is unknown."""
        costs = [outcome.cost_usd for outcome in self.outcomes]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    @property
    def input_tokens(self) -> int | None:
        """Tokens of all prompts; None when the provider does not say."""
        counts = [outcome.input_tokens for outcome in self.outcomes]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def output_tokens(self) -> int | None:
        """Tokens of all answers; None when the provider does not say."""
        counts = [outcome.output_tokens for outcome in self.outcomes]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def selection_ms(self) -> float:
        """Mean time to choose."""
        return fmean(outcome.selection_ms for outcome in self.outcomes)

    @property
    def from_ledger(self) -> int:
        """Answers that cost nothing now."""
        return sum(outcome.from_ledger for outcome in self.outcomes)

    def as_dict(self, *, timings: bool = True) -> dict[str, Any]:
        """Plain JSON."""
        recipe = self.arm.recipe
        scores = {
            "name": self.arm.name,
            "family": self.arm.family,
            "kind": self.arm.kind,
            "k": self.arm.k,
            "recipe": recipe.model_dump(mode="json") if recipe else None,
            "accuracy": asdict(self.accuracy),
            "to_zero_shot": asdict(self.to_zero_shot) if self.to_zero_shot else None,
            "to_random": asdict(self.to_random) if self.to_random else None,
            "parse_failures": self.parse_failures,
            "cost_usd": self.cost_usd,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
        }
        if timings:
            scores |= {"selection_ms": self.selection_ms, "from_ledger": self.from_ledger}
        outcomes = [outcome.as_dict(timings=timings) for outcome in self.outcomes]
        return {**scores, "outcomes": outcomes}


@dataclass(frozen=True)
class Comparison:
    """Arms on exactly the same held-out items.

    Attributes:
        pool: The pool's name.
        pool_version: What it held.
        pool_size: How many examples.
        encoder_id: Whose vectors retrieval used.
        model: Who answered.
        split: Which examples were held out.
        seed: Of items, draws and resamples.
        shots: What was tried, ascending, without 0.
        items: Ids of the held-out queries, in keyed order.
        truths: The right answer to each.
        held_out: How many examples the split has; more than the items when they were limited.
        arms: Baselines first.
        notes: What must be said wherever the numbers are shown.
    """

    pool: str
    pool_version: str
    pool_size: int
    encoder_id: str
    model: str
    split: str
    seed: int
    shots: tuple[int, ...]
    items: tuple[str, ...]
    truths: Mapping[str, str]
    held_out: int
    arms: tuple[ArmResult, ...]
    notes: tuple[str, ...] = ()

    def find(self, family: str, k: int = 0) -> ArmResult | None:
        """One arm."""
        return next((one for one in self.arms if (one.arm.family, one.arm.k) == (family, k)), None)

    @property
    def featured(self) -> ArmResult | None:
        """The arm that summaries speak of: the first selector asked for, at the k nearest to a recipe's default.

        It is settled before any answer is seen. The best arm, picked on the very items it is scored on, would look
        better than it is.
        """
        tried = [one for one in self.arms if not one.arm.baseline]
        first = [one for one in tried if one.arm.family == tried[0].arm.family]
        return min(first, key=lambda one: (abs(one.arm.k - Recipe().k), one.arm.k), default=None)

    @property
    def families(self) -> list[str]:
        """Families of arms, in the order of the arms."""
        return list(dict.fromkeys(one.arm.family for one in self.arms))

    def as_dict(self, *, timings: bool = True) -> dict[str, Any]:
        """Plain JSON. Without timings it is the same, byte for byte, every time the comparison is repeated."""
        fields = {
            name: getattr(self, name)
            for name in (
                "pool",
                "pool_version",
                "pool_size",
                "encoder_id",
                "model",
                "split",
                "seed",
                "held_out",
            )
        }
        return {
            **fields,
            "shots": list(self.shots),
            "items": list(self.items),
            "truths": dict(self.truths),
            "notes": list(self.notes),
            "arms": [one.as_dict(timings=timings) for one in self.arms],
        }


def scored(arms: Sequence[Arm], rows: Iterable[Sequence[Outcome]], seed: int) -> tuple[ArmResult, ...]:
    """Arms with their outcomes and their paired differences to the baselines.

    Args:
        arms: In the order of each row.
        rows: The outcomes of all arms for one item, for each item.
        seed: Of the resamples.
    """
    columns = [ArmResult(arm, outcomes) for arm, outcomes in zip(arms, zip(*rows, strict=True), strict=True)]
    zero = next(one for one in columns if one.arm.kind == "zero-shot")
    random = {one.arm.k: one for one in columns if one.arm.kind == "random"}

    def against(one: ArmResult, baseline: ArmResult | None) -> Estimate | None:
        if baseline is None or baseline is one:
            return None
        scope = f"{one.arm.name} - {baseline.arm.name}"
        return difference(one.correct, baseline.correct, seed=seed, scope=scope)

    return tuple(
        ArmResult(one.arm, one.outcomes, against(one, zero), against(one, random.get(one.arm.k)))
        for one in columns
    )
