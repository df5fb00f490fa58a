"""What the advisor says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

from ...selectors.modality import Probe
from ..arms import Arm
from ..metrics import Estimate
from ..trials import Spent

Regime = Literal["NO-ICL", "KNN", "SSL", "ASL", "HYBRID", "INCONCLUSIVE"]


class Point(NamedTuple):
    """An arm as something to choose.

    Attributes:
        arm: Which one.
        score: Mean score with its 95 % interval.
        usd: Price of 1,000 queries, caches included; None for an unknown price, 0 without a model.
        p95_ms: Latency that 95 % of the calls keep; 0 without a model.
        best: Whether no other arm is as good in score, price and latency and better in one of them.
        items: How many items it was asked about.
    """

    arm: Arm
    score: Estimate
    usd: float | None
    p95_ms: float
    best: bool
    items: int


class Evidence(NamedTuple):
    """A diagnostic with its interval and what it says.

    Attributes:
        name: E.g. "SLR*", "UDI", "RET(8)", "ALLGAIN", "VOTEGAP(8)" or "image impact".
        modality: By which similarity; empty where that does not matter.
        value: A difference of scores, or a ratio.
        low: Lower end of the 95 % interval.
        high: Upper end.
        neutral: Where nothing is said: 1 for ratios, 0 for differences.
        says: In words.
    """

    name: str
    modality: str
    value: float
    low: float
    high: float
    neutral: float
    says: str


class Stage(NamedTuple):
    """One stage of the advisor's work.

    Attributes:
        name: "floor and scale", "diagnosis" or "confirmation".
        items: How many items.
        arms: How many arms.
        calls: Calls that were made for it.
        found: What came of it, in words.
    """

    name: str
    items: int
    arms: int
    calls: int
    found: str


@dataclass(frozen=True)
class Advice:
    """A verdict, the recipe that goes with it, and why.

    Attributes:
        regime: The verdict.
        leading: For INCONCLUSIVE, the regime that would be named if the point estimates were the truth.
        needed: For INCONCLUSIVE, how many held-out items would decide it (80 % power); None where that is unknown.
        arm: What to use.
        why: Sentences, the decisive one first.
        points: The arms that were tried, cheapest first.
        evidence: The diagnostics.
        stages: What was done.
        spent: In all.
        grid_calls: What asking every arm about every item would have taken.
        notes: What must be said wherever the verdict is shown.
        probe: What each modality of the demonstrations is worth, as the `modality` selector takes it; None where that
            was not measured.
    """

    regime: Regime
    arm: Arm
    why: tuple[str, ...]
    leading: Regime | None = None
    needed: int | None = None
    points: tuple[Point, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    stages: tuple[Stage, ...] = ()
    spent: Spent = field(default_factory=Spent)
    grid_calls: int = 0
    notes: tuple[str, ...] = ()
    probe: Probe | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "regime": self.regime,
            "leading": self.leading,
            "needed": self.needed,
            "arm": self.arm.name,
            "recipe": self.arm.recipe.model_dump(mode="json") if self.arm.recipe else None,
            "why": list(self.why),
            "points": [
                {**one._asdict(), "arm": one.arm.name, "score": asdict(one.score)} for one in self.points
            ],
            "evidence": [one._asdict() for one in self.evidence],
            "stages": [one._asdict() for one in self.stages],
            "spent": self.spent.as_dict(),
            "grid_calls": self.grid_calls,
            "notes": list(self.notes),
            "probe": self.probe.model_dump(mode="json") if self.probe else None,
        }
