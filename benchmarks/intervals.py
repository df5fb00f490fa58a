"""Whether intervals, tests and sample sizes keep their promises: `python benchmarks/intervals.py > intervals.json`.

Simulated experiments, whose truth is known, are evaluated as real ones are. Counted over them: how often a 95 %
interval holds the truth, how often one of two equal arms seems to beat the other, and how often a difference is seen on
as many items as the formula asks for. Beside it: what a bootstrap of 10,000 resamples takes.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shotsmith.experiments.statistics import contrast, mcnemar, needed_items, power_of

EXPERIMENTS = 2000
RESAMPLES = 2000
GRID = ((0.03, 0.10), (0.05, 0.15), (0.08, 0.16), (0.10, 0.20))
Drawn = tuple[NDArray[np.float64], NDArray[np.float64]]


class World(Protocol):
    """Where experiments come from: the true difference of two arms, and their scores in one experiment."""

    @property
    def truth(self) -> float: ...

    def draw_scores(self, trial: int) -> Drawn: ...


@dataclass(frozen=True)
class Pairs:
    """Two arms on items that are right or wrong: a share `discordant` is right in one arm only."""

    items: int
    gap: float
    discordant: float
    both: float = 0.6

    @property
    def truth(self) -> float:
        return self.gap

    def draw_scores(self, trial: int) -> Drawn:
        dice = np.random.default_rng([trial, self.items])
        throw = dice.random(self.items)
        wins = (self.discordant + self.gap) / 2
        alike = (throw >= self.discordant) & (dice.random(self.items) < self.both)
        one = (throw < wins) | alike
        other = ((throw >= wins) & (throw < self.discordant)) | alike
        return one[:, None].astype(float), other[:, None].astype(float)


@dataclass(frozen=True)
class Worlds:
    """An arm of random demonstrations under several seeds against a fixed arm that is `gap` better.

    An item is right where its ease (standard deviation 1.2), plus what the draw of demonstrations adds for all items,
    plus noise, is above 0.
    """

    items: int
    seeds: int = 3
    draw: float = 0.05
    noise: float = 0.5
    gap: float = 0.2
    ease: float = 1.2

    @property
    def truth(self) -> float:
        """A draw only adds to the variance of the first arm, about a mean of 0; so its accuracy is one half."""
        spread = math.hypot(self.ease, self.noise)
        return 0.5 - NormalDist().cdf(self.gap / spread)

    def draw_scores(self, trial: int) -> Drawn:
        dice = np.random.default_rng([trial, self.items, self.seeds])
        ease = dice.normal(0, self.ease, (self.items, 1))
        one = (
            ease
            + dice.normal(0, self.draw, self.seeds)
            + dice.normal(0, self.noise, (self.items, self.seeds))
        )
        other = ease + self.gap + dice.normal(0, self.noise, (self.items, 1))
        return (one > 0).astype(float), (other > 0).astype(float)


@dataclass(frozen=True)
class Counts:
    """Shares of the experiments: the truth lies in the interval; the first arm lies above the other by the interval;
    by the exact test, where each arm has one seed."""

    coverage: float
    beats: float
    mcnemar: float | None


def counted(world: World, experiments: int, resamples: int = RESAMPLES) -> Counts:
    """Evaluate so many experiments."""
    covered = beats = exact = 0
    single = True
    for trial in range(experiments):
        one, other = world.draw_scores(trial)
        found = contrast(one, other, seed=trial, resamples=resamples).interval()
        covered += found.low <= world.truth <= found.high
        beats += found.low > 0
        single = one.shape[1] == other.shape[1] == 1
        if single:
            exact += mcnemar(one[:, 0] > 0.5, other[:, 0] > 0.5, "greater").p <= 0.05
    return Counts(covered / experiments, beats / experiments, exact / experiments if single else None)


def milliseconds(items: int, seeds: int, rounds: int = 5) -> float:
    """The fastest of some bootstraps with 10,000 resamples, of scores that are all different."""
    one, other = np.random.default_rng(0).random((2, items, seeds))
    times = []
    for seed in range(rounds):
        started = time.perf_counter()
        contrast(one, other, seed=seed)
        times.append(time.perf_counter() - started)
    return 1e3 * min(times)


def measure(experiments: int, resamples: int) -> dict[str, Any]:
    """All of it."""

    def row(world: Pairs | Worlds) -> dict[str, Any]:
        shares = asdict(counted(world, experiments, resamples))
        return {"world": type(world).__name__, **asdict(world), "truth": world.truth, **shares}

    powers = []
    for gap, discordant in GRID:
        items = needed_items(gap, discordant)
        seen = counted(Pairs(items, gap, discordant), experiments, resamples).beats
        predicted = power_of(items, gap, discordant)
        powers.append(
            {"gap": gap, "discordant": discordant, "items": items, "predicted": predicted, "seen": seen}
        )
    differing = [Pairs(200, 0.05, 0.15), Worlds(200, 5), Worlds(250, 3, draw=0.1), Worlds(250, 10, draw=0.2)]
    equal = [Pairs(100, 0.0, 0.2), Pairs(400, 0.0, 0.1), Worlds(150, gap=0.0)]
    return {
        "coverage": [row(world) for world in differing],
        "no_difference": [row(world) for world in equal],
        "power": powers,
        "bootstrap_ms": {
            f"{items} x {seeds}": milliseconds(items, seeds) for items, seeds in ((200, 1), (1000, 3))
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS)
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    given = parser.parse_args(arguments)
    found = measure(given.experiments, given.resamples)
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    json.dump({**machine, **vars(given), **found}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
