"""Every arm as the rows of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arms import Arm
from ..metrics import Estimate
from ..outcomes import Outcome
from ..statistics import Spread, seed_spread
from .account import Account
from .scores import Changes, changes

_CUT = frozenset(("length", "max_tokens"))
_REFUSED = frozenset(("content_filter", "refusal"))


@dataclass(frozen=True, slots=True)
class Unread:
    """Outcomes without an answer, by what went wrong; all of them count as wrong."""

    failed: int = 0
    refused: int = 0
    cut: int = 0
    empty: int = 0
    unreadable: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.failed + self.refused + self.cut + self.empty + self.unreadable

    def __str__(self) -> str:
        parts = {
            "failed": self.failed,
            "refused": self.refused,
            "cut off": self.cut,
            "empty": self.empty,
            "unreadable": self.unreadable,
        }
        return ", ".join(f"{count:,} {name}" for name, count in parts.items() if count) or "0"


@dataclass(frozen=True, slots=True)
class ArmRow:
    """An arm in the table of all.

    Attributes:
        arm: Which one.
        model: Who answered; empty where nobody was asked.
        items: About how many it is known.
        seeds: Under how many.
        score: By the decisive metric.
        spread: What its seeds differ by.
        changes: Against the baselines.
        unread: What has no answer.
        usd: Price of 1,000 queries when they were asked; None for an unknown one.
        input_tokens: Of a query, on average; None where the provider does not say.
        cached: Share of them that was read from the provider's cache.
        repeated: Share of the outcomes that the ledger answered.
        p50_ms: Median latency of the calls that were made.
        p95_ms: What 95 % of them keep.
        selection_ms: Mean time to choose.
    """

    arm: Arm
    model: str
    items: int
    seeds: int
    score: Estimate
    spread: Spread
    changes: Changes
    unread: Unread
    usd: float | None
    input_tokens: float | None
    cached: float | None
    repeated: float
    p50_ms: float
    p95_ms: float
    selection_ms: float


def arm_rows(account: Account) -> list[ArmRow]:
    """The arms that are known about anything, in their order."""
    against = changes(account.scored, account.asked)
    return [_row(account, arm, against[arm.key]) for arm in account.asked]


def unread_of(outcomes: list[Outcome]) -> Unread:
    """Sort out what has no answer."""
    counts = dict.fromkeys(("failed", "refused", "cut", "empty", "unreadable"), 0)
    for one in outcomes:
        if one.answer is None:
            counts[_why(one)] += 1
    return Unread(**counts)


def _why(outcome: Outcome) -> str:
    if outcome.error:
        return "failed"
    if outcome.finish_reason in _REFUSED:
        return "refused"
    if outcome.finish_reason in _CUT:
        return "cut"
    return "unreadable" if outcome.said.strip() else "empty"


def _row(account: Account, arm: Arm, against: Changes) -> ArmRow:
    by_seed = account.scored.outcomes(arm)
    outcomes = [one for of_seed in by_seed for one in of_seed]
    score = account.scored.mean(arm)
    assert score is not None  # the decisive metric has a score for every item
    usd = _mean([one.cost_usd for one in outcomes])
    tokens = _mean([one.input_tokens for one in outcomes])
    cached = _mean([one.cached_tokens for one in outcomes])
    times = [one.latency_ms for one in outcomes if not one.error] if arm.asks else []
    p50, p95 = np.percentile(times, [50, 95]) if times else (0.0, 0.0)
    return ArmRow(
        arm,
        account.model_of(arm) if arm.asks else "",
        len(by_seed[0]),
        len(by_seed),
        score,
        seed_spread(account.scored.scores(arm)),
        against,
        unread_of(outcomes),
        None if usd is None else 1000 * usd,
        tokens,
        cached / tokens if cached is not None and tokens else None,
        sum(one.from_ledger for one in outcomes) / len(outcomes),
        float(p50),
        float(p95),
        sum(one.selection_ms for one in outcomes) / len(outcomes),
    )


def _mean(values: list[float | None] | list[int | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
