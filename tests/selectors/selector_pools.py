"""Small random pools, with ties, gaps and odd names on purpose, and the selectors that are held to the invariants."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from selector_cases import ALL, CASES, LISTS, chain, steps

from shotsmith import registry
from shotsmith.domain.examples import Example, Query
from shotsmith.domain.plans import Plan
from shotsmith.domain.protocols import Hit
from shotsmith.domain.recipes import MODALITIES
from shotsmith.domain.scoring import Vector, unit
from shotsmith.domain.selections import Candidate
from shotsmith.domain.sources import CandidateSource
from shotsmith.selectors import ArraySource, SelectorBase
from shotsmith.selectors.catalogue import load
from shotsmith.selectors.fake_judge import FakeJudge

__all__ = ["ALL", "CASES", "LISTS", "PROBE", "chain", "steps"]

Vectors = dict[str, dict[str, tuple[int, ...]]]
PROBE = {"image": {"impact": 0.3, "lower": 0.1}, "text": {"impact": 0.1, "lower": 0.02}}
NEEDS_LABELS = {"balanced", "stratified", "label_space", "topk_mdl"}


def uncovered() -> set[str]:
    """Registered names without a case."""
    return set(registry.names("selectors")) - {name for name, texts in CASES.items() if texts}


FILLING = [text for text in ALL if chain(text).fills and "all" not in steps(text)]
#: They choose anew for each query or seed on purpose.
DRAWN = {
    "random_per_query",
    "random_fixed",
    "curriculum",
    "mix",
    "hybrid",
    "text_only",
    "k_means",
    "topk_mdl",
}


def is_stage(name: str) -> bool:
    return not issubclass(load(name), SelectorBase)


seeds = st.integers(0, 5)
shots = st.integers(0, 12)


@dataclass(frozen=True)
class Pool:
    examples: Vectors
    query: dict[str, tuple[int, ...]]
    labels: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    contents: dict[str, Example] = field(default_factory=dict)
    asked: Query = field(default_factory=Query)
    removed: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        return len(self.examples) - len(self.removed)

    @property
    def first_labels(self) -> dict[str, str]:
        return {id: label if isinstance(label, str) else label[0] for id, label in self.labels.items()}

    def source(self, ids: Sequence[str] | None = None, **changes: Any) -> ArraySource:
        """The pool as selectors see it; `ids` gives the order in which it is handed over."""
        order = list(self.examples) if ids is None else ids
        lists = {LISTS: sorted(self.examples, reverse=True)[::2]}
        given: dict[str, Any] = {
            "contents": self.contents,
            "asked": self.asked,
            "removed": self.removed,
            "lists": lists,
            "judge": FakeJudge(),
            **changes,
        }
        return ArraySource({id: self.examples[id] for id in order}, self.query, self.labels, **given)

    def cosines(self, space: str) -> dict[str, float]:
        """Similarities of one space, one pair at a time."""
        if not any(self.query.get(space, ())):
            return {}
        holders = [
            id
            for id, vectors in self.examples.items()
            if any(vectors.get(space, ())) and id not in self.removed
        ]
        wanted, *rows = unit(
            np.array([self.query[space], *(self.examples[id][space] for id in holders)])
        ).tolist()
        return {
            id: round(sum(a * b for a, b in zip(row, wanted, strict=True)), 6) + 0.0
            for id, row in zip(holders, rows, strict=True)
        }


LABELS = ["cat", "dog", "zürafa", "猫", "rare"]
_NAMES = [f"{stem}{n}" for n in range(8) for stem in ("a", "B", "é", "猫", "a b|", "\x1f")]
_WORDS = ["red", "Blue", "BLUE", "кот", "x1", "ß"]


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


def _text(dice: random.Random) -> str:
    return " ".join(dice.choices(_WORDS, k=dice.randint(0, 3)))


def _facts(dice: random.Random) -> dict[str, Any]:
    return {"site": dice.choice("AB"), "device": dice.randint(0, 1)} if dice.random() < 0.8 else {}


@st.composite
def pools(
    draw: st.DrawFn,
    missing: bool = True,
    unlabelled: bool = True,
    several: bool = False,
    removed: bool = False,
    least: int = 0,
) -> Pool:
    """Up to 30 examples. Hypothesis chooses the size and the dice: drawing each number alone would be slow.

    Args:
        missing: Whether modalities may be missing.
        unlabelled: Whether labels may.
        several: Whether examples may carry several labels.
        removed: Whether the leak guard keeps some out.
        least: How many examples at least.
    """
    size = draw(st.integers(least, 30))
    dice = random.Random(draw(st.integers(0, 2**32)))
    ids = dice.sample(_NAMES, size)
    palette: list[str | None] = [*dice.sample(LABELS, dice.randint(1, 5))]
    if unlabelled:
        palette += [None] * dice.choice([0, 1, 9])
    labels: dict[str, Any] = {id: dice.choice(palette) for id in ids}
    if several:
        names = [name for name in palette if name is not None]
        labels = {
            id: tuple(dice.sample(names, dice.randint(1, min(3, len(names))))) if label else None
            for id, label in labels.items()
        }
    contents = {
        id: Example(
            id,
            text=_text(dice),
            answer=dice.choice(["yes", "No", "12"]),
            group=dice.choice([None, "g1", "g2"]),
            split=dice.choice([None, "train", "test"]),
            metadata=_facts(dice),
        )
        for id in ids
    }
    return Pool(
        examples={id: _vectors(dice, missing) for id in ids},
        query=_vectors(dice, missing),
        labels={id: label for id, label in labels.items() if label is not None},
        contents=contents,
        asked=Query(text=_text(dice), group=dice.choice([None, "g1"]), metadata=_facts(dice)),
        removed=frozenset(dice.sample(ids, dice.randint(0, size // 2))) if removed else frozenset(),
    )


queries = st.builds(Query, text=st.sampled_from(["", "what is it?", "¿qué?"]))


def choose(pool: Pool, text: str, k: int, seed: int, **changes: Any) -> list[Candidate]:
    """What a selector chooses for the pool's own query."""
    return chain(text).select(pool.asked, pool.source(**changes), k, seed)


def ids(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.id for candidate in candidates]


def renamed(pool: Pool, names: Mapping[str, str]) -> Pool:
    """The same pool with other labels."""
    other = {
        id: names[label] if isinstance(label, str) else tuple(names[one] for one in label)
        for id, label in pool.labels.items()
    }
    return replace(pool, labels=other)


class Scrambled:
    """A source that lists whatever is not ranked in random order."""

    def __init__(self, source: CandidateSource, seed: int) -> None:
        self._source = source
        self._random = random.Random(seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def _mixed(self, items: Any) -> list[Any]:
        mixed = list(items)
        self._random.shuffle(mixed)
        return mixed

    def ids(self, label: str | None = None) -> Sequence[str]:
        return self._mixed(self._source.ids(label))

    def labels(self) -> Mapping[str, int]:
        return dict(self._mixed(self._source.labels().items()))

    def examples(self, ids: Sequence[str]) -> Mapping[str, Example]:
        return self._source.examples(ids)

    def nearest_per_label(self, space: str, labels: Sequence[str], limit: int) -> dict[str, list[Hit]]:
        return dict(self._mixed(self._source.nearest_per_label(space, labels, limit).items()))

    def scores(self, space: str, ids: Sequence[str], vector: Vector | None = None) -> dict[str, float]:
        return dict(self._mixed(self._source.scores(space, ids, vector).items()))

    def moments(self, space: str) -> tuple[float, float]:
        mean, spread = self._source.moments(space)
        return mean + 1e-12, spread - 1e-12  # engines sum in different orders

    def within(self, filter: Any) -> Any:
        return Scrambled(self._source.within(filter), self._random.randint(0, 99))

    def without(self, ids: Sequence[str]) -> Any:
        return Scrambled(self._source.without(ids), self._random.randint(0, 99))

    def planned(
        self, key: str, size: int, make: Callable[[CandidateSource, int], Plan], *, nested: bool = True
    ) -> list[Candidate]:
        seed = self._random.randint(0, 99)
        return self._source.planned(
            key, size, lambda everyone, room: make(Scrambled(everyone, seed), room), nested=nested
        )
