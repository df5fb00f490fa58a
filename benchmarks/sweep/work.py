"""The sweeping process: `python benchmarks/sweep/work.py FOLDER MODEL URL`, told what to do on standard input."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pool

from shotsmith.clients.vlm import open_model
from shotsmith.domain.messages import Request
from shotsmith.engine import Engine
from shotsmith.experiments.bench import Bench
from shotsmith.experiments.design import ExperimentFile
from shotsmith.experiments.runs import run_experiment
from shotsmith.experiments.runs.planned import planned


def sweep(engine: Engine, split: str, workers: int, salt: int) -> int:
    """Run the experiment of a split, as the command does; returns its calls."""
    file = ExperimentFile.read(pool.experiment(split, workers))
    run_experiment(engine, file)
    return sum(one["calls"] for one in engine.runs.get(file.name).spent.values())


def engine_alone(engine: Engine, split: str, workers: int, salt: int) -> int:
    """The same prompts through `Engine.answer` in plain threads, without the experiment around it.

    With another salt the same prompts are other requests.
    """
    bench, recipes = _recipes(engine, split)

    def ask(item: str) -> int:
        query = engine.query_of(bench.pool, item)
        for recipe in recipes:
            selection = engine.select(bench.pool, query, recipe)
            engine.answer(selection, parameters={"temperature": 0, "max_tokens": 9, "seed": salt})
        return len(recipes)

    with ThreadPoolExecutor(workers) as threads:
        return sum(threads.map(ask, bench.items))


def litellm_alone(engine: Engine, split: str, workers: int, salt: int) -> int:
    """The same messages through the client of models alone: no selection, no ledger."""
    bench, recipes = _recipes(engine, split)
    settings = engine.settings
    vlm = open_model(settings.model, api_base=settings.model_api_base, api_key=settings.model_api_key)
    requests = [
        Request(
            settings.model,
            engine.prompt(engine.select(bench.pool, engine.query_of(bench.pool, item), recipe)).messages,
            {"temperature": 0, "max_tokens": 10},
            settings.model_api_base,
        )
        for item in bench.items
        for recipe in recipes
    ]
    vlm.complete(requests[0])
    _restart()
    with ThreadPoolExecutor(workers) as threads:
        return len(list(threads.map(vlm.complete, requests)))


def _recipes(engine: Engine, split: str) -> tuple[Bench, list[Any]]:
    plan = planned(engine, ExperimentFile.read(pool.experiment(split, 1)))
    return plan.bench, [arm.recipe for arm in plan.arms if arm.asks and arm.recipe]


_started = [0.0, 0.0]


def _restart() -> None:
    _started[:] = [time.monotonic(), time.process_time()]


DOES: dict[str, Callable[[Engine, str, int, int], int]] = {
    "sweep": sweep,
    "engine": engine_alone,
    "litellm": litellm_alone,
}


def main() -> None:
    folder, model, url = sys.argv[1:]
    with Engine(pool.settings(Path(folder), model, url)) as engine:
        for line in sys.stdin:
            told = json.loads(line)
            _restart()
            calls = DOES[told["do"]](engine, told["split"], told["workers"], told.get("salt", 0))
            seconds, cpu_s = (
                now() - then for now, then in zip((time.monotonic, time.process_time), _started, strict=True)
            )
            print(json.dumps({"calls": calls, "seconds": seconds, "cpu_s": cpu_s}), flush=True)


if __name__ == "__main__":
    main()
