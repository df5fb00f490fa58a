"""The pool and the experiments of the sweep: small drawn pictures, of which every one is another request."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import SecretStr

from shotsmith.domain.examples import Draft, ImageFile
from shotsmith.engine import Engine
from shotsmith.settings import Settings

POOL = "sweep"
WORDS = ("round", "square", "striped", "dotted", "plain")
TRAINING = 200
SHOTS = (2, 4)
SELECTORS = ("rices",)
CALLS = 1 + 2 * len(SHOTS)  # of an item: zero-shot, random and rices; majority and votes ask nobody
_SIDE = 96


def settings(folder: Path, model: str, url: str) -> Settings:
    """Where a sweep keeps what it knows, and whom it asks."""
    return Settings.read(
        data_dir=folder,
        database_url=None,
        blob_url=None,
        index_url=None,
        encoder="colour-hog",
        model=model,
        model_api_base=f"{url}/v1",
        model_api_key=SecretStr("sk-local-endpoint"),
    )


def fill(folder: Path, splits: Mapping[str, int]) -> None:
    """Make the pool, with so many held-out items in each split."""
    with Engine(settings(folder, "openai/sweep", "http://127.0.0.1:1")) as engine:
        engine.create_pool(POOL, instruction="What is it like?", labels=WORDS)
        engine.add_all(POOL, _drafts(splits))


def _drafts(splits: Mapping[str, int]) -> Iterator[Draft]:
    of_each = [name for name, items in {"train": TRAINING, **splits}.items() for _ in range(items)]
    for number, split in enumerate(of_each):
        yield Draft(
            f"picture {number}",
            id=f"e{number:06}",
            images=(ImageFile(f"{number}.jpg", _picture(number)),),
            text=f"This is number {number}.",
            labels=(WORDS[number % len(WORDS)],),
            split=split,
        )


def _picture(number: int) -> bytes:
    coarse = np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((_SIDE, _SIDE)).save(file, "JPEG", quality=85)
    return file.getvalue()


def experiment(split: str, workers: int) -> dict[str, Any]:
    """The experiment file that asks one split: `CALLS` calls an item, beside the baselines that ask nobody."""
    return {
        "name": f"sweep-{split}",
        "pool": POOL,
        "test": {"split": split, "training": ["train"]},
        "parameters": {"temperature": 0, "max_tokens": 8},
        "selectors": list(SELECTORS),
        "shots": list(SHOTS),
        "workers": workers,
    }
