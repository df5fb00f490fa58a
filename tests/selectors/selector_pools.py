"""Small random pools, with ties, gaps and odd names on purpose, and the naive selectors they are judged by."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from shotsmith.domain.examples import Query
from shotsmith.domain.protocols import CandidateSource, Hit
from shotsmith.domain.recipes import MODALITIES, SelectorSpec
from shotsmith.domain.scoring import unit
from shotsmith.selectors import ArraySource

Vectors = dict[str, dict[str, tuple[int, ...]]]

PROBE = {"image": {"impact": 0.3, "lower": 0.1}, "text": {"impact": 0.1, "lower": 0.02}}


def spec(name: str, **params: Any) -> SelectorSpec:
    return SelectorSpec(name=name, params=params)


# Every built-in whose result has min(k, eligible) examples, in its variants.
SPECS = [
    spec("random"),
    spec("random", scope="fixed"),
    spec("rices"),
    spec("rices", modality="text"),
    spec("rices", modality="joint"),
    spec("modality"),
    spec("modality", weights={"image": 1, "text": 3, "joint": 0.5}),
    spec("modality", weights={"text": 2}),
    spec("modality", probe=PROBE),
    spec("balanced"),
    spec("balanced", inner={"name": "random"}),
    spec("balanced", inner={"name": "random", "params": {"scope": "fixed"}}),
    spec("balanced", inner="modality"),
    spec("balanced", inner="all"),
]
PLAIN = [entry for entry in SPECS if entry.name != "balanced"]

selectors = st.sampled_from(SPECS)
seeds = st.integers(0, 5)
shots = st.integers(0, 12)


@dataclass(frozen=True)
class Pool:
    examples: Vectors
    query: dict[str, tuple[int, ...]]
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.examples)

    def source(self) -> ArraySource:
        return ArraySource(self.examples, self.query, self.labels)

    def cosines(self, space: str) -> dict[str, float]:
        """Similarities of one space, one pair at a time."""
        if not any(self.query.get(space, ())):
            return {}
        holders = [id for id, vectors in self.examples.items() if any(vectors.get(space, ()))]
        wanted, *rows = unit(
            np.array([self.query[space], *(self.examples[id][space] for id in holders)])
        ).tolist()
        return {
            id: round(sum(a * b for a, b in zip(row, wanted, strict=True)), 6) + 0.0
            for id, row in zip(holders, rows, strict=True)
        }


LABELS = ["cat", "dog", "zürafa", "猫", "rare"]
_NAMES = [f"{stem}{n}" for n in range(8) for stem in ("a", "B", "é", "猫", "a b|", "\x1f")]


def _vectors(dice: random.Random, missing: bool) -> dict[str, tuple[int, ...]]:
    """Vectors by space; tiny integers, so that exact ties are common, and zero vectors where any may be missing."""
    found = {}
    for space in MODALITIES:
        vector = tuple(dice.randint(-2, 2) for _ in range(3))
        if not missing:
            vector = vector if any(vector) else (1, 0, 0)
        elif dice.random() < 0.25:
            continue
        found[space] = vector
    return found


@st.composite
def pools(draw: st.DrawFn, missing: bool = True, unlabelled: bool = True) -> Pool:
    """Up to 30 examples. Hypothesis chooses the size and the dice: drawing each number alone would be slow."""
    size = draw(st.integers(0, 30))
    dice = random.Random(draw(st.integers(0, 2**32)))
    ids = dice.sample(_NAMES, size)
    palette: list[str | None] = [*dice.sample(LABELS, dice.randint(1, 5))]
    if unlabelled:
        palette += [None] * dice.choice([0, 1, 9])
    labels = {id: dice.choice(palette) for id in ids}
    return Pool(
        examples={id: _vectors(dice, missing) for id in ids},
        query=_vectors(dice, missing),
        labels={id: label for id, label in labels.items() if label is not None},
    )


queries = st.builds(Query, text=st.sampled_from(["", "what is it?", "¿qué?"]))


class Scrambled:
    """A source that lists whatever is not ranked in random order."""

    def __init__(self, source: CandidateSource, seed: int) -> None:
        self._source = source
        self._random = random.Random(seed)

    def _mixed(self, items: Any) -> list[Any]:
        mixed = list(items)
        self._random.shuffle(mixed)
        return mixed

    @property
    def modalities(self) -> frozenset[str]:
        return self._source.modalities

    def ids(self, label: str | None = None) -> Sequence[str]:
        return self._mixed(self._source.ids(label))

    def label_of(self, id: str) -> str | None:
        return self._source.label_of(id)

    def labels(self) -> Mapping[str, int]:
        return dict(self._mixed(self._source.labels().items()))

    def nearest(self, space: str, limit: int) -> list[Hit]:
        return self._source.nearest(space, limit)

    def nearest_per_label(self, space: str, labels: Sequence[str], limit: int) -> dict[str, list[Hit]]:
        return dict(self._mixed(self._source.nearest_per_label(space, labels, limit).items()))

    def scores(self, space: str, ids: Sequence[str]) -> dict[str, float]:
        return dict(self._mixed(self._source.scores(space, ids).items()))

    def moments(self, space: str) -> tuple[float, float]:
        mean, spread = self._source.moments(space)
        return mean + 1e-12, spread - 1e-12  # engines sum in different orders
