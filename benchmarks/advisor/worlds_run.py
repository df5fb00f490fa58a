"""One world: what the advisor says, what it took, and how good its arm is beside the best of the full grid."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from truth import arms_of, enough, expected, truth_of, vote_gain

from shotsmith import Recipe
from shotsmith.clients.vlm.simulated.worlds import INSTRUCTION, World
from shotsmith.engine import Engine
from shotsmith.experiments.advisor import Margins, advise
from shotsmith.experiments.advisor.menu import Menu
from shotsmith.experiments.bench import Bench
from shotsmith.experiments.trials import Trials
from shotsmith.settings import Settings


@dataclass(frozen=True)
class Job:
    """A world to be run.

    Attributes:
        world: With as many tests as are needed in all.
        items: For the advisor; the other tests score the arms.
        margins: The advisor's.
        keep: A folder where rows are kept, so that a run that was stopped goes on; None for nowhere.
    """

    world: World
    items: int
    margins: Margins
    keep: Path | None = None


def job(world: World, margins: Margins, *, items: int | None, fresh: int, keep: Path | None) -> Job:
    """With so many items, or as many as decide the world."""
    count = items or enough(world, margins)
    if world.regime == "NO-ICL":
        fresh *= 3  # one arm speaks for all that ask the model
    return Job(world.model_copy(update={"tests": count + fresh}), count, margins, keep)


def run(job: Job) -> dict[str, Any]:
    """One row of the results, or the one that was kept."""
    kept = job.keep / f"{job.world.name}-{job.items}-{job.world.tests}.json" if job.keep else None
    if kept and kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    row = _row(job)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(row))
    return row


def _row(job: Job) -> dict[str, Any]:
    world, started = job.world, time.perf_counter()
    with TemporaryDirectory() as folder, Engine(Settings(data_dir=folder, index_url="memory:")) as engine:
        engine.create_pool(
            world.name, instruction=INSTRUCTION, labels=world.label_space, encoder=world.encoder
        )
        engine.add(world.name, world.drafts())
        bench = Bench(engine, world.name, model=world.model)
        loaded = time.perf_counter()
        trials = Trials(bench, remember=False, workers=1)
        advice = advise(
            trials, base=Recipe(), margins=job.margins, items=bench.items[: job.items], seed=world.seed
        )
        advised = time.perf_counter()
        scores = _scores(engine, job, bench, advice.arm)
        menu = Menu.of(bench, Recipe())
        votes = [arm for arm in arms_of(menu).values() if arm.kind == "vote"]
        truth = truth_of(world, vote_gain(engine, world, votes, menu.zero, bench.items), scores, job.margins)
    means = {name: float(one.mean()) for name, one in scores.items()}
    best = max(means, key=lambda name: means[name])
    found = means[advice.arm.name]
    usual = usual_arms(scores)
    return {
        "world": world.regime,
        "truth": truth.regime,
        "labels": world.labels,
        "noise": world.noise,
        "pool": world.pool,
        "items": job.items,
        "sufficient": truth.sufficient,
        "said": advice.regime,
        "leading": advice.leading,
        "needed": advice.needed,
        "arm": advice.arm.name,
        "best": best,
        "regret": means[best] - found,
        "regret_halves": _halves(scores, advice.arm.name),
        "baselines": {name: means[best] - means[arm] for name, arm in usual.items()},
        "calls": advice.spent.calls,
        "grid_calls": advice.grid_calls,
        "seconds": {
            "load": loaded - started,
            "advise": advised - loaded,
            "grid": time.perf_counter() - advised,
        },
        "stages": [one._asdict() for one in advice.stages],
        "why": list(advice.why),
    }


def usual_arms(scores: dict[str, np.ndarray]) -> dict[str, str]:
    """What people do without an advisor: names of arms by what it is called."""
    near = [name for name in scores if name.startswith("rices, k=") and _shots(name) <= 16]
    return {"always RICES-16": max(near, key=_shots), "always all": "all", "never any": "zero-shot"}


def _shots(name: str) -> int:
    return int(name.rpartition("=")[2])


def _halves(scores: dict[str, np.ndarray], arm: str) -> float:
    """Regret against the arm that is best on one half of the items, scored on the other: no luck in being the best."""
    names = list(scores)
    table = np.stack([scores[name] for name in names])
    half = table.shape[1] // 2
    parts = (table[:, :half], table[:, half:])
    found = []
    for mine, other in (parts, parts[::-1]):
        best = int(mine.mean(axis=1).argmax())
        found.append(float(other[best].mean() - other[names.index(arm)].mean()))
    return float(np.mean(found))


def _scores(engine: Engine, job: Job, bench: Bench, advised: Any) -> dict[str, np.ndarray]:
    items = bench.items[job.items :]
    wanted = {**arms_of(Menu.of(bench, Recipe())), advised.name: advised}
    return expected(engine, job.world, list(wanted.values()), items)
