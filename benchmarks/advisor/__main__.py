"""Whether the advisor is right, and what it saves: `python benchmarks/advisor --json > advisor.json`.

Worlds are pools with a simulated model of known behaviour, so that the regime is known. In each the advisor is given a
test fold and asked for advice. Beside it stands the full grid: every number of shots, selectors at 16 shots, votes and
the majority. Its arms are scored on a fold of its own, which the advisor never saw, by the chance that they answer
right, so that luck in the model's noise counts for nobody.

`regret` is how far the advised arm is behind the best one of the grid on that fold, and so more than it would be on
endless items, for the best is in part the luckiest; `regret_halves` names the best on one half and scores it on the
other.

What is true of a world, and how many items it takes to show it, is worked out in `truth.truth_of`. INCONCLUSIVE is
wrong where the items sufficed, and is left out of the accuracy where they did not. With `--enough` each world has as
many items as decide it, as far as that is known beforehand: two arms of a noisy model that do not differ need
thousands.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from worlds_run import Job, job, run

from shotsmith.clients.vlm.simulated.worlds import REGIMES, grid
from shotsmith.experiments.advisor import Margins

SEED = 20261125


def jobs_of(given: argparse.Namespace) -> list[Job]:
    """Spread evenly over the grid where not all of it is run; regimes take turns."""
    margins = Margins(delta=given.delta)
    if given.quick:
        worlds = grid(labels=(4,), noises=(0.0,), pools=(64,), seed=given.seed)
        return [job(world, margins, items=200, fresh=20, keep=given.keep) for world in worlds]
    worlds = grid(seed=given.seed)
    chosen = np.linspace(0, len(worlds) - 1, min(given.worlds, len(worlds))).round().astype(int)
    each = len(worlds) // len(REGIMES)
    return [
        job(
            worlds[place],
            margins,
            items=None if given.enough else given.items,
            fresh=given.fresh,
            keep=given.keep,
        )
        for place in sorted(set(chosen.tolist()), key=lambda place: (place % each, place))
    ]


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Verdicts, regret and calls."""
    right = [row["said"] == row["truth"] for row in rows]
    unsure = [row["said"] == "INCONCLUSIVE" for row in rows]
    excused = [one and row["items"] < row["sufficient"] for one, row in zip(unsure, rows, strict=True)]
    judged = [good for good, free in zip(right, excused, strict=True) if not free]
    regrets = np.array([row["regret"] for row in rows])
    shares = np.array([row["calls"] / row["grid_calls"] for row in rows])
    return {
        "worlds": len(rows),
        "verdicts_right": sum(right),
        "as_named": sum(row["said"] == row["world"] for row in rows),
        "verdicts_judged": len(judged),
        "verdict_accuracy": float(np.mean(judged)) if judged else None,
        "inconclusive": sum(unsure),
        "inconclusive_leading_right": sum(
            row["leading"] == row["truth"] for row, one in zip(rows, unsure, strict=True) if one
        ),
        "wrong_label": sum(not good and not one for good, one in zip(right, unsure, strict=True)),
        "regret": float(regrets.mean()),
        "regret_worst": float(regrets.max()),
        "regret_halves": float(np.mean([row["regret_halves"] for row in rows])),
        "baselines": {
            name: float(np.mean([row["baselines"][name] for row in rows])) for name in rows[0]["baselines"]
        },
        "calls_share": float(shares.mean()),
        "calls_share_worst": float(shares.max()),
        "calls_mean": float(np.mean([row["calls"] for row in rows])),
        "calls_median": float(np.median([row["calls"] for row in rows])),
    }


def confusion(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """What was said, by what is so."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found[row["truth"]][row["said"]] += 1
    return {regime: dict(found[regime]) for regime in REGIMES if regime in found}


def table(found: dict[str, Any]) -> str:
    """For people."""
    head = f"{'':8} {'worlds':>6} {'right':>6} {'regret':>7} {'RICES-16':>9} {'all':>7} {'calls':>7} {'of grid':>8}"
    lines = [head]
    for name, one in {**found["by_regime"], "overall": found["overall"]}.items():
        lines.append(
            f"{name:8} {one['worlds']:6} {one['verdict_accuracy'] or 0:6.1%} {100 * one['regret']:7.2f} "
            f"{100 * one['baselines']['always RICES-16']:9.2f} {100 * one['baselines']['always all']:7.2f} "
            f"{one['calls_mean']:7.0f} {one['calls_share']:8.1%}"
        )
    lines += [f"{regime}: {said}" for regime, said in found["confusion"].items()]
    lines.append(f"regret in points; {found['seconds']:.0f} s")
    return "\n".join(lines)


def main() -> None:
    """Print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=72, help="how many of the 72")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--items", type=int, default=400, help="for the advisor")
    parser.add_argument("--enough", action="store_true", help="rather as many as decide the world")
    parser.add_argument("--fresh", type=int, default=100, help="items that score the arms")
    parser.add_argument("--delta", type=float, default=Margins().delta)
    parser.add_argument(
        "--keep", type=Path, help="a folder of results, with which a run that was stopped goes on"
    )
    parser.add_argument("--quick", action="store_true", help="one small world a regime")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    started = time.perf_counter()
    jobs = jobs_of(given)
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(given.jobs) as processes:
        for row in processes.map(run, jobs):
            rows.append(row)
            print(
                f"{len(rows)}/{len(jobs)} {row['world']} ({row['truth']}) labels={row['labels']} noise={row['noise']} "
                f"pool={row['pool']}: {row['said']}, {row['arm']}, regret {100 * row['regret']:.1f}, "
                f"{row['calls']} calls of {row['grid_calls']}, {sum(row['seconds'].values()):.0f} s",
                file=sys.stderr,
                flush=True,
            )
    whole = {
        "benchmark": "advisor",
        "python": platform.python_version(),
        "seed": given.seed,
        "delta": given.delta,
        "overall": summary(rows),
        "by_regime": {
            regime: summary([row for row in rows if row["world"] == regime])
            for regime in REGIMES
            if any(row["world"] == regime for row in rows)
        },
        "confusion": confusion(rows),
        "seconds": time.perf_counter() - started,
        "rows": rows,
    }
    if given.json:
        json.dump(whole, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        print(table(whole))


if __name__ == "__main__":
    main()
