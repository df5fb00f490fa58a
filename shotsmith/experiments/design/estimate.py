"""What an experiment will take, from a few of its prompts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ...clients.vlm import FREE
from ...domain.errors import InvalidInput
from ..arms import Arm
from ..bench import Bench
from ..trials import Cell, cells_of

_PROBES = 2
_ASSUMED_MS = 2000.0
"""What a call takes where nothing is known of the model; said wherever it is used."""


@dataclass(frozen=True, slots=True)
class ArmCost:
    """What one arm takes.

    Attributes:
        arm: Which one.
        calls: That have no outcome yet.
        input_tokens: Of one prompt, as estimated.
        usd: Of all calls, with answers of the recipe's length and without caches; None for an unknown price.
        problem: Why its prompts cannot be built; empty where they can.
    """

    arm: Arm
    calls: int
    input_tokens: int | None
    usd: float | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Estimates:
    """What everything takes.

    Attributes:
        arms: Those that ask a model.
        cells: Outcomes that are missing, those of free arms included.
        minutes: Wall time at the given number of workers.
        call_ms: What a call is thought to take.
        known_pace: Whether that was measured on this model; else it is assumed.
    """

    arms: tuple[ArmCost, ...] = ()
    cells: int = 0
    minutes: float = 0.0
    call_ms: float = 0.0
    known_pace: bool = True

    @property
    def calls(self) -> int:
        """Of all arms."""
        return sum(one.calls for one in self.arms)

    @property
    def input_tokens(self) -> int:
        """Of all calls."""
        return sum(one.calls * (one.input_tokens or 0) for one in self.arms)

    @property
    def usd(self) -> float | None:
        """Of all calls; None when one price is unknown."""
        prices = [one.usd for one in self.arms if one.calls and not one.problem]
        return None if None in prices else sum(price for price in prices if price is not None)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "calls": self.calls,
            "cells": self.cells,
            "input_tokens": self.input_tokens,
            "usd": self.usd,
            "minutes": self.minutes,
            "call_ms": self.call_ms,
            "known_pace": self.known_pace,
            "arms": [
                {
                    "arm": one.arm.name,
                    "model": one.arm.model,
                    "group": one.arm.group,
                    "calls": one.calls,
                    "input_tokens": one.input_tokens,
                    "usd": one.usd,
                    "problem": one.problem,
                }
                for one in self.arms
            ],
        }


def estimate(
    bench: Bench,
    arms: Sequence[Arm],
    items: Sequence[str],
    seeds: Sequence[int],
    *,
    workers: int,
    known: Collection[Cell] = (),
    shares: Mapping[str, float] | None = None,
) -> Estimates:
    """Build the prompts of two items in every arm, and count.

    Args:
        bench: Builds them.
        arms: Of the experiment.
        items: The test fold.
        seeds: Of arms that draw.
        workers: Items in work at the same time.
        known: Cells that have an outcome.
        shares: Of arms that are asked about a part of the items, by their keys.
    """
    part = dict(shares or {})
    costs = tuple(_cost(bench, arm, items, seeds, known, part.get(arm.key, 1.0)) for arm in arms if arm.asks)
    cells = sum(cell not in known for cell in cells_of(arms, items, seeds))
    models = {arm.model or bench.model for arm in arms if arm.asks}
    paces = [bench.engine.latency_ms(model) for model in sorted(models)]
    told = [pace for pace in paces if pace is not None]
    call_ms = fmean(told) if told else _ASSUMED_MS
    calls = sum(one.calls for one in costs)
    minutes = calls * call_ms / workers / 60_000
    return Estimates(costs, cells, minutes, call_ms, len(told) == len(paces))


def _cost(
    bench: Bench,
    arm: Arm,
    items: Sequence[str],
    seeds: Sequence[int],
    known: Collection[Cell],
    share: float,
) -> ArmCost:
    size = bench.batch(arm)
    of_seed = Counter(cell.seed for cell in cells_of([arm], items, seeds) if cell not in known)
    calls = sum(-(-math.ceil(share * cells) // size) for cells in of_seed.values())
    if not calls:
        return ArmCost(arm, 0, 0, 0.0)
    try:
        if size > 1:
            manifests = [bench.first_batch(arm, items).manifest]
        else:
            manifests = [bench.prompt(arm, item).manifest for item in items[:_PROBES]]
    except InvalidInput as error:
        return ArmCost(arm, calls, None, None, str(error))
    tokens = round(fmean(one["tokens"]["total"] for one in manifests))
    prices = [one["cost_usd"] for one in manifests]
    free = (arm.model or bench.model).startswith(FREE)
    usd = 0.0 if free else None if None in prices else calls * fmean(prices)
    return ArmCost(arm, calls, tokens, usd)
