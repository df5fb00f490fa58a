"""What a search for the best arm found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..metrics.estimates import Estimate


@dataclass(frozen=True, slots=True)
class ArmSeen:
    """What the search saw of one arm. The best arm's numbers are too high: it was chosen by them.

    Attributes:
        index: Its number.
        name: As given.
        items: How many it was asked about.
        mean: Of its scores, with its 95 % interval; None where it was not asked.
        behind: The winner's mean less its own on the items that both have seen; None without any.
        why: Why it is the best, or is not.
    """

    index: int
    name: str
    items: int
    mean: Estimate | None
    behind: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The winner beside the pool's own instruction, on items that nothing was chosen by.

    Attributes:
        items: How many.
        winner: Mean score of the winner.
        own: That of the pool's own instruction.
        difference: The winner's less its own, paired; None where the own one won.
        p_value: Of no difference; None likewise.
    """

    items: int
    winner: Estimate
    own: Estimate
    difference: Estimate | None
    p_value: float | None


@dataclass(frozen=True)
class Best:
    """The best arm, as far as the budget told.

    Attributes:
        arms: By number.
        winner: Number of the best one.
        own: Number of the pool's own instruction.
        method: How it was searched.
        seed: Of all draws.
        calls: Scores that were asked for.
        budget_calls: Those that were allowed.
        search_items: What was chosen by.
        confirm_items: What was not.
        confirmation: The numbers that count.
    """

    arms: tuple[ArmSeen, ...]
    winner: int
    own: int
    method: str
    seed: int
    calls: int
    budget_calls: int
    search_items: tuple[str, ...]
    confirm_items: tuple[str, ...]
    confirmation: Confirmation

    @property
    def better(self) -> bool:
        """Whether the winner beats the pool's own instruction on fresh items by more than chance."""
        found = self.confirmation.difference
        return found is not None and found.low > 0

    @property
    def optimism(self) -> float | None:
        """How much higher the winner's mean was where it was chosen by; None where it was not asked there."""
        seen = self.arms[self.winner].mean
        return None if seen is None else seen.value - self.confirmation.winner.value

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        fresh, name = self.confirmation, self.arms[self.winner].name
        if fresh.difference is None:
            return f"Keep the own instruction: none of {len(self.arms) - 1} others was found better"
        low, high = fresh.difference.low, fresh.difference.high
        told = f"{fresh.difference.value:+.3f} ({low:+.3f} to {high:+.3f}) on {fresh.items} fresh items"
        if self.better:
            return f"Take {name!r}: {told}"
        return f"Keep the own instruction: {name!r} is not shown to be better, {told}"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "better": self.better, "optimism": self.optimism, "verdict": self.verdict}
