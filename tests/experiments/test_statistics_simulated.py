"""What the statistics promise, counted over simulated experiments whose truth is known."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from shotsmith.experiments.statistics import contrast, needed_items, power_of

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "intervals.py"


def _benchmark() -> Any:
    """The script as a module, without its folder on the path, where names of the standard library are taken."""
    spec = spec_from_file_location("benchmark_of_intervals", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_MODULE = _benchmark()
Pairs, Worlds, counted, GRID = _MODULE.Pairs, _MODULE.Worlds, _MODULE.counted, _MODULE.GRID
SEEDED = Worlds(items=250, seeds=3, draw=0.1, noise=0.5, gap=0.2)


def test_a_few_simulated_experiments_are_covered():
    """The quick look; the slow tests below count 2,000 of each."""
    for world in (Pairs(150, 0.05, 0.15), SEEDED):
        found = counted(world, 200, resamples=500)
        assert 0.9 <= found.coverage <= 0.99


def test_simulated_worlds_are_what_they_say():
    many = Worlds(items=4000, seeds=40, draw=0.1, noise=0.5, gap=0.2)
    one, other = many.draw_scores(0)
    assert one.shape == (4000, 40)
    assert one.mean() - other.mean() == pytest.approx(many.truth, abs=0.02)


def test_the_benchmark_says_all_of_it():
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--experiments", "20", "--resamples", "200"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert [row["items"] for row in found["power"]] == [870, 469, 194, 155]
    assert all(0.5 < row["coverage"] <= 1 for row in found["coverage"])
    assert all(row["beats"] < 0.5 for row in found["no_difference"])
    assert min(found["bootstrap_ms"].values()) > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        Pairs(200, 0.05, 0.15),
        Pairs(155, 0.10, 0.20),
        Pairs(870, 0.0, 0.10),
        SEEDED,
        Worlds(items=200, seeds=5),
    ],
    ids=str,
)
def test_intervals_cover_the_truth_in_95_of_100(world):
    assert 0.935 <= counted(world, 2000).coverage <= 0.965


@pytest.mark.slow
@pytest.mark.parametrize(
    "world", [Pairs(100, 0.0, 0.2), Pairs(400, 0.0, 0.1), Worlds(items=150, gap=0.0)], ids=str
)
def test_no_arm_beats_its_equal_more_often_than_5_in_100(world):
    found = counted(world, 2000)
    assert found.beats <= 0.05
    assert found.mcnemar is None or found.mcnemar <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("gap", "discordant"), GRID)
def test_power_is_as_predicted(gap, discordant):
    items = needed_items(gap, discordant)
    found = counted(Pairs(items, gap, discordant), 2000)
    assert found.beats == pytest.approx(power_of(items, gap, discordant), abs=0.03)


@pytest.mark.slow
def test_without_its_corrections_the_interval_would_be_too_narrow():
    """Resampling items alone, as if there were no draws of demonstrations, misses the truth too often."""
    world = Worlds(items=250, seeds=3, draw=0.2, noise=0.5, gap=0.2)
    missed = 0
    for trial in range(500):
        one, other = world.draw_scores(trial)
        found = contrast(one.mean(axis=1), other.mean(axis=1), seed=trial, resamples=500).interval()
        missed += not found.low <= world.truth <= found.high
    assert missed / 500 > 0.15
