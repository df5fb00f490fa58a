"""Stages that trade similarity against repetition: MMR, DPP and set coverage."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..domain.examples import Query
from ..domain.recipes import Modality
from ..domain.scoring import cosine
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Selector
from .base import Card, StageBase
from .ranking import flagged, ordinal, space_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Compared:
    """Candidates that can be compared with each other, ids ascending, so that the first maximum is the tie's winner.

    Attributes:
        candidates: Of the stage before.
        relevance: Their cosines with the query, [n].
        matrix: Their unit vectors, [n, d].
        query: The query's unit vector, [d].
    """

    candidates: Sequence[Candidate]
    relevance: Floats
    matrix: Floats
    query: Floats

    def pairwise(self) -> Floats:
        """Quantised cosines of candidates with each other, [n, n]."""
        pairs: Floats = np.round(self.matrix @ self.matrix.T, 6)
        return pairs


class _Diverse(StageBase):
    draws = False

    space: Modality | None = Field(
        None,
        description="Space to compare in. Default: the one in which the stage before ranked, else the first of image, "
        "text and joint that can be compared in.",
    )

    @abstractmethod
    def _depth(self) -> int:
        """How many candidates compete."""

    @abstractmethod
    def _pick(self, field: Compared, k: int) -> list[Candidate]:
        """Up to k of the field, in rank order."""

    def apply(
        self, inner: Selector, query: Query, source: CandidateSource, k: int, seed: int
    ) -> list[Candidate]:
        """The stage's choice among the candidates before it; what cannot be compared follows in their order."""
        ranked = inner.select(query, source, max(k, self._depth()), seed)
        space = self.space if self.space in source.modalities else space_of(ranked, source)
        asked = source.vector(space) if space else None
        if space is None or asked is None:
            return flagged(ranked[:k], "nothing to compare: not diversified")
        notes = (
            []
            if self.space in (None, space)
            else [f"cannot compare by {self.space}: compared by {space} instead"]
        )
        competing = {one.id: one for one in ranked[: self._depth()]}
        rows = source.vectors(space, sorted(competing))
        if not rows.ids:
            return flagged(ranked[:k], "nothing to compare: not diversified")
        matrix = np.asarray(rows.matrix, dtype=np.float64)
        relevance: Floats = np.asarray(cosine(matrix, asked), dtype=np.float64)
        compared = [
            replace(competing[id], scores={**competing[id].scores, space: score})
            for id, score in zip(rows.ids, relevance.tolist(), strict=True)
        ]
        wide = np.asarray(asked, dtype=np.float64)
        picked = self._pick(Compared(compared, relevance, matrix, wide), k)
        taken = {one.id for one in picked}
        held = set(rows.ids)
        rest = [
            replace(one, score=None, flags=(*one.flags, *lacking))
            for one in ranked
            if one.id not in taken
            for lacking in [() if one.id in held else (f"has no {space}: not diversified",)]
        ]
        return flagged([*picked, *rest[: max(k - len(picked), 0)]], *notes)


class Mmr(_Diverse):
    """Maximal marginal relevance: each next demonstration is similar to the query and unlike those chosen before.

    argmax of lambda s(q, d) - (1 - lambda) max over chosen e of s(d, e), all cosines; the first pick is the most
    similar. `depth` is fixed, not a multiple of k, so that the choice of k begins the choice of k + 1. lambda 1 is
    similarity alone.
    """

    card = Card(
        paper="Carbonell & Goldstein 1998, doi:10.1145/290941.291025",
        cost="the stage before for `depth` candidates, and k passes over them",
        use="the nearest examples repeat each other",
        avoid="near-copies of the query are what helps",
    )
    nested = "prefix"

    lambda_mult: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Weight of similarity to the query: 1 is similarity alone, 0 diversity alone.",
    )
    depth: int = Field(200, ge=1, description="How many candidates of the stage before compete.")

    def _depth(self) -> int:
        return self.depth

    def _pick(self, field: Compared, k: int) -> list[Candidate]:
        pairs = field.pairwise()
        nearest = np.full(len(field.candidates), -np.inf)
        picked: list[Candidate] = []
        free = np.ones(len(field.candidates), dtype=bool)
        while len(picked) < min(k, len(field.candidates)):
            value = field.relevance
            if picked:
                value = np.round(self.lambda_mult * field.relevance - (1 - self.lambda_mult) * nearest, 6)
            best = int(np.argmax(np.where(free, value, -np.inf)))
            free[best] = False
            told = f"worth {value[best]:.4f}, cosine {field.relevance[best]:.4f}"
            if picked:
                told += f", at most {nearest[best]:.4f} with one chosen before"
            picked.append(
                replace(
                    field.candidates[best],
                    score=None,
                    reason=f"{ordinal(len(picked) + 1)} by marginal relevance: {told}",
                )
            )
            nearest = np.maximum(nearest, pairs[best])
        return picked


class Dpp(_Diverse):
    """A determinantal point process: the set that is relevant and spread out, chosen greedily.

    With r = exp((rel - max rel) / (2 scale)), rel = (cosine + 1) / 2, the kernel is L_ij = r_i (cosine_ij + 1) / 2 r_j.
    Each step takes the candidate that raises log det L most (Chen et al. 2018), until a step gains no more than 1e-10:
    then the most relevant of what is left fill up. Published code lacks this stop and picks
    duplicates again and again. Rank order is by relevance.
    """

    card = Card(
        paper="Ye et al., CEIL, [arXiv 2302.05698](https://arxiv.org/abs/2302.05698); greedy MAP: Chen et al., "
        "[arXiv 1709.05135](https://arxiv.org/abs/1709.05135)",
        cost="the stage before for `depth` candidates, and k Cholesky updates over them",
        use="demonstrations should complete each other",
        avoid="k is close to `depth`: everything is chosen anyway",
    )
    nested = "subset"

    scale: float = Field(0.1, gt=0, allow_inf_nan=False, description="Smaller values weigh relevance more.")
    depth: int = Field(100, ge=1, description="How many candidates of the stage before compete.")

    def _depth(self) -> int:
        return self.depth

    def _pick(self, field: Compared, k: int) -> list[Candidate]:
        closeness = (field.relevance + 1) / 2
        weight = np.exp((closeness - closeness.max()) / (2 * self.scale))
        kernel = weight[:, None] * (field.pairwise() + 1) / 2 * weight[None, :]
        picks = greedy_map(kernel, k)
        order = np.lexsort((np.arange(len(closeness)), -field.relevance))
        more = [place for place in order.tolist() if place not in picks][: max(k - len(picks), 0)]
        chosen = {**dict.fromkeys(picks, "adds"), **dict.fromkeys(more, "repeats")}
        return [
            replace(
                field.candidates[place],
                score=float(field.relevance[place]),
                reason=f"chosen {ordinal(picks.index(place) + 1)} by the determinant, cosine "
                f"{field.relevance[place]:.4f}"
                if chosen[place] == "adds"
                else f"by relevance, as it raises the determinant by nothing: cosine {field.relevance[place]:.4f}",
            )
            for place in order.tolist()
            if place in chosen
        ]


def greedy_map(kernel: Floats, k: int, least: float = 1e-10) -> list[int]:
    """Places of a greedy MAP set of a DPP with this kernel [n, n], in the order of choice.

    Each step takes the largest gain of log det, quantised to 1e-6, ties to the smaller place; it stops when no gain of
    the determinant exceeds `least`.
    """
    size = len(kernel)
    gains = np.diag(kernel).copy()
    factors = np.zeros((min(k, size), size))
    picks: list[int] = []
    while len(picks) < min(k, size):
        gains[picks] = 0.0
        if not (gains > least).any():
            break
        told = np.round(np.round(np.log(np.maximum(gains, least)), 9), 6)
        best = int(np.argmax(np.where(gains > least, told, -np.inf)))
        row = (kernel[best] - factors[: len(picks), best] @ factors[: len(picks)]) / np.sqrt(gains[best])
        factors[len(picks)] = row
        gains = gains - row**2
        picks.append(best)
    return picks


class SetCoverage(_Diverse):
    """Demonstrations that together cover every dimension of the query.

    Greedy on the sum over dimensions t of the maximum over chosen d of q_t d_t. The first pick is the most similar;
    when no candidate adds anything, coverage starts anew with those that are left. Rank order is the order of choice.
    """

    card = Card(
        paper="Gupta et al., [arXiv 2305.14907](https://arxiv.org/abs/2305.14907)",
        cost="the stage before for `depth` candidates, and k passes over their dimensions",
        use="queries have several aspects that no single example shows",
        avoid="vectors are whole-picture features without meaning by dimension",
    )
    nested = "prefix"

    depth: int = Field(200, ge=1, description="How many candidates of the stage before compete.")

    def _depth(self) -> int:
        return self.depth

    def _pick(self, field: Compared, k: int) -> list[Candidate]:
        products = field.matrix * field.query[None, :]
        total = _Coverage(products)
        picked: list[Candidate] = []
        free = np.ones(len(field.candidates), dtype=bool)
        while len(picked) < min(k, len(field.candidates)):
            gains = total.gains()
            best = int(np.argmax(np.where(free, gains, -np.inf)))
            if not total.empty and gains[best] <= 0:
                total = _Coverage(products)
                continue
            free[best] = False
            picked.append(
                replace(
                    field.candidates[best],
                    score=None,
                    reason=f"{ordinal(len(picked) + 1)} by coverage, which it raises by {gains[best]:.4f}; cosine "
                    f"{field.relevance[best]:.4f}",
                )
            )
            total.add(best)
        return picked


class _Coverage:
    """The running maximum by dimension."""

    def __init__(self, products: Floats) -> None:
        self._products = products
        self._best: Floats | None = None

    @property
    def empty(self) -> bool:
        return self._best is None

    def gains(self) -> Floats:
        """What each candidate would add, quantised, [n]."""
        if self._best is None:
            added = self._products.sum(axis=1)
        else:
            added = np.maximum(self._products - self._best, 0).sum(axis=1)
        gains: Floats = np.round(np.round(added, 9), 6)
        return gains

    def add(self, place: int) -> None:
        row = self._products[place]
        self._best = row if self._best is None else np.maximum(self._best, row)
