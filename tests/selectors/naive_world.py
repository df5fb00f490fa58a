"""Small random pools for the references: ties, twins, gaps, leaks, odd names, several labels, parts."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shotsmith.domain.examples import Example, Query
from shotsmith.domain.scoring import quantise, unit
from shotsmith.domain.sources import Part
from shotsmith.selectors import ArraySource

SPACES = ("image", "text", "joint")
FALLBACK = {
    "image": ("image", "text", "joint"),
    "text": ("text", "image", "joint"),
    "joint": ("joint", "image", "text"),
}
Numbers = tuple[int, ...]
Row = NDArray[np.float64]


class Pick(NamedTuple):
    """A chosen example, what it was ranked by, and the spaces whose cosines were looked at."""

    id: str
    score: float | None = None
    spaces: frozenset[str] = frozenset()


Chain = Callable[["World", int, int], list[Pick]]


@dataclass(frozen=True)
class World:
    """A pool and a query, as the references see them.

    `contents` holds all examples; `removed` (leak guard) and `hidden` ones may not be chosen. `label` narrows who takes
    part to its carriers, while usable spaces, means and word counts stay those of the pool. `cache` keeps unit rows and
    cosines, which depend on nothing else here, and is shared by all parts of one pool.
    """

    contents: Mapping[str, Example]
    vectors: Mapping[str, Mapping[str, Numbers]]
    asked: Mapping[str, Numbers]
    query: Query
    removed: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    label: str | None = None
    parts: Mapping[str, tuple[Part, ...]] | None = None
    cache: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def source(self) -> ArraySource:
        return ArraySource(
            self.vectors,
            self.asked,
            contents=self.contents,
            asked=self.query,
            removed=self.removed,
            hidden=self.hidden,
            parts=self.parts,
        )

    @property
    def everyone(self) -> list[str]:
        return sorted(
            id for id, one in self.contents.items() if self.label is None or self.label in one.labels
        )

    @property
    def eligible(self) -> list[str]:
        return [id for id in self.everyone if id not in self.removed and id not in self.hidden]

    def only(self, ids: Collection[str]) -> World:
        """The pool as if it consisted of these examples."""
        return replace(
            self,
            contents={id: one for id, one in self.contents.items() if id in ids},
            vectors={id: spaces for id, spaces in self.vectors.items() if id in ids},
        )

    def without(self, ids: Iterable[str]) -> World:
        """The same pool, these examples hidden."""
        return replace(self, hidden=self.hidden.union(ids))

    def row(self, space: str, id: str | None) -> Row | None:
        """The unit vector of an example, of the query for None; None where it is missing or zero."""
        if (space, id) not in self.cache:
            given = (self.asked if id is None else self.vectors[id]).get(space)
            self.cache[space, id] = None if given is None else unit_row(given)
        return self.cache[space, id]

    def cosine(self, space: str, one: str | None, other: str | None) -> float:
        """Of two that both have the space; None stands for the query."""
        if (space, one, other) not in self.cache:
            self.cache[space, one, other] = cosine(self.row(space, one), self.row(space, other))
        return self.cache[space, one, other]

    def holders(self, space: str, ids: Iterable[str]) -> list[str]:
        return [id for id in ids if self.row(space, id) is not None]

    def scores(self, space: str, ids: Iterable[str] | None = None) -> dict[str, float]:
        """Cosines with the query of those that have one."""
        if self.row(space, None) is None:
            return {}
        ids = self.eligible if ids is None else ids
        return {id: self.cosine(space, None, id) for id in self.holders(space, ids)}

    @property
    def modalities(self) -> list[str]:
        return [
            space
            for space in SPACES
            if self.row(space, None) is not None and self.holders(space, self.contents)
        ]

    def space_for(self, wanted: str) -> str | None:
        """The wanted space or what it falls back to, where the query can be compared."""
        return next((space for space in FALLBACK[wanted] if space in self.modalities), None)

    def pool_space(self, wanted: str) -> str | None:
        """The same for what looks at the pool alone."""
        return next((space for space in FALLBACK[wanted] if self.holders(space, self.everyone)), None)

    def part(self, id: str | None, kind: str) -> Row | None:
        """The mean direction of the joint vectors of the parts of one kind, those of the query for None."""
        rows = self.part_rows(id, {kind}, "joint")
        found = unit(np.mean(rows, axis=0)) if rows else None
        return found.astype(np.float64) if found is not None and found.any() else None

    def part_rows(self, id: str | None, kinds: Collection[str], space: str) -> list[Row]:
        parts = (self.parts or {}).get(id or "", ())
        return [p.vectors[space].astype(np.float64) for p in parts if p.kind in kinds and space in p.vectors]


@cache
def unit_row(numbers: Numbers) -> Row | None:
    """Scaled to length 1, in float32 as it is stored; None for zeros."""
    return unit(np.array(numbers)).astype(np.float64) if any(numbers) else None


def cosine(one: Row, other: Row) -> float:
    """Of two unit rows, in float64, on the grid on which ties are decided."""
    return quantise(float(np.dot(one, other)))


def by_score(scores: Mapping[str, float]) -> list[str]:
    """The total order: higher first, then the smaller id."""
    return sorted(scores, key=lambda id: (-scores[id], id))


LABELS = ["cat", "dog", "zürafa", "猫", "rare", "Cat", "e\u0301"]
WORDS = [
    "Cat",
    "cat",
    "DOG",
    "什么",
    "what",
    "is",
    "café",
    "cafe\u0301",
    "№1",
    "a-b",
    "?",
    "straße",
    "STRASSE",
]
VALUES = ["a", "猫", 1, 1.0, True, "1"]
IDS = [f"{stem}{n}" for n in range(8) for stem in ("a", "B", "é", "猫", "a b|", "\x1f")]


@dataclass(frozen=True)
class Shape:
    """What pools of a test look like.

    Attributes:
        missing: Whether vectors may be missing or zero.
        labels: "any": from none to several each; "few": none or one; "one": exactly one.
        parts: Whether the parts of examples and query are told.
        dims: The least and the most dimensions of a space.
    """

    missing: bool = True
    labels: str = "any"
    parts: bool = False
    dims: tuple[int, int] = (1, 4)


ANY = Shape()


def world(size: int, number: str, shape: Shape = ANY) -> World:
    """The pool of so many examples that a throw of dice gives: hypothesis drawing each number alone would be slow."""
    dice = random.Random(number)
    ids = dice.sample(IDS, size)
    vectors, asked = _vectors(dice, ids, shape)
    contents = _contents(dice, ids, shape)
    share = dice.choice([0, 0, 0.1, 0.4])
    gone = {id: dice.random() for id in ids}
    metadata = {name: dice.choice(VALUES) for name in ("site", "device") if dice.random() < 0.8}
    query = Query(text=_text(dice), group=dice.choice([None, "g1", "g2"]), metadata=metadata)
    found = World(
        contents,
        vectors,
        asked,
        query,
        removed=frozenset(id for id in ids if gone[id] < share),
        hidden=frozenset(id for id in ids if gone[id] > 1 - share / 2),
    )
    return _with_parts(dice, found) if shape.parts else found


def _vectors(dice: random.Random, ids: list[str], shape: Shape) -> tuple[dict[str, dict[str, Numbers]], dict]:
    """Tiny integers, so that exact ties are common; some examples are twins of earlier ones."""
    gaps = dice.choice([0, 0, 0.3, 0.8]) if shape.missing else 0
    twins = dice.choice([0, 0.3])
    dims = {space: dice.randint(*shape.dims) for space in SPACES}
    most = dice.choice([1, 2, 5])

    def one(gaps: float) -> dict[str, Numbers]:
        found = {}
        for space in SPACES:
            vector = tuple(dice.randint(-most, most) for _ in range(dims[space]))
            if not shape.missing and not any(vector):
                vector = (1, *vector[1:])
            if dice.random() >= gaps:
                found[space] = vector
        return found

    vectors: dict[str, dict[str, Numbers]] = {}
    for id in ids:
        twin = bool(vectors) and dice.random() < twins
        vectors[id] = vectors[dice.choice(list(vectors))] if twin else one(gaps)
    return vectors, one(gaps / 2)


def _contents(dice: random.Random, ids: list[str], shape: Shape) -> dict[str, Example]:
    bare, several = dice.choice([0, 0.3]), dice.choice([0, 0.4])
    palette = dice.sample(LABELS, dice.randint(1, len(LABELS)))
    if dice.random() < 0.1:
        palette = [f"label {number}" for number in range(30)]  # more labels than shots
    if shape.labels != "any":
        bare, several = (0 if shape.labels == "one" else bare), 0
    found = {}
    for id in ids:
        labels = (dice.choice(palette),)
        if dice.random() < several:
            labels = tuple(dice.sample(palette, min(len(palette), dice.randint(2, 3))))
        if dice.random() < bare:
            labels = ()
        found[id] = Example(
            id,
            text=_text(dice),
            answer=dice.choice(["yes", "Yes ", "no"]),
            labels=labels,
            group=dice.choice([None, "g1", "g2"]),
            metadata={name: dice.choice(VALUES) for name in ("site", "device") if dice.random() < 0.9},
        )
    return found


def _text(dice: random.Random) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(dice.choice([0, 1, 2, 5])))


def _with_parts(dice: random.Random, found: World) -> World:
    """Parts in step with the vectors: who has a vector in a space has a part there, and who has none has none."""
    told = {id: _parts(dice, found, id) for id in [*found.everyone, None]}
    return replace(found, parts={id or "": parts for id, parts in told.items()})


def _parts(dice: random.Random, found: World, id: str | None) -> tuple[Part, ...]:
    dims = {
        space: len(row)
        for space in SPACES
        for one in [*found.vectors.values(), found.asked]
        if (row := one.get(space))
    }
    parts = []

    def vectors(space: str, whole: bool) -> dict[str, Any]:
        drawn = {space: found.row(space, id).astype(np.float32) if whole else _unit(dice, dims[space])}
        if "joint" in dims and found.row("joint", id) is not None:
            drawn["joint"] = _unit(dice, dims["joint"])
        return {name: row for name, row in drawn.items() if row.any()}

    if found.row("image", id) is not None:
        pictures = dice.randint(1, 2)
        parts += [Part("image", f"image {n + 1}", vectors("image", n == 0)) for n in range(pictures)]
        parts += [Part("tile", f"tile {n}", vectors("image", False)) for n in range(dice.randint(0, 2))]
    if found.row("text", id) is not None:
        parts.append(Part("text", "text", vectors("text", True)))
        parts += [Part("field", f"field {n}", vectors("text", False)) for n in range(dice.randint(0, 2))]
    return tuple(part for part in parts if part.vectors)


def _unit(dice: random.Random, dims: int) -> Any:
    return unit(np.array([dice.randint(-2, 2) for _ in range(dims)]))
