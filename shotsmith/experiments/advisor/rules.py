"""The decision rule: from scores of arms on the same items to a regime, or to what is missing for one.

Pure functions. These comparisons decide, in this order; a claim counts only where it is shown, at the level `alpha` and
corrected for the number of comparisons of its stage.

1. `gain` and `vote gain`: the best arm with demonstrations, and the best vote, less zero-shot. Both less than the
   margin: NO-ICL.
2. `vote`: the best vote without a model less the best arm that asks one. Not worse by the margin: KNN.
3. `flat`: the nearest few less all, and `similar`, SLR*. Not worse by the margin, and similarity matters: SSL.
4. All better than the nearest few: ASL. So it is where neither is better by the margin, similarity is not worth it
   either, different examples beat repeated ones (`unique`), and all cost less, caches included.
5. `hybrid near` and `hybrid wide`: a few near ones after a cached part, better than both: HYBRID.

What is neither shown nor ruled out is INCONCLUSIVE; there is no verdict by default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal, NamedTuple

from numpy.typing import ArrayLike
from pydantic import Field

from ...domain.recipes import Frozen
from ..metrics import RESAMPLES, Estimate
from ..statistics import contrast, needed_by_sd, scores_of
from .advice import Regime

Name = Literal["gain", "vote gain", "vote", "flat", "similar", "unique", "hybrid near", "hybrid wide"]
Claim = Literal["more", "less", "no worse", "no better"]

#: What is claimed of each comparison, first less second. No two that could both be false unless one implies the other,
#: so that a comparison counts once where claims are corrected for their number (Shaffer 1986).
CLAIMS: Mapping[Name, tuple[Claim, ...]] = {
    "gain": ("no better", "more"),
    "vote gain": ("no better", "more"),
    "vote": ("no worse", "less"),
    "flat": ("no worse", "less", "no better"),
    "similar": ("more", "no better"),
    "unique": ("more",),
    "hybrid near": ("more",),
    "hybrid wide": ("more", "no better"),
}
Share = Annotated[float, Field(gt=0, lt=0.5, allow_inf_nan=False)]


class Margins(Frozen):
    """What counts as a difference, and as certainty."""

    delta: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = Field(
        0.02, description="What may be lost for a cheaper arm, in units of the score: 0.02 is two points."
    )
    alpha: Share = Field(
        0.05, description="Chance that a stage claims something that is not so; of each one-sided test."
    )
    power: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        0.8, description="Chance that the number of items that is said to be needed suffices."
    )


class Pair(NamedTuple):
    """Scores of two arms on the same items, [items] or [items, seeds]."""

    one: ArrayLike
    other: ArrayLike


@dataclass(frozen=True)
class Compared:
    """Two arms, and what may be claimed of them.

    Attributes:
        difference: The mean of the first less that of the second, with its 95 % interval.
        p: Of each claim, corrected for everything that was tested beside it.
        sd: Standard deviation of the items' differences.
        items: How many.
        beside: How many comparisons it was corrected for, itself included.
    """

    difference: Estimate
    p: Mapping[Claim, float]
    sd: float
    items: int
    beside: int = 1

    def claims(self, claim: Claim, margins: Margins) -> bool:
        """Whether it is shown."""
        return self.p.get(claim, 1.0) <= margins.alpha

    def would(self, claim: Claim, margins: Margins) -> bool:
        """Whether it were so if what was measured were the truth."""
        return _room(claim, self.difference.value, margins) > 0

    def needed(self, name: Name, margins: Margins, *, at_best: bool = False) -> int | None:
        """Items on which the easiest of its claims that would be so is shown; None where none would.

        Args:
            name: Of the comparison.
            margins: What counts.
            at_best: Whether the truth lies at the end of the interval that is shown most easily, not where it was
                measured.
        """
        measured = self.difference
        values = (measured.low, measured.high) if at_best else (measured.value,)
        gap = max(_room(claim, value, margins) for claim in CLAIMS[name] for value in values)
        if gap <= 0:
            return None
        level = min(2 * margins.alpha / self.beside, 0.99)
        power = margins.power
        by_items = needed_by_sd(gap, self.sd, power=power, alpha=level)
        # Intervals widen by two items of unknown outcome, which weigh 1 / n and not 1 / sqrt(n).
        by_unknown = math.sqrt(needed_by_sd(gap, 1.0, power=power, alpha=level))
        return max(math.ceil(by_items / 2 + math.hypot(by_items / 2, by_unknown)), self.items + 1)


def _room(claim: Claim, value: float, margins: Margins) -> float:
    """How far a difference is from where the claim would be false."""
    room: Mapping[Claim, float] = {
        "more": value,
        "less": -value,
        "no worse": value + margins.delta,
        "no better": margins.delta - value,
    }
    return room[claim]


def compare(
    pairs: Mapping[Name, Pair],
    margins: Margins,
    *,
    share: float = 1.0,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[Name, Compared]:
    """Compare the pairs of one stage, with Holm's correction over them.

    Args:
        pairs: By name, in any order.
        margins: What counts.
        share: Of alpha, for a stage that looks at its data more than once.
        seed: Seeds the resamples.
        resamples: How many.

    Raises:
        InvalidInput: Not the same items in both arms of a pair, or none.
    """
    rough = {name: _compared(name, pair, margins, seed, resamples) for name, pair in pairs.items()}
    # The smallest p first; of equal ones any order gives the same.
    order = sorted(rough, key=lambda name: (min(rough[name].p.values()), name))
    found: dict[Name, Compared] = {}
    least = 0.0
    for place, name in enumerate(order):
        factor = (len(order) - place) / share
        p = {claim: max(least, min(1.0, factor * value)) for claim, value in rough[name].p.items()}
        least = max(least, min(p.values()))
        found[name] = replace(rough[name], p=p, beside=len(order))
    return {name: found[name] for name in pairs}


def merged(before: Compared | None, now: Compared) -> Compared:
    """What a later look at more items says, where what was shown earlier stays shown."""
    if before is None:
        return now
    return replace(now, p={claim: min(value, before.p.get(claim, 1.0)) for claim, value in now.p.items()})


@dataclass(frozen=True)
class Decision:
    """What the comparisons say.

    Attributes:
        regime: The verdict.
        leading: For INCONCLUSIVE, what it would be if the point estimates were the truth.
        needed: For INCONCLUSIVE, items that would decide the comparison that is open; None where that is unknown.
        open: The comparison that is neither shown nor ruled out; None where there is a verdict.
    """

    regime: Regime
    leading: Regime | None = None
    needed: int | None = None
    open: Name | None = None


def decide(
    compared: Mapping[Name, Compared], margins: Margins, *, cheaper: bool = False, waits: bool = True
) -> Decision:
    """The verdict.

    Args:
        compared: What was compared so far; what is missing is open as soon as it would decide.
        margins: As for `compare`.
        cheaper: Whether showing all costs no more than showing the nearest few, caches included.
        waits: Whether more can be asked about a mixture; where not, and both similarity and all of them matter, it is
            ASL that was shown.
    """
    shown = _Judge(compared, margins, sure=True, waits=waits)
    regime = _walk(shown, cheaper)
    if regime is not None:
        return Decision(regime)
    leading = _walk(_Judge(compared, margins, sure=False), cheaper)
    last = compared.get(shown.open) if shown.open else None
    needed = last.needed(shown.open, margins) if last and shown.open else None
    return Decision("INCONCLUSIVE", leading or "HYBRID", needed, shown.open)


class _Judge:
    """Answers whether something is so: shown, or if the estimates were the truth; remembers where it could not."""

    def __init__(
        self, compared: Mapping[Name, Compared], margins: Margins, *, sure: bool, waits: bool = True
    ) -> None:
        self._compared = compared
        self._margins = margins
        self.sure, self.waits = sure, waits
        self.open: Name | None = None

    def knows(self, name: Name) -> bool:
        return name in self._compared

    def so(self, name: Name, claim: Claim) -> bool:
        found = self._compared.get(name)
        if found is None:
            return False
        return (found.claims if self.sure else found.would)(claim, self._margins)

    def stuck(self, name: Name) -> None:
        """No answer for want of this."""
        self.open = self.open or name


def _walk(judge: _Judge, cheaper: bool) -> Regime | None:
    """The rules in their order; None where one of them cannot be answered, and the judge then knows which."""
    gains: tuple[Name, ...] = ("gain", "vote gain") if judge.knows("vote gain") else ("gain",)
    worth = [name for name in gains if not judge.so(name, "no better")]
    if not worth:
        return "NO-ICL"
    if not any(judge.so(name, "more") for name in worth):
        judge.stuck(worth[0])
        return None
    if judge.so("vote", "no worse"):
        return "KNN"
    if judge.knows("vote") and not judge.so("vote", "less"):
        judge.stuck("vote")
        return None
    if not judge.so("gain", "more"):
        judge.stuck("gain")
        return None
    return _few_or_all(judge, cheaper)


def _few_or_all(judge: _Judge, cheaper: bool) -> Regime | None:
    similar = judge.so("similar", "more")
    if judge.so("flat", "no worse"):
        # Without SLR* an estimate alone takes the cheaper prompt for the better one.
        if similar or not (judge.sure or judge.knows("similar")):
            return "SSL"
        return _hybrid(judge) or _alike(judge, cheaper)
    if judge.so("flat", "less"):
        if mixed := _hybrid(judge):
            return mixed
        if judge.sure and similar and judge.waits and not judge.so("hybrid wide", "no better"):
            # Both matter: a mixture may beat them, and is asked about before all of them are named.
            judge.stuck("hybrid wide")
            return None
        return "ASL"
    judge.stuck("flat")
    return None


def _alike(judge: _Judge, cheaper: bool) -> Regime | None:
    """The nearest few are no worse than all, and not for being similar, as far as is shown."""
    if not judge.so("similar", "no better"):
        judge.stuck("similar")
    elif not judge.so("flat", "no better"):
        judge.stuck("flat")
    elif not cheaper:
        judge.stuck("hybrid wide")
    elif not judge.so("unique", "more"):
        judge.stuck("unique")
    else:
        return "ASL"
    return None


def _hybrid(judge: _Judge) -> Regime | None:
    both = judge.so("hybrid near", "more") and judge.so("hybrid wide", "more")
    return "HYBRID" if both else None


def _compared(name: Name, pair: Pair, margins: Margins, seed: int, resamples: int) -> Compared:
    one, other = (scores_of(side).mean(axis=1) for side in pair)
    found = contrast(pair.one, pair.other, seed=seed, scope=f"rules|{name}", resamples=resamples)
    tests: Mapping[Claim, tuple[float, Literal["greater", "less"]]] = {
        "more": (0.0, "greater"),
        "less": (0.0, "less"),
        "no worse": (-margins.delta, "greater"),
        "no better": (margins.delta, "less"),
    }
    p = {claim: found.p_value(*tests[claim]) for claim in CLAIMS[name]}
    return Compared(found.interval(), p, float((one - other).std()), len(one))
