"""Simulated worlds: small pools whose structure, and so the regime of the model that comes with them, is known.

Pictures are grids of coloured squares; those of a cluster resemble one prototype. Texts read "specimen 4711, said to be
a kite". What decides the label differs from regime to regime, and everything else is drawn at random:

    NO-ICL    what the text says, right for 3 in 4; the model knows that much without demonstrations
    KNN       the picture's cluster, which every query shares with 4 examples; a vote says all there is to say
    SSL       the picture's cluster, shared by half of the queries; the model falls back on the text, right for 4 in 5
    ASL       the number in the text, modulo the number of labels, by a secret table; the model finds the rule in a
              third of the pool for 63 % of the queries, in all of it for 95 %

The structure shows to encoders that compare pictures by colour: make the pool with the world's own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from ....domain.examples import Draft, ImageFile
from ....domain.recipes import Frozen
from ....domain.scoring import seed_bytes

Regime = Literal["NO-ICL", "KNN", "SSL", "ASL"]
REGIMES: tuple[Regime, ...] = get_args(Regime)

INSTRUCTION = "Say what the specimen is."
LABELS = (
    *("anvil", "bell", "candle", "drum", "easel", "funnel", "gong", "hammer", "iron", "jug", "kite", "lamp"),
    *("mitten", "needle", "oar", "pan", "quill", "rope", "sieve", "tongs", "urn", "vase", "wheel", "yoke"),
)
CLUSTER = 4
"""Examples of a cluster: fewer than a tenth of any pool that is allowed, so that removing the nearest tenth shows."""

_SQUARES = 4
_SIDE = 4  # pixels of a square
_SPREAD = 45.0  # by which a square's colour strays from its prototype's, of 255
_GRAIN = 40.0  # by which a pixel strays from its square: difference hashes would take pictures of a cluster for copies
_SAID = {"NO-ICL": 0.75, "SSL": 0.8}
_SHARED = {"KNN": 1.0, "SSL": 0.5}
#: So that four pictures of a cluster outweigh the prior, and a thousand others do not. Median cosines within a cluster
#: and between clusters are 0.89 and 0.0 under `fake`, 0.67 and 0.45 under `colour-hog`.
_EYES = {"fake": "temperature=0.07,prior=0.05", "colour-hog": "temperature=0.03,prior=2e-6"}

_Grid = NDArray[np.float64]


class World(Frozen):
    """A pool, its test fold and a model, all of them made from a seed."""

    regime: Regime = Field(description="The truth.")
    labels: int = Field(4, ge=2, le=len(LABELS), description="Size of the label space.")
    noise: float = Field(0.0, ge=0, lt=1, description="Chance that the model answers at random.")
    flips: float = Field(0.0, ge=0, lt=1, description="Share of the pool's labels that are wrong.")
    pool: int = Field(128, ge=10 * CLUSTER, le=100_000, description="Examples to choose from.")
    encoder: Literal["fake", "colour-hog"] = Field("fake", description="For the pool, and the model's eyes.")
    tests: int = Field(200, ge=1, le=100_000, description="Held-out queries.")
    seed: int = Field(0, description="Of everything that is drawn.")

    @property
    def name(self) -> str:
        """A name for its pool."""
        noise = f"{self.noise:g}-{self.flips:g}"
        return f"world-{self.regime.lower()}-{self.labels}-{noise}-{self.pool}-{self.seed}"

    @property
    def label_space(self) -> tuple[str, ...]:
        """Its labels."""
        return LABELS[: self.labels]

    @property
    def model(self) -> str:
        """The simulated model that lives in it."""
        common = f"noise={self.noise:g},seed={self.seed}"
        match self.regime:
            case "NO-ICL":
                return f"simulated/prior({common})"
            case "ASL":
                return f"simulated/learner(needs={self.pool / 3:g},{common})"
            case _:
                eyes = f"encoder={self.encoder},modality=image,{_EYES[self.encoder]}"
                return f"simulated/voter({eyes},{common})"

    def drafts(self) -> tuple[Draft, ...]:
        """The pool, split "train", and the test fold, split "test"; test labels are never flipped."""
        return tuple(self._made())

    def _made(self) -> Iterator[Draft]:
        scope = f"world|{self.regime}|{self.labels}|{self.pool}|{self.tests}"
        rng = np.random.default_rng(list(seed_bytes(self.seed, scope)))
        families = [self._family(rng) for _ in range(-(-self.pool // CLUSTER))]
        table = rng.permutation(self.labels)
        for number in range(self.pool):
            family = families[number // CLUSTER] if self.regime in _SHARED else self._family(rng)
            yield self._draft(rng, number, family, table, "train")
        for number in range(self.tests):
            known = rng.random() < _SHARED.get(self.regime, 0.0)
            drawn = families[int(rng.integers(len(families)))]
            yield self._draft(rng, number, drawn if known else self._family(rng), table, "test")

    def _family(self, rng: np.random.Generator) -> _Family:
        return _Family(rng.uniform(0, 255, (_SQUARES, _SQUARES, 3)), int(rng.integers(self.labels)))

    def _draft(
        self, rng: np.random.Generator, number: int, family: _Family, table: NDArray[np.int64], split: str
    ) -> Draft:
        specimen = int(rng.integers(1_000, 1_000_000))
        label = int(table[specimen % self.labels]) if self.regime == "ASL" else family.label
        others = [other for other in range(self.labels) if other != label]
        wrong = others[int(rng.integers(len(others)))]
        right = rng.random() < _SAID.get(self.regime, 1 / self.labels)
        said = label if right else wrong
        # Drawn in any case, so that worlds with other flips differ in the flipped labels alone.
        chance, flip = rng.random(), others[int(rng.integers(len(others)))]
        kept = flip if chance < self.flips and split == "train" else label
        names = self.label_space
        id = f"{split}-{number:05d}"
        return Draft(
            where=f"{self.name} {id}",
            id=id,
            images=(ImageFile(f"{id}.png", _picture(rng, family.prototype)),),
            text=f"specimen {specimen}, said to be a {names[said]}",
            answer=names[kept],
            labels=(names[kept],),
            split=split,
        )


@dataclass(frozen=True, slots=True)
class _Family:
    prototype: _Grid
    label: int


def grid(
    *,
    regimes: Sequence[Regime] = REGIMES,
    labels: Sequence[int] = (2, 4, 8),
    noises: Sequence[float] = (0.0, 0.1),
    pools: Sequence[int] = (64, 128, 256),
    tests: int = 200,
    seed: int = 0,
) -> tuple[World, ...]:
    """Every combination, each with a seed of its own; 72 worlds by default.

    Raises:
        InvalidParameter: A number that a world cannot have.
    """
    combinations = product(regimes, labels, noises, pools)
    return tuple(
        World.read(
            {
                "regime": regime,
                "labels": count,
                "noise": noise,
                "pool": size,
                "tests": tests,
                "seed": int.from_bytes(seed_bytes(seed, f"world {number}")[:4], "big"),
            }
        )
        for number, (regime, count, noise, size) in enumerate(combinations)
    )


def _picture(rng: np.random.Generator, prototype: _Grid) -> bytes:
    colours = np.clip(prototype + rng.uniform(-_SPREAD, _SPREAD, prototype.shape), 0, 255)
    pixels = np.kron(colours, np.ones((_SIDE, _SIDE, 1)))
    grain = rng.uniform(-_GRAIN, _GRAIN, (*pixels.shape[:2], 1))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
