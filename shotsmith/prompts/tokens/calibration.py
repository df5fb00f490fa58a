"""Counting rules corrected by what providers report.

A provider's count is taken to be linear in ours: a multiple of our tokens of text, of images and of sound, so many for
each turn, and so many for the request. The five numbers are learnt by recursive least squares that is regularised
towards the published rule. Rows are divided by our own count, so that a long prompt teaches as much as a short one.

The margin is the confidence bound of regularised least squares (Abbasi-Yadkori, Pal and Szepesvari 2011, theorem 2):
with V the information gathered, ||learnt - true||_V <= noise * sqrt(2 log(det(V)^1/2 det(V0)^-1/2 / delta)) + S, where
S bounds how far the true rule lies from the published one. It holds while each of the five numbers lies within its
prior error and reports scatter no more than they were seen to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...domain.messages import Usage
from ..facts.model import ModelFacts
from .features import Features

_Array = NDArray[np.float64]

_SIZE = 5
_NOISE = 0.005  # share by which reports scatter around any linear rule, at the least
_PLAUSIBLE = 4.0  # standard deviations; what lies further off teaches less
_STREAK = 3  # so many surprises in a row on the same side are another rule, not outliers
_MEMORY = 0.2  # weight of the newest report in how much reports scatter
_LOOSE = 4.0  # the pull towards the published rule is that of errors so many times as large as those it is said to have
_DELTA = 0.01  # chance that the bound does not hold
_TURN_ERROR, _REQUEST_ERROR = 4.0, 32.0  # tokens around a turn and a request that a provider may add unseen


@dataclass(frozen=True)
class Calibration:
    """What was learnt about a model's counting. Immutable: `observe` returns what is known afterwards.

    Attributes:
        start: The published rule, [5]: multiples of text, images and sound, tokens a turn, tokens a request.
        spread: How far each of those may be off, [5].
        learnt: The same five as learnt so far.
        covariance: Of what was learnt, [5 * 5] by row, for reports that scatter by the least noise.
        calls: Reports that were learnt from.
        scatter: How many times the least noise reports scatter.
        streak: Surprises in a row, negative for reports that were lower than expected.
    """

    start: tuple[float, ...]
    spread: tuple[float, ...]
    learnt: tuple[float, ...]
    covariance: tuple[float, ...]
    calls: int = 0
    scatter: float = 1.0
    streak: int = 0

    @classmethod
    def prior(cls, facts: ModelFacts) -> Calibration:
        """Nothing learnt yet: the published rule. Where the facts allow for no error there is nothing to learn."""
        return _prior(
            (1.0, 1.0, 1.0, facts.turn_overhead, facts.request_overhead),
            (facts.text_error, facts.image_error, facts.audio_error, _TURN_ERROR, _REQUEST_ERROR)
            if facts.text_error or facts.image_error or facts.audio_error
            else (0.0,) * _SIZE,
        )

    def expected(self, features: Features) -> float:
        """Tokens that the provider will report, about."""
        return max(0.0, float(_row(features) @ self._learnt))

    def margin(self, features: Features) -> float:
        """Tokens by which its report may exceed that."""
        row = _row(features)
        size = max(1.0, float(row @ np.array(self.start)))
        if not any(self.spread):
            return 0.0
        by_prior = float(np.abs(row) @ (np.array(self.spread) + np.abs(self._learnt - np.array(self.start))))
        by_evidence = self._radius * sqrt(max(0.0, float(row @ self._covariance @ row)))
        return min(by_prior, by_evidence) + 2 * self.scatter * _NOISE * size

    def observe(self, features: Features, usage: Usage) -> Calibration:
        """What is known after one more report; the same where it reports nothing that could be learnt from."""
        size = float(_row(features) @ np.array(self.start))
        reported = self._reported(features, usage)
        if reported is None or size <= 0 or not any(self.spread):
            return self
        row = _row(features) / size
        covariance = self._covariance
        error = reported / size - float(row @ self._learnt)
        doubt = float(row @ covariance @ row)
        surprise = error / (self.scatter * sqrt(_NOISE**2 + doubt))
        streak = _streak(self.streak, surprise)
        if abs(streak) >= _STREAK:
            covariance = covariance + np.diag(_LOOSE**2 * np.square(self.spread))
            doubt = float(row @ covariance @ row)
            surprise, streak = 0.0, 0
        weight = min(1.0, _PLAUSIBLE / abs(surprise)) if surprise else 1.0
        gain = covariance @ row * weight / (doubt + _NOISE**2)  # a step of so many deviations at most
        after = covariance - np.outer(gain, row @ covariance)
        scatter = self.scatter
        if doubt <= _NOISE**2:  # else the surprise tells of the rule, not of noise
            square = min(surprise, _PLAUSIBLE, key=abs) ** 2
            scatter = max(1.0, scatter * sqrt(1 + _MEMORY * (square - 1)))
        return replace(
            self,
            learnt=tuple((self._learnt + gain * error).tolist()),
            covariance=tuple(((after + after.T) / 2).ravel().tolist()),
            calls=self.calls + 1,
            scatter=scatter,
            streak=streak,
        )

    def state(self) -> dict[str, Any]:
        """What was learnt, as plain JSON; `restored` reads it back."""
        return {
            "learnt": list(self.learnt),
            "covariance": list(self.covariance),
            "calls": self.calls,
            "scatter": self.scatter,
            "streak": self.streak,
        }

    def restored(self, state: Mapping[str, Any]) -> Calibration:
        """This prior with what was learnt earlier."""
        return replace(
            self,
            learnt=tuple(map(float, state["learnt"])),
            covariance=tuple(map(float, state["covariance"])),
            calls=int(state["calls"]),
            scatter=float(state["scatter"]),
            streak=int(state["streak"]),
        )

    @cached_property
    def _learnt(self) -> _Array:
        return np.array(self.learnt)

    @cached_property
    def _covariance(self) -> _Array:
        return np.array(self.covariance).reshape(_SIZE, _SIZE)

    @cached_property
    def _radius(self) -> float:
        """How many standard deviations the bound is wide."""
        bound = sqrt(_SIZE) / _LOOSE  # each of the numbers within its prior error
        if not self.calls:
            return bound
        prior = _LOOSE**2 * np.square(self.spread)
        used = prior > 0
        # Of the information gathered beside that of the prior; a number that is certain has none.
        scaled = self._covariance[np.ix_(used, used)] / np.sqrt(np.outer(prior[used], prior[used]))
        gathered = max(0.0, -float(np.linalg.slogdet(scaled)[1]))
        return bound + self.scatter * sqrt(gathered + 2 * log(1 / _DELTA))

    def _reported(self, features: Features, usage: Usage) -> int | None:
        """All input tokens; None where that cannot be told.

        Some providers leave out what was read from or written to a cache. That is added where only the sum is
        believable; where several numbers are, nothing is learnt from any.
        """
        if usage.input_tokens is None or usage.input_tokens <= 0:
            return None
        cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
        sums = (usage.input_tokens, usage.input_tokens + cached, usage.input_tokens + cached + written)
        expected, margin = self.expected(features), self.margin(features)
        believable = [number for number in sums if abs(number - expected) <= margin]
        if not believable:
            return usage.input_tokens
        return believable[0] if max(believable) - min(believable) <= _NOISE * expected else None


@lru_cache(maxsize=256)
def _prior(start: tuple[float, ...], spread: tuple[float, ...]) -> Calibration:
    covariance = np.diag(_LOOSE**2 * np.square(spread))
    return Calibration(start, spread, start, tuple(covariance.ravel().tolist()))


def _row(features: Features) -> _Array:
    return np.array([features.text, features.images, features.audio, features.turns, 1.0], dtype=np.float64)


def _streak(before: int, surprise: float) -> int:
    if abs(surprise) <= _PLAUSIBLE:
        return 0
    side = 1 if surprise > 0 else -1
    return before + side if before * side > 0 else side
