"""What a whole selection costs beside the bare index query: `python benchmarks/selection.py > selection.json`.

A pool of examples with pictures' vectors of the embedded encoder's size is asked through `Engine.select`, for each
selector, and through the index alone, in turns within one run. The ratio is the price of the leak guard, SQL, the total
order and explanations. Vectors are random; nothing is encoded.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL.Image import Image

from shotsmith.domain.examples import Draft, Pool, Query
from shotsmith.domain.protocols import Search
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.scoring import Matrix, unit
from shotsmith.engine import Engine
from shotsmith.settings import Settings

SELECTORS = {
    "rices": "rices(modality=text)",
    "random_per_query": "random_per_query",
    "balanced": "rices(modality=text)|balanced",
    "modality": "modality",
}
LABELS = 20


class RandomEncoder:
    """Stands in for a real encoder: a text's vectors are drawn from its number. For timing only."""

    def __init__(self, dims: int) -> None:
        self.id = f"random/{dims}"
        self.dims = {"image": dims, "text": 128}

    def encode_images(self, images: Sequence[Image]) -> Mapping[str, Matrix]:
        """Unused: the examples have no pictures."""
        return {}

    def encode_texts(self, texts: Sequence[str]) -> Mapping[str, Matrix]:
        """Image-sized and text-sized unit vectors."""
        drawn = [np.random.default_rng(int(text.split()[-1])) for text in texts]
        return {"text": unit(np.array([rng.standard_normal(128) for rng in drawn]))}


def percentiles(times: list[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds."""
    return {"p50_ms": 1e3 * float(np.percentile(times, 50)), "p99_ms": 1e3 * float(np.percentile(times, 99))}


def timed(action: Callable[[], object]) -> float:
    """CPU seconds of one call: steadier than wall time on a shared machine."""
    start = time.process_time()
    action()
    return time.process_time() - start


def measure(examples: int, queries: int, root: Path) -> dict[str, object]:
    """Fill a pool and ask it."""
    encoder = RandomEncoder(1280)
    settings = Settings(data_dir=root, encoder="fake")
    with (
        patch("shotsmith.engine.keeping.open_encoder", return_value=encoder),
        patch("shotsmith.engine.encoders.open_encoder", return_value=encoder),
        Engine(settings) as engine,
    ):
        engine.create_pool("p", kind="open")
        drafts = (
            Draft(f"{n}", f"e{n}", text=f"item {n}", labels=(f"label {n % LABELS}",), answer="x")
            for n in range(examples)
        )
        engine.add_all("p", drafts)
        pool = engine.pinned("p")
        asked = [engine.query(text=f"question {examples + n}") for n in range(queries)]
        return {"examples": examples, "queries": queries, **_rounds(engine, pool, asked, encoder)}


def _rounds(engine: Engine, pool: Pool, asked: Sequence[Query], encoder: RandomEncoder) -> dict[str, object]:
    index = engine._stores.index
    times: dict[str, list[float]] = {name: [] for name in ("index alone", *SELECTORS)}
    recipes = {name: Recipe(selector=text, k=8) for name, text in SELECTORS.items()}
    for query in asked:
        vector = encoder.encode_texts([query.text])["text"][0]
        times["index alone"].append(timed(lambda v=vector: index.search(pool.uid, Search("text", v, 8))))
        for name, recipe in recipes.items():
            times[name].append(timed(lambda q=query, r=recipe: engine.select(pool, q, r)))
    bare = float(np.median(times["index alone"]))
    return {
        name: {**percentiles(spent), "ratio_to_index": float(np.median(spent)) / bare}
        for name, spent in times.items()
    }


def main() -> None:
    """Print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--queries", type=int, default=100)
    given = parser.parse_args()
    results = []
    for examples in given.examples:
        with tempfile.TemporaryDirectory() as root:
            results.append(measure(examples, given.queries, Path(root) / "data"))
    json.dump(
        {"benchmark": "selection", "python": platform.python_version(), "results": results},
        sys.stdout,
        indent=2,
    )
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
