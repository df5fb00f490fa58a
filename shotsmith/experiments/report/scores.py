"""Scores of arms for reports: each computed once, on the items that an arm was asked about."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...domain.errors import InvalidInput
from ..arms import Arm
from ..metrics import Estimate, f1_columns, macro_f1_of, metrics_for, word_errors
from ..outcomes import Outcome
from ..statistics import Resampled, Scores, Statistic, contrast, holm, mean, resample
from ..trials import Findings

_FEW_RESAMPLES = 1000
_MOST_NUMBERS = 60_000_000  # of a bootstrap over columns; beyond, its interval is not worth the wait


class Change(NamedTuple):
    """An arm less another one: the difference, its p-value adjusted for others like it, and on how many items."""

    estimate: Estimate
    p: float
    items: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What an arm is compared with; None where there is nothing to compare."""

    to_zero_shot: Change | None = None
    to_random: Change | None = None


class Scored:
    """Scores of arms, kept.

    Args:
        findings: What was found.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self._items: dict[str, tuple[str, ...]] = {}
        self._scores: dict[tuple[str, str | None], Scores] = {}
        self._means: dict[tuple[str, str | None], Estimate | None] = {}

    def items(self, arm: Arm) -> tuple[str, ...]:
        """The items that an arm has outcomes for, under all of its seeds."""
        key = arm.key
        if key not in self._items:
            self._items[key] = self.findings.shared([arm])
        return self._items[key]

    def outcomes(self, arm: Arm) -> list[list[Outcome]]:
        """Its outcomes about these, [seeds][items]."""
        return self._part(arm).of_arm(arm)

    def scores(self, arm: Arm, by: str | None = None) -> Scores:
        """Of these, [items, seeds], by a metric or by the decisive one."""
        if (arm.key, by) not in self._scores:
            self._scores[arm.key, by] = self._part(arm).scores(arm, by)
        return self._scores[arm.key, by]

    def mean(self, arm: Arm, by: str | None = None) -> Estimate | None:
        """The score with its interval; of no width where that would take too long. None where it cannot be had."""
        if (arm.key, by) not in self._means:
            self._means[arm.key, by] = self._mean(arm, by)
        return self._means[arm.key, by]

    def paired(self, one: Arm, other: Arm) -> tuple[Scores, Scores]:
        """The scores of two arms about the items that both know."""
        shared = set(self.items(one)) & set(self.items(other))

        def of(arm: Arm) -> Scores:
            kept = [place for place, item in enumerate(self.items(arm)) if item in shared]
            return self.scores(arm)[kept]

        return of(one), of(other)

    def contrast(self, one: Arm, other: Arm, *, same_seeds: bool = False) -> Resampled | None:
        """One arm less another, paired; None without an item that both know."""
        mine, theirs = self.paired(one, other)
        if not len(mine):
            return None
        same = same_seeds and mine.shape == theirs.shape
        return contrast(mine, theirs, same_seeds=same, scope=f"{one.key} - {other.key}")

    def _part(self, arm: Arm) -> Findings:
        return self.findings.on(self.items(arm))

    def _mean(self, arm: Arm, by: str | None) -> Estimate | None:
        name = by or self.findings.metric
        try:
            if name == "macro_f1":
                return self._columns(arm, self._f1(arm), macro_f1_of, self._part(arm).value(arm, name))
            if name == "word_error_rate":
                return self._columns(arm, self._words(arm), _rate, self._part(arm).value(arm, name))
            return mean(self.scores(arm, by), scope=arm.key).interval()
        except InvalidInput:  # e.g. several right answers, of which this metric takes one
            return None

    def _f1(self, arm: Arm) -> NDArray[np.float64]:
        """[seeds, items, columns]."""
        part = self._part(arm)
        truths = [tuple(part.truths[item][:1]) for item in part.items]
        labels = sorted({label for one in truths for label in one} | set(part.task.labels))
        return np.stack(
            [
                f1_columns([None if one.answer is None else (one.answer,) for one in of_seed], truths, labels)
                for of_seed in part.of_arm(arm)
            ]
        )

    def _words(self, arm: Arm) -> NDArray[np.float64]:
        part = self._part(arm)
        return np.array(
            [[word_errors(one.answer, part.truths[one.item][0]) for one in of] for of in part.of_arm(arm)],
            dtype=np.float64,
        )

    def _columns(
        self, arm: Arm, columns: NDArray[np.float64], statistic: Statistic, value: float
    ) -> Estimate:
        if columns.size * _FEW_RESAMPLES > _MOST_NUMBERS:
            return Estimate(value, value, value)
        arms = [columns[:, :, place].T for place in range(columns.shape[2])]
        found = resample(
            arms,
            statistic,
            same_seeds=True,
            smoothed=False,
            scope=arm.key,
            resamples=_FEW_RESAMPLES,
        ).interval()
        return Estimate(value, min(value, found.low), max(value, found.high))


def changes(scored: Scored, arms: list[Arm]) -> dict[str, Changes]:
    """Every arm against zero-shot and against random demonstrations at the same k, by its key.

    P-values are adjusted for all comparisons with the same kind of baseline within a part of the experiment, as far as
    its arms were asked about the same items.
    """
    zero = {arm.model: arm for arm in arms if arm.kind == "zero-shot" and not arm.changes}
    random = {(arm.model, arm.k): arm for arm in arms if arm.kind == "random" and not arm.changes}
    lone = next(iter(zero.values()), None) if len(zero) == 1 else None
    to_zero = _against(scored, arms, {arm.key: zero.get(arm.model, lone) for arm in arms})
    to_random = _against(scored, arms, {arm.key: random.get((arm.model, arm.k)) for arm in arms})
    return {arm.key: Changes(to_zero.get(arm.key), to_random.get(arm.key)) for arm in arms}


def _against(scored: Scored, arms: list[Arm], baselines: dict[str, Arm | None]) -> dict[str, Change]:
    found: dict[str, tuple[Estimate, float, int]] = {}
    stages: dict[tuple[str, tuple[str, ...]], dict[str, float]] = defaultdict(dict)
    for arm in arms:
        baseline = baselines[arm.key]
        if baseline is None or baseline.key == arm.key:
            continue
        drawn = scored.contrast(arm, baseline)
        if drawn is not None:
            shared = len(set(scored.items(arm)) & set(scored.items(baseline)))
            p = drawn.p_value()
            found[arm.key] = drawn.interval(), p, shared
            stages[arm.group, scored.items(arm)][arm.key] = p
    adjusted = {key: p for stage in stages.values() for key, p in holm(stage).items()}
    return {key: Change(estimate, adjusted[key], items) for key, (estimate, _, items) in found.items()}


def other_metrics(findings: Findings) -> list[str]:
    """The metrics beside the decisive one: those that were asked for, or all that fit the task."""
    named = findings.metrics or [one.name for one in metrics_for(findings.task)]
    return [name for name in named if name != findings.metric]


def _rate(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(means[..., 0] / np.maximum(means[..., 1], 1e-12))
