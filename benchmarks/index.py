"""What the embedded index adds to its engine: `OPENBLAS_NUM_THREADS=1 python benchmarks/index.py > index.json`.

Times `EdgeIndex.search`, inline and owned by another process, against the bare engine's query on the same vectors, in
one run and in turns, so that all share the machine's mood. "cold" is the first time a query is asked, when most of the
vectors that it rescores must be read from the engine; "warm" is the second time. `scan` is numpy's `matrix @ query`,
the memory-bound limit of any exact search. On a busy machine trust the CPU figures; an owner's CPU is not seen here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge

from shotsmith.domain.protocols import Point, Search
from shotsmith.domain.scoring import Matrix, Vector, unit
from shotsmith.retrieval.index.edge import EdgeIndex

LIMITS = (8, 32)
BATCH = 1000


def points_of(matrix: Matrix) -> list[Point]:
    """Points with the payload of a 100-label classification pool."""
    return [
        Point(
            f"example-{n:06}",
            {"image": row},
            {
                "label": f"label-{n % 100}",
                "labels": [f"label-{n % 100}"],
                "tags": ["photo"],
                "split": "train",
                "group": "",
                "metadata": {"source": f"site-{n % 7}"},
                "content": f"{n:064x}",
            },
        )
        for n, row in enumerate(matrix)
    ]


def bare_engine(matrix: Matrix, root: Path) -> edge.EdgeShard:
    """The same vectors in a shard of their own, without payloads."""
    root.mkdir()
    vectors = {"image": edge.EdgeVectorParams(matrix.shape[1], edge.Distance.Dot)}
    shard = edge.EdgeShard.create(str(root), edge.EdgeConfig(vectors=vectors, max_search_threads=1))
    for start in range(0, len(matrix), BATCH):
        batch = [
            edge.Point(start + n, {"image": row.tolist()}, {})
            for n, row in enumerate(matrix[start : start + BATCH])
        ]
        shard.update(edge.UpdateOperation.upsert_points(batch))
    return shard


def filled(index: EdgeIndex, points: list[Point], dims: int) -> float:
    """Store the points; points per second."""
    index.create("bench", {"image": dims})
    started = time.perf_counter()
    for start in range(0, len(points), BATCH):
        index.upsert("bench", points[start : start + BATCH])
    return len(points) / (time.perf_counter() - started)


def timed(work: Callable[[Vector], Any], query: Vector) -> tuple[float, float]:
    """Milliseconds on the clock and of this process's CPUs."""
    wall, cpu = time.perf_counter(), time.process_time()
    work(query)
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def summary(times: list[tuple[float, float]], engine: list[tuple[float, float]]) -> dict[str, float]:
    """p50 and p99 in milliseconds, and the ratios to the engine's p50."""
    (wall, cpu), (engine_wall, engine_cpu) = np.median(times, axis=0), np.median(engine, axis=0)
    return {
        "p50_ms": round(float(wall), 3),
        "p99_ms": round(float(np.percentile([taken for taken, _ in times], 99)), 3),
        "ratio_p50": round(float(wall / engine_wall), 3),
        "cpu_p50_ms": round(float(cpu), 3),
        "cpu_ratio_p50": round(float(cpu / engine_cpu), 3),
    }


def measured(dims: int, count: int, asked: int, scratch: Path) -> dict[str, Any]:
    """All figures for one dimension."""
    random = np.random.default_rng(dims)
    matrix = unit(random.standard_normal((count, dims)))
    points = points_of(matrix)
    shard = bare_engine(matrix, scratch / f"bare-{dims}")
    inline, owned = EdgeIndex(scratch / f"inline-{dims}"), EdgeIndex(scratch / f"owned-{dims}", serving=True)
    try:
        found: dict[str, Any] = {
            "inline_points_per_s": round(filled(inline, points, dims)),
            "owned_points_per_s": round(filled(owned, points, dims)),
        }
        for limit in LIMITS:

            def engine(query: Vector, limit: int = limit) -> Any:
                nearest = edge.Query.Nearest(query.tolist(), using="image")
                return shard.query(edge.QueryRequest(limit=limit, query=nearest))

            works: dict[str, Callable[[Vector], Any]] = {
                "scan": lambda query: matrix @ query,
                "engine": engine,
                "inline": lambda query, limit=limit: inline.search("bench", Search("image", query, limit)),
                "owned": lambda query, limit=limit: owned.search("bench", Search("image", query, limit)),
            }
            for work in works.values():
                work(matrix[0])
            # Other queries for each limit, or else the second would find the first one's vectors in memory.
            queries = unit(random.standard_normal((asked, dims)))
            for state in ("cold", "warm"):
                times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
                for query in queries:
                    for name, work in works.items():
                        times[name].append(timed(work, query))
                found[f"limit_{limit}_{state}"] = {
                    name: summary(taken, times["engine"]) for name, taken in times.items()
                }
        return found
    finally:
        shard.close()
        inline.close()
        owned.close()


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--dims", type=int, nargs="+", default=[512, 1280])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = {
            "points": options.points,
            "queries": options.queries,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "qdrant_edge": version("qdrant-edge-py"),
            "cpus": os.cpu_count(),
            "load_before": os.getloadavg()[0],
            "dims": {
                dims: measured(dims, options.points, options.queries, Path(scratch)) for dims in options.dims
            },
        }
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
