"""How well suspect labels are found on the demo set, and what choosing what to label saves: JSON on standard output.

    python benchmarks/care.py                    all seeds, all drawings
    python benchmarks/care.py --seeds 1 --limit 300

Labels of the training drawings are flipped to another one, drawn evenly; `auroc` is the area under the ROC curve of
each signal against what was flipped. `influence` is measured over answers of the kNN vote of 8 on the held-out
drawings, and told for the drawings that were shown. `label_next` is the accuracy of a vote of the 5 nearest labelled
drawings on the held-out ones.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from shotsmith.demo import DATA
from shotsmith.domain.recipes import MODALITIES
from shotsmith.domain.scoring import Matrix, shuffled
from shotsmith.domain.voting import Ballot, winner
from shotsmith.engine import Engine
from shotsmith.experiments.care import Logged, influence, label_next, suspects
from shotsmith.experiments.care.features import features
from shotsmith.importers import open_importer
from shotsmith.settings import Settings

RATES = (0.05, 0.1, 0.2)
SIZES = (17, 34, 68, 136, 272)


@dataclass(frozen=True)
class Drawings:
    ids: list[str]
    labels: list[str]
    matrix: Matrix
    known: int  # how many are training drawings; the others are held out

    @property
    def kinds(self) -> list[str]:
        return sorted(set(self.labels))


def drawings(limit: int | None) -> Drawings:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.read(
            data_dir=Path(folder), database_url=None, blob_url=None, index_url="memory:", encoder="embedded"
        )
        with Engine(settings) as engine:
            engine.create_pool("clipart")
            drafts = list(open_importer("jsonl", DATA).read())
            chosen = set(shuffled([draft.id or "" for draft in drafts], 0, "limit")[:limit])
            engine.add_all("clipart", [draft for draft in drafts if draft.id in chosen])
            pool = engine.pool("clipart")
            held = {"train": engine.examples("clipart", limit=5000, split="train")}
            held["test"] = engine.examples("clipart", limit=5000, split="test")
            examples = held["train"] + held["test"]
            ids = [example.id for example in examples]
            spaces = {space: engine.vectors(pool, space, ids) for space in MODALITIES}
            labels = [example.label or "" for example in examples]
            return Drawings(ids, labels, features(ids, spaces), len(held["train"]))


def auroc(scores: list[float], positive: list[bool]) -> float:
    """P(a positive scores higher than a negative), ties counting half."""
    ups = np.array([score for score, is_up in zip(scores, positive, strict=True) if is_up])
    downs = np.array([score for score, is_up in zip(scores, positive, strict=True) if not is_up])
    wins = (ups[:, None] > downs).sum() + 0.5 * (ups[:, None] == downs).sum()
    return float(wins / (len(ups) * len(downs)))


def flipped(of: Drawings, rate: float, seed: int) -> tuple[list[str], set[str]]:
    """The training labels with some of them flipped, and whose."""
    ids = of.ids[: of.known]
    chosen = set(shuffled(ids, seed, f"flip {rate}")[: round(rate * len(ids))])
    labels = [
        shuffled([kind for kind in of.kinds if kind != label], seed, f"to {id}")[0] if id in chosen else label
        for id, label in zip(ids, of.labels, strict=False)
    ]
    return labels, chosen


def answers(of: Drawings, labels: list[str], k: int = 8) -> list[Logged]:
    """What the kNN vote answers to the held-out drawings."""
    cosines = of.matrix[of.known :] @ of.matrix[: of.known].T
    log = []
    for row, truth in zip(cosines, of.labels[of.known :], strict=True):
        near = np.argsort(-row, kind="stable")[:k]
        said = winner([Ballot(labels[i], float(row[i])) for i in near])
        log.append(Logged(tuple(of.ids[i] for i in near), said or "", float(said == truth)))
    return log


def flips(of: Drawings, rate: float, seed: int) -> dict[str, float]:
    labels, chosen = flipped(of, rate, seed)
    ids, matrix = of.ids[: of.known], of.matrix[: of.known]
    carried = [(label,) for label in labels]
    found = suspects(ids, carried, matrix)
    truth = [one.id in chosen for one in found]
    flagged = [one.id in chosen for one in found if one.flagged]
    harms = influence(answers(of, labels), dict(zip(ids, carried, strict=True)))
    heard = suspects(ids, carried, matrix, influences=harms)
    return {
        "suspects": auroc([one.score for one in found], truth),
        "knn_only": auroc([one.disagreement for one in found], truth),
        "margin_only": auroc([one.margin for one in found], truth),
        "influence_only": auroc([-effect for effect in harms.values()], [id in chosen for id in harms]),
        "with_influence": auroc([one.score for one in heard], [one.id in chosen for one in heard]),
        "flagged_precision": fmean(flagged) if flagged else 0.0,
        "flagged_recall": sum(flagged) / len(chosen),
    }


def accuracy(of: Drawings, places: list[int], k: int = 5) -> float:
    cosines = of.matrix[of.known :] @ of.matrix[places].T
    right = 0
    for row, truth in zip(cosines, of.labels[of.known :], strict=True):
        near = np.argsort(-row, kind="stable")[:k]
        right += winner([Ballot(of.labels[places[i]], float(row[i])) for i in near]) == truth
    return right / len(cosines)


def labelling(of: Drawings, seeds: int) -> dict[str, dict[str, float]]:
    candidates, nothing = of.matrix[: of.known], of.matrix[:0]
    sizes = [size for size in SIZES if size <= of.known]
    orders = {
        regime: [label_next(candidates, nothing, max(sizes), regime)] for regime in ("SSL", "ASL", "HYBRID")
    }
    places = {id: place for place, id in enumerate(of.ids[: of.known])}
    orders["SSL, 150 votes"] = [label_next(candidates, nothing, max(sizes), "SSL", votes=150)]
    orders["random"] = [
        [places[id] for id in shuffled(places, seed, "label")] for seed in range(max(seeds, 1))
    ]
    return {
        name: {str(size): round(fmean(accuracy(of, order[:size]) for order in some), 4) for size in sizes}
        for name, some in orders.items()
    }


def measured(seeds: int, limit: int | None) -> dict[str, Any]:
    of = drawings(limit)
    auroc_of = {}
    for rate in RATES:
        runs = [flips(of, rate, seed) for seed in range(seeds)]
        auroc_of[f"{rate:.0%}"] = {
            name: {
                "mean": round(fmean(run[name] for run in runs), 4),
                "least": round(min(run[name] for run in runs), 4),
            }
            for name in runs[0]
        }
    return {
        "data": "clipart",
        "training": of.known,
        "held_out": len(of.ids) - of.known,
        "seeds": seeds,
        "flips": auroc_of,
        "label_next": labelling(of, seeds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--limit", type=int, default=None, help="so many drawings instead of all")
    given = parser.parse_args()
    print(json.dumps(measured(given.seeds, given.limit), indent=2))


if __name__ == "__main__":
    main()
