"""Measures every selector on the drawings of the demo: writes docs/data/selectors_on_clipart.json.

    python scripts/measure_selectors.py

The training examples are the pool, every held-out drawing is a query, k is 8. The answers are those of
`offline/knn-vote`, a baseline that compares with the same encoder as the selectors and is no vision-language model: its
accuracy says how far the labels of the chosen demonstrations carry, and favours similarity. Two numbers need no model:
how often the right label is among the demonstrations, and which share of them has it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from shotsmith import registry
from shotsmith.demo import DATA, INSTRUCTION, OFFLINE_MODEL, POOL
from shotsmith.domain.recipes import FilterSpec, Recipe, stages_of
from shotsmith.engine import Engine
from shotsmith.experiments import ArmResult, Comparison, compare, held_out
from shotsmith.experiments.arms import family
from shotsmith.importers import open_importer
from shotsmith.settings import Settings

OUT = Path(__file__).resolve().parent.parent / "docs" / "data" / "selectors_on_clipart.json"
K = 8
LISTS, LISTS_OF, LISTED = "by-colour", "colour-hog", 64
#: What cannot be measured as it comes, and the variants worth a row of their own.
RECIPES: Mapping[str, tuple[str, ...]] = {
    "balanced": ("balanced", "random_per_query|balanced"),
    "matched": ("matched(by=author)",),
    "neighbours": (f"neighbours(name={LISTS})",),
    "rices": ("rices", "rices(modality=text)", "rices(modality=joint)"),
    "topk_mdl": (f"topk_mdl(model={OFFLINE_MODEL},sets=4)",),
}


def recipes() -> dict[str, tuple[str, ...]]:
    """What is measured, by registered name."""
    return {name: RECIPES.get(name, (name,)) for name in registry.names("selectors")}


def data_sha256() -> str:
    """What the numbers were measured on."""
    return hashlib.sha256(DATA.read_bytes()).hexdigest()


def measure(root: Path) -> dict[str, Any]:
    """Every recipe on every held-out drawing."""
    settings = Settings.read(
        data_dir=root, database_url=None, blob_url=None, index_url=None, encoder=None, model=OFFLINE_MODEL
    )
    with Engine(settings) as engine:
        for pool, encoder in ((POOL, "embedded"), (LISTS, LISTS_OF)):
            engine.create_pool(pool, instruction=INSTRUCTION, encoder=encoder)
            engine.add_all(pool, open_importer("jsonl", DATA).read())
        engine.import_neighbours(POOL, LISTS, _lists(engine))
        texts = {text: name for name, variants in recipes().items() for text in variants}
        found = compare(engine, POOL, selectors=list(texts), shots=[K], model=OFFLINE_MODEL, progress=_tell)
        labels = {id: one.label for id, one in _examples(engine).items()}
    return {
        "data_sha256": data_sha256(),
        "encoder_id": found.encoder_id,
        "model": found.model,
        "queries": len(found.items),
        "k": K,
        "lists": f"the {LISTED} nearest by {LISTS_OF}",
        "recipes": {text: {"of": name, **_row(found, text, labels)} for text, name in texts.items()},
    }


def _lists(engine: Engine) -> dict[str, list[str]]:
    recipe = Recipe(selector="rices", k=LISTED, filters=FilterSpec(splits=("train",)), evaluation=True)
    return {
        one.id: [
            shot.example.id
            for shot in sorted(
                engine.select(LISTS, engine.query_of(LISTS, one.id), recipe).demonstrations,
                key=lambda shot: shot.rank,
            )
        ]
        for one in held_out(engine, POOL)
    }


def _examples(engine: Engine) -> dict[str, Any]:
    ids = [json.loads(line)["id"] for line in DATA.read_text(encoding="utf-8").splitlines()]
    return {id: engine.example(POOL, id) for id in ids}


def _row(found: Comparison, text: str, labels: Mapping[str, str]) -> dict[str, Any]:
    arm = _arm(found, text)
    shown = [[labels[id] for id in outcome.demonstrations] for outcome in arm.outcomes]
    right = [[label == labels[item] for label in row] for item, row in zip(found.items, shown, strict=True)]
    return {
        "accuracy": round(arm.accuracy.value, 4),
        "low": round(arm.accuracy.low, 4),
        "high": round(arm.accuracy.high, 4),
        "shots": round(fmean(map(len, shown)), 1),
        "right_label_shown": round(fmean(map(any, right)), 4),
        "right_label_share": round(fmean(fmean(row) for row in right if row), 4) if any(right) else None,
    }


def _arm(found: Comparison, text: str) -> ArmResult:
    baselines = {"none": ("zero-shot", 0), "random_per_query": ("random", K)}
    arm = found.find(*baselines.get(text, (family(stages_of(text)), K)))
    if arm is None:
        raise SystemExit(f"{text} was not measured")
    return arm


def _tell(done: int, total: int) -> None:
    if done % 20 == 0 or done == total:
        print(f"\r{done} of {total} queries", end="" if done < total else "\n", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and write."""
    with tempfile.TemporaryDirectory() as root:
        found = measure(Path(root) / "data")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for text, row in found["recipes"].items():
        print(f"{text:44} {row}")


if __name__ == "__main__":
    main()
