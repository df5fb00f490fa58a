"""What happens to a sweep that is killed, throttled and left without its provider."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pool
from remote import Endpoint, environment

from shotsmith.engine import Engine
from shotsmith.experiments.design import ExperimentFile
from shotsmith.experiments.runs.planned import planned
from shotsmith.experiments.trials import cells_of

_POLL_S = 0.02


class Command:
    """`shotsmith experiment run` on the pool in a folder."""

    def __init__(self, folder: Path, model: str, url: str, split: str, workers: int) -> None:
        self.folder = folder
        self._settings = pool.settings(folder, model, url)
        self._told = pool.experiment(split, workers)
        self._file = folder / f"{split}.json"
        self._file.write_text(json.dumps(self._told), encoding="utf-8")
        self._environment = environment(
            {
                "data_dir": str(folder),
                "model": model,
                "model_api_base": f"{url}/v1",
                "model_api_key": "sk-local-endpoint",
                "encoder": "colour-hog",
            }
        )

    def start(self) -> subprocess.Popen[str]:
        """Begin, or go on."""
        return subprocess.Popen(
            [sys.executable, "-m", "shotsmith", "experiment", "run", str(self._file), "--json"],
            env=self._environment,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self) -> None:
        """Run to the end."""
        process = self.start()
        _, said = process.communicate()
        if process.returncode != 0:
            raise SystemExit(f"the sweep ended with {process.returncode}: {said[-2000:]}")

    def cells(self) -> int:
        """Trials of the experiment."""
        with Engine(self._settings) as engine:
            plan = planned(engine, ExperimentFile.read(self._told))
            return sum(1 for _ in cells_of(plan.arms, plan.items, plan.file.seeds))

    def kept(self) -> dict[str, int]:
        """What the database holds of it."""
        asked = {
            "outcomes": "SELECT count(*) FROM outcomes o JOIN runs r ON r.uid = o.run_uid WHERE r.name = :name",
            "cells": "SELECT count(*) FROM (SELECT DISTINCT o.arm, o.seed, o.item FROM outcomes o "
            "JOIN runs r ON r.uid = o.run_uid WHERE r.name = :name)",
            "errors": "SELECT count(*) FROM outcomes o JOIN runs r ON r.uid = o.run_uid "
            "WHERE r.name = :name AND json_extract(o.body, '$.error') != ''",
            "ledger": "SELECT count(*) FROM calls",
            "ledger_keys": "SELECT count(DISTINCT key) FROM calls",
        }
        with closing(sqlite3.connect(self.folder / "shotsmith.db")) as database:
            return {
                name: database.execute(query, {"name": self._told["name"]}).fetchone()[0]
                for name, query in asked.items()
            }


def killed(
    command: Command, endpoint: Endpoint, calls: int, kills: int, workers: int, seed: int
) -> dict[str, Any]:
    """Kill the sweep at random moments, go on each time, and count what came of it."""
    draw = random.Random(seed)
    endpoint.set(forget=True)
    started = time.monotonic()
    points = sorted(draw.randint(calls // 50, calls * 19 // 20) for _ in range(kills))
    for point in points:
        _kill_at(command.start(), endpoint, point)
    command.finish()
    seconds = time.monotonic() - started
    seen, kept, cells = endpoint.stats(), command.kept(), command.cells()
    command.finish()
    again = endpoint.stats()["accepted"] - seen["accepted"]
    return {
        "killed_after_calls": points,
        "seconds": round(seconds, 1),
        "trials": cells,
        **kept,
        "requests": seen["unique"],
        "duplicates": seen["duplicates"],
        "duplicates_bound": kills * workers,
        "calls_of_a_run_after_the_end": again,
        "holds": kept["outcomes"] == kept["cells"] == cells
        and kept["ledger"] == kept["ledger_keys"] == seen["unique"]
        and kept["errors"] == again == 0
        and seen["duplicates"] <= kills * workers,
    }


def _kill_at(process: subprocess.Popen[str], endpoint: Endpoint, point: int) -> None:
    while endpoint.stats()["accepted"] < point:
        if process.poll() is not None:
            assert process.stderr
            raise SystemExit(f"the sweep ended by itself: {process.stderr.read()[-2000:]}")
        time.sleep(_POLL_S)
    process.kill()
    process.communicate()


def in_bad_weather(
    command: Command, endpoint: Endpoint, capacity: int, down_s: float, down_after: Sequence[int]
) -> dict[str, Any]:
    """An endpoint that takes fewer calls at once than there are workers, and that goes down for a while."""
    endpoint.set(forget=True, capacity=capacity)
    started = time.monotonic()
    process = command.start()
    for point in down_after:
        while endpoint.stats()["accepted"] < point and process.poll() is None:
            time.sleep(_POLL_S)
        endpoint.set(down_s=down_s)
    _, said = process.communicate()
    endpoint.set(capacity=0)
    if process.returncode != 0:
        raise SystemExit(f"the sweep ended with {process.returncode}: {said[-2000:]}")
    seen, kept, cells = endpoint.stats(), command.kept(), command.cells()
    return {
        "capacity": capacity,
        "down_s": down_s,
        "seconds": round(time.monotonic() - started, 1),
        "trials": cells,
        "outcomes": kept["outcomes"],
        "errors": kept["errors"],
        "requests": seen["unique"],
        "duplicates": seen["duplicates"],
        "refused_429": seen["refused"],
        "refused_503": seen["unavailable"],
        "holds": kept["outcomes"] == cells and kept["errors"] == seen["duplicates"] == 0,
    }
