"""A sweep of 20,000 calls beside the least that anybody must do: `python benchmarks/sweep --json > sweep.json`.

An endpoint in a process of its own answers every call after a fixed latency. `rate`: experiments of 20,000 calls in
all, run by one process, take turns with a bare asyncio loop around httpx that sends the same bodies at the same
concurrency and does nothing else; the ratio of calls a second should be at least 0.8. The default latency of 0.5 s is
that of a quick VLM and a few images; slower ones leave more time for the rest, and `--latency 0.2 --workers 16` asks
for more calls a second of a model that is quicker than any. `memory`: resident memory of the sweeping process, and by
how much it grows with every 1,000 calls, about new items, which are cached up to bounds, and about known ones.
`ceiling`: the most calls a second that one process makes, and what a call costs in CPU time, when the endpoint answers
at once: of the sweep, of the engine, of the client around litellm, and of the bare loop. `kills`: the command is killed
with SIGKILL at random moments and gone on with; every trial must end with one outcome, every request with one row of
the ledger, and only what was in flight at a kill may be asked again. `weather`: an endpoint that takes fewer calls at
once than there are workers, and that is down for a while.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from kills import Command, in_bad_weather, killed
from peer import replay
from pool import CALLS, fill
from remote import Endpoint, Sweeper

from shotsmith.domain.errors import ShotsmithError

_WARM, _IDLE, _KILLS, _WEATHER = "test-warm", "test-idle", "test-kills", "test-weather"


@dataclass(frozen=True)
class Size:
    """How much is done."""

    calls: int = 20_000
    rounds: int = 5
    workers: int = 32
    latency_s: float = 0.5
    model: str = "hosted_vllm/sweep"
    kills: int = 5
    kill_calls: int = 20_000
    idle_calls: int = 2_000
    weather_calls: int = 2_000
    down_s: float = 5.0
    warm_calls: int = 500

    @property
    def splits(self) -> dict[str, int]:
        """Held-out items of each split."""
        calls = {
            _WARM: self.warm_calls,
            _IDLE: self.idle_calls,
            _KILLS: self.kill_calls,
            _WEATHER: self.weather_calls,
            **{of_round(turn): self.calls // self.rounds for turn in range(self.rounds)},
        }
        return {name: -(-number // CALLS) for name, number in calls.items()}


SMOKE = Size(
    40, 2, 4, 0.02, kills=1, kill_calls=60, idle_calls=20, weather_calls=40, down_s=0.5, warm_calls=20
)


def of_round(turn: int) -> str:
    """The split that a round asks."""
    return f"test-{turn}"


def steady(endpoint: Endpoint, folder: Path, size: Size) -> dict[str, Any]:
    """Rate, memory and ceiling."""
    with Sweeper(folder, size.model, endpoint.url) as sweeper:
        endpoint.set(latency_s=size.latency_s, keep=size.warm_calls)
        sweeper.do("sweep", split=_WARM, workers=size.workers)
        bodies = endpoint.bodies()
        rounds = [_round(endpoint, sweeper, bodies, turn, size) for turn in range(size.rounds)]
        memory = _memory(sweeper, rounds)
        endpoint.set(latency_s=0.0)
        idle = {
            what: sweeper.do(what, split=_IDLE, workers=size.workers)
            for what in ("sweep", "engine", "litellm")
        }
        memory["mb_per_1000_calls_about_known_items"] = _growth(sweeper, size)
        idle["bare loop"] = replay(endpoint.url, bodies, size.idle_calls, size.workers)
        endpoint.set(latency_s=size.latency_s)
    ours = sum(one["ours"]["calls"] for one in rounds) / sum(one["ours"]["seconds"] for one in rounds)
    peer = sum(one["peer"]["calls"] for one in rounds) / sum(one["peer"]["seconds"] for one in rounds)
    return {
        "rate": {
            "calls": sum(one["ours"]["calls"] for one in rounds),
            "mean_body_bytes": round(statistics.fmean(map(len, bodies))),
            "ours_per_s": round(ours, 1),
            "peer_per_s": round(peer, 1),
            "ratio": round(ours / peer, 3),
            "bound": 0.8,
            "ratios": [round(_rate(one["ours"]) / _rate(one["peer"]), 3) for one in rounds],
            "ours_cpu_ms": _cpu_ms(rounds, "ours"),
            "peer_cpu_ms": _cpu_ms(rounds, "peer"),
        },
        "memory": memory,
        "ceiling": {
            name: {"per_s": round(_rate(one), 1), "cpu_ms": round(1e3 * one["cpu_s"] / one["calls"], 2)}
            for name, one in idle.items()
        },
    }


def _round(
    endpoint: Endpoint, sweeper: Sweeper, bodies: list[bytes], turn: int, size: Size
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for who in ("ours", "peer") if turn % 2 == 0 else ("peer", "ours"):
        if who == "ours":
            started = time.monotonic()
            found[who] = sweeper.do("sweep", split=of_round(turn), workers=size.workers)
            found["mb"] = sweeper.memory.mean_mb(started + found[who]["seconds"] / 2)
        else:
            found[who] = replay(endpoint.url, bodies, size.calls // size.rounds, size.workers)
    return found


def _rate(one: dict[str, Any]) -> float:
    calls, seconds = one["calls"], one["seconds"]
    return float(calls) / float(seconds)


def _cpu_ms(rounds: list[dict[str, Any]], who: str) -> float:
    cpu_s = sum(float(one[who]["cpu_s"]) for one in rounds)
    return round(1e3 * cpu_s / sum(int(one[who]["calls"]) for one in rounds), 2)


def _memory(sweeper: Sweeper, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    calls = np.cumsum([one["ours"]["calls"] for one in rounds])
    late = slice(len(rounds) // 5, None)  # what is loaded and cached once is no growth
    levels = np.array([one["mb"] for one in rounds])
    slope = np.polyfit(calls[late], levels[late], 1)[0] if len(levels[late]) > 1 else 0.0
    return {
        "first_round_mb": round(float(levels[0]), 1),
        "last_round_mb": round(float(levels[-1]), 1),
        "peak_mb": round(sweeper.memory.peak_mb(), 1),
        "mb_per_1000_calls": round(1000 * float(slope), 2),
    }


def _growth(sweeper: Sweeper, size: Size) -> float:
    """What stays of 1,000 calls that fill no cache of items."""
    calls, levels = 0, []
    for salt in range(1, 4):
        told = sweeper.do("engine", split=_IDLE, workers=size.workers, salt=salt)
        levels.append(sweeper.memory.now_mb())
        calls += told["calls"] if salt > 1 else 0
    return round(1000 * (levels[-1] - levels[0]) / calls, 2)


def measure(size: Size, seed: int, parts: tuple[str, ...]) -> dict[str, Any]:
    """Everything, or some parts."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary, Endpoint() as endpoint:
        made = Path(temporary) / "made"
        fill(made, size.splits)
        endpoint.set(latency_s=size.latency_s)
        for part in parts:
            folder = Path(temporary) / part
            shutil.copytree(made, folder)
            endpoint.set(forget=True)
            if part == "steady":
                found |= steady(endpoint, folder, size)
            elif part == "kills":
                command = Command(folder, size.model, endpoint.url, _KILLS, size.workers)
                calls = CALLS * size.splits[_KILLS]
                found[part] = killed(command, endpoint, calls, size.kills, size.workers, seed)
            else:
                command = Command(folder, size.model, endpoint.url, _WEATHER, size.workers)
                capacity = max(size.workers // 2, 1)
                found[part] = in_bad_weather(
                    command, endpoint, capacity, size.down_s, [size.weather_calls // 2]
                )
            shutil.rmtree(folder)
    return found


def main() -> None:
    """Print the results."""
    usual = Size()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=usual.calls)
    parser.add_argument("--rounds", type=int, default=usual.rounds)
    parser.add_argument("--workers", type=int, default=usual.workers)
    parser.add_argument("--latency", type=float, default=usual.latency_s, help="seconds")
    parser.add_argument("--model", default=usual.model, help="openai/sweep goes through the OpenAI SDK")
    parser.add_argument("--kills", type=int, default=usual.kills)
    parser.add_argument("--kill-calls", type=int, default=usual.kill_calls)
    parser.add_argument("--part", action="append", choices=("steady", "kills", "weather"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="a few calls, to see that it runs")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    size = Size(
        given.calls,
        given.rounds,
        given.workers,
        given.latency,
        given.model,
        given.kills,
        given.kill_calls,
    )
    size = SMOKE if given.smoke else size
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    try:
        found = measure(size, given.seed, tuple(given.part or ("steady", "kills", "weather")))
    except ShotsmithError as error:
        raise SystemExit(str(error)) from None
    whole = {
        "benchmark": "sweep",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_before": load,
        "model": size.model,
        "workers": size.workers,
        "latency_s": size.latency_s,
        **found,
    }
    if given.json:
        json.dump(whole, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        for name, value in whole.items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
