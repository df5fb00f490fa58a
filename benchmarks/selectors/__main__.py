"""What every selector costs beside RICES: `python benchmarks/selectors --json > selectors.json`.

A pool of random but clustered vectors (image and text of 512 dimensions, a joint space of 128) is written into a real
SQLite database and the embedded index, and asked through `Engine.select`: leak guard, SQL, search, selection, order.
All embeddings are in the cache, so nothing is encoded. Selectors take turns within a run, so that a drift of the
machine's speed meets all of them. With --graph the index is optimised first, as large pools should be; without, it
scans.

Query-dependent selectors: p50 and its ratio to `rices`, which should be at most 10; `all` and whatever asks a model
(topk_mdl, rerank(by=model)) is bound by the prompt and the model instead, and is not timed here. DPP, set coverage
and reranking solve a small problem of their own for each query and have the bound that is printed beside them. The
leak guard looks at each query once, before any of them is timed. Query-independent ones: seconds for their one plan,
and how much memory that took beyond the pool's.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL.Image import Image

from shotsmith.domain.examples import Example, Pool, Query
from shotsmith.domain.media import Media
from shotsmith.domain.protocols import Point
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.scoring import Matrix, digest, unit
from shotsmith.engine import Engine
from shotsmith.retrieval.embedding import picture_key, text_key
from shotsmith.settings import Settings

DIMS = {"image": 512, "text": 512, "joint": 128}
LABELS = 20
QUERY_DEPENDENT = (
    "rices",
    "random",
    "random_fixed",
    "fused",
    "fused(method=rrf)",
    "modality",
    "mmices",
    "muier",
    "bm25",
    "every_nth",
    "dissimilar",
    "balanced",
    "stratified",
    "label_space",
    "mix",
    "hybrid",
    "neighbours(name=given)",
    "matched(by=[site])",
    "adaptive",
    "text_only",
    "late_interaction",
    "mmr",
    "dpp",
    "set_coverage",
    "rerank",
    "rerank(by=parts)",
)
OWN_BOUND = {"dpp": 20.0, "set_coverage": 20.0, "rerank": 20.0, "rerank(by=parts)": 20.0}
BOUND = 10.0
QUERY_INDEPENDENT = ("k_centre", "k_means", "vote_k", "vote_k_openicl", "hard", "curriculum")
PLAN_SECONDS = 120.0
_BATCH = 1000


class NoEncoder:
    """Has an id and dimensions; everything that is asked for is in the cache already."""

    id = "random/selectors"
    dims = DIMS

    def encode_images(self, images: Sequence[Image]) -> Mapping[str, Matrix]:
        """Never called."""
        raise AssertionError("a picture is not in the cache")

    def encode_texts(self, texts: Sequence[str]) -> Mapping[str, Matrix]:
        """Never called."""
        raise AssertionError("a text is not in the cache")


class World:
    """Clustered vectors with a common mean, as those of CLIP are, in blocks."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._maps = {
            space: self._rng.standard_normal((48, dims)).astype(np.float32) for space, dims in DIMS.items()
        }
        self._cones = {
            space: self._rng.standard_normal(dims).astype(np.float32) * 4 for space, dims in DIMS.items()
        }
        self._centres = self._rng.standard_normal((LABELS * 20, 48)).astype(np.float32)

    def vectors(self, count: int) -> tuple[list[int], dict[str, Matrix]]:
        """Labels and vectors by space."""
        clusters = self._rng.integers(0, len(self._centres), count)
        latent = self._centres[clusters] + 0.6 * self._rng.standard_normal((count, 48)).astype(np.float32)
        found = {}
        for space, projection in self._maps.items():
            noise = 0.5 * self._rng.standard_normal((count, 48)).astype(np.float32)
            found[space] = unit((latent + noise) @ projection + self._cones[space])
        return (clusters // 20).tolist(), found


def media(name: str) -> Media:
    """A picture that nobody will look at."""
    key = digest(name)
    return Media("image", key, "image/png", 1, 8, 8, key, "0" * 16)


def words(number: int) -> str:
    """A text of a dozen words, some of them frequent and some rare."""
    rng = np.random.default_rng(number)
    return " ".join(f"w{int(rank)}" for rank in rng.zipf(1.3, 12) % 50_000) + f" n{number}"


def fill(engine: Engine, pool: Pool, count: int, world: World) -> None:
    """Write examples into SQL, embeddings cache and index."""
    stores = engine._stores
    for start in range(0, count, _BATCH):
        labels, vectors = world.vectors(min(_BATCH, count - start))
        examples, cached, points = [], {}, []
        for place, label in enumerate(labels):
            number = start + place
            own = {space: rows[place] for space, rows in vectors.items()}
            example = Example(
                f"e{number:07d}",
                media=(media(f"{number}"),),
                text=words(number),
                answer=f"label {label}",
                labels=(f"label {label}",),
                metadata={"site": number % 50},
            )
            examples.append(example)
            points.append(Point(example.id, own, example.payload()))
            cached[picture_key(example.media[0].pixel_sha256)] = {
                "image": own["image"],
                "joint": own["joint"],
            }
            cached[text_key(example.text)] = {"text": own["text"], "joint": own["joint"]}
        stores.examples.write(pool.uid, examples)
        stores.embeddings.put(pool.encoder_id, cached)
        if start == 0:
            stores.index.create(pool.uid, DIMS)
        stores.index.upsert(pool.uid, points)
    while tasks := stores.outbox.pending(pool.uid, _BATCH):
        ids = {task.id for task in tasks}
        held = {id: one.content_sha256 for id, one in stores.examples.get(pool.uid, ids).items()}
        stores.outbox.done(pool.uid, tasks, held)


def queries(engine: Engine, pool: Pool, count: int, world: World) -> Iterator[Query]:
    """Queries whose embeddings are in the cache as well."""
    _, vectors = world.vectors(count)
    for place in range(count):
        own = {space: rows[place] for space, rows in vectors.items()}
        query = Query(
            (media(f"query {place}"),),
            words(10_000_000 + place),
            id=f"q{place}",
            metadata={"site": place % 50},
        )
        cached = {
            picture_key(query.media[0].pixel_sha256): {"image": own["image"], "joint": own["joint"]},
            text_key(query.text): {"text": own["text"], "joint": own["joint"]},
        }
        engine._stores.embeddings.put(pool.encoder_id, cached)
        yield query


def measure(examples: int, asked: int, graph: bool, root: Path, k: int) -> dict[str, object]:
    """Fill a pool and ask it."""
    with (
        patch("shotsmith.engine.keeping.open_encoder", return_value=NoEncoder()),
        patch("shotsmith.engine.encoders.open_encoder", return_value=NoEncoder()),
        Engine(Settings(data_dir=root, encoder="fake")) as engine,
    ):
        world = World()
        pool = engine.create_pool("p")
        started = time.perf_counter()
        fill(engine, pool, examples, world)
        filled = time.perf_counter() - started
        started = time.perf_counter()
        if graph:
            engine._stores.index.optimise(pool.uid)  # type: ignore[attr-defined]
        optimised = time.perf_counter() - started
        pinned = engine.pinned("p")
        found = list(queries(engine, pinned, asked, world))
        _import(engine, examples, asked)
        plans = _plans(engine, pinned, found[0], k)
        return {
            "examples": examples,
            "dims": DIMS,
            "k": k,
            "queries": asked,
            "graph": graph,
            "fill_s": round(filled, 1),
            "optimise_s": round(optimised, 1),
            "query_dependent": _rounds(engine, pinned, found, k),
            "query_independent": plans,
        }


def _import(engine: Engine, examples: int, asked: int) -> None:
    """A neighbour list of a hundred for every query."""
    rng = np.random.default_rng(1)
    lists = {
        f"q{place}": [f"e{number:07d}" for number in rng.permutation(examples)[:100]]
        for place in range(asked)
    }
    engine.import_neighbours("p", "given", lists)


def _rounds(engine: Engine, pool: Pool, asked: Sequence[Query], k: int) -> dict[str, dict[str, float]]:
    recipes = {name: Recipe(selector=name, k=k) for name in QUERY_DEPENDENT}
    wall: dict[str, list[float]] = {name: [] for name in recipes}
    for number, query in enumerate(asked):
        engine.select(pool, query, Recipe(selector="none", k=k))  # the leak guard, which is once per query
        for name, recipe in recipes.items():
            started = time.perf_counter()
            engine.select(pool, query, recipe)
            if number >= 3:  # the first ones load what the pool's later queries share
                wall[name].append(time.perf_counter() - started)
    base = float(np.median(wall["rices"]))
    return {
        name: {
            "p50_ms": round(1e3 * float(np.median(times)), 2),
            "p95_ms": round(1e3 * float(np.percentile(times, 95)), 2),
            "ratio_to_rices": round(float(np.median(times)) / base, 2),
            "bound": OWN_BOUND.get(name, BOUND),
        }
        for name, times in wall.items()
    }


def _plans(engine: Engine, pool: Pool, query: Query, k: int) -> dict[str, dict[str, float]]:
    found = {}
    for name in QUERY_INDEPENDENT:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        engine.select(pool, query, Recipe(selector=name, k=k))
        took = time.perf_counter() - started
        started = time.perf_counter()
        engine.select(pool, query, Recipe(selector=name, k=k))
        found[name] = {
            "plan_s": round(took, 1),
            "bound_s": PLAN_SECONDS,
            "grown_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
            "then_ms": round(1e3 * (time.perf_counter() - started), 2),
        }
    return found


def main() -> None:
    """Print the results, as JSON or as lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--k", type=int, default=16)
    parser.add_argument("--graph", action="store_true", help="optimise the index first")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        result = measure(given.examples, given.queries, given.graph, Path(root) / "data", given.k)
    whole = {"benchmark": "selectors", "python": platform.python_version(), **result}
    if given.json:
        json.dump(whole, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    for part in ("query_dependent", "query_independent"):
        for name, numbers in whole.pop(part).items():  # type: ignore[attr-defined]
            print(f"{name:22}", "  ".join(f"{what} {value}" for what, value in numbers.items()))
    print(whole)


if __name__ == "__main__":
    main()
