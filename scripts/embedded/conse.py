"""ConSE's class texts: one text vector for each ImageNet-1k class.

A class is told as its WordNet words and gloss. At run time a picture is softmax(logits / T) @ classes. T = 1.5 over all
classes is a compromise: 1 names single things better, 2 finds captions better, and a cut after the ten likeliest
classes, as in the paper, would make vectors jump.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shotsmith.domain.scoring import unit

from .wordnet import synsets

if TYPE_CHECKING:
    from shotsmith.retrieval.encoders._text_table import TextTable

TEMPERATURE = 1.5


def class_texts(wordnet: Path) -> list[str]:
    """ "words: gloss" of the 1000 classes in the network's order (ascending wnid)."""
    nouns = {synset.offset: synset for synset in synsets(wordnet, "noun")}
    classes = [nouns[wnid.removeprefix("n")] for wnid in _wnids()]
    return [f"{', '.join(synset.words)}: {synset.gloss}" for synset in classes]


def matrix(texts: list[str], table: TextTable) -> dict[str, np.ndarray]:
    """What `embedded.py` reads.

    Returns:
        "classes" float16 [1000, d], unit rows minus their mean, so that a picture that could be anything is zero;
        "text_mean" float32 [d], which texts are centred by in the joint space; "temperature".
    """
    rows = table(texts).astype(np.float64)
    mean = rows.mean(axis=0)
    classes = unit(rows - mean).astype(np.float64)
    return {
        "classes": (classes - classes.mean(axis=0)).astype(np.float16),
        "text_mean": mean.astype(np.float32),
        "temperature": np.float32(TEMPERATURE),
    }


def _wnids() -> list[str]:
    # The file is all that is wanted of timm; importing it would load torchvision.
    spec = find_spec("timm")
    folder = Path(spec.submodule_search_locations[0])
    return (folder / "data/_info/imagenet_synsets.txt").read_text().split()
