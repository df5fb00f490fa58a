"""Late interaction: examples and queries in parts, each part of the query looking for its best match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from ..domain.examples import Query
from ..domain.recipes import Names
from ..domain.scoring import quantise, ranked
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Part, PartsSpec
from .base import Card, SelectorBase
from .fused import DEPTH
from .ranking import Ranking, fill, in_levels, ordinal
from .rices import Rices

Side = Literal["image", "text"]
_SIDES: tuple[Side, ...] = ("image", "text")


@dataclass(frozen=True, slots=True)
class Interaction:
    """What MaxSim found for one set of candidates.

    Attributes:
        scores: By id, higher is better, quantised; candidates that share no modality with the query are absent.
        maxsim: The MaxSim score of each modality, by id.
        weights: How much each modality counts for this query; they sum to 1.
    """

    scores: Mapping[str, float]
    maxsim: Mapping[str, Mapping[Side, float]]
    weights: Mapping[Side, float]

    def told(self, id: str) -> str:
        """A candidate's scores in words."""
        return ", ".join(
            f"{side} {score:.4f} (weight {self.weights[side]:.2f})" for side, score in self.maxsim[id].items()
        )


def interact(
    asked: Sequence[Part], candidates: Mapping[str, Sequence[Part]], lean: bool = True
) -> Interaction:
    """MaxSim by modality, standardised over the candidates and weighted by how much each modality stands out.

    MaxSim_m is the mean over the query's parts of modality m of the largest cosine with a part of the example of that
    modality: pictures and crops in the image space, text and metadata in the text space. z_m standardises it over the
    candidates that have m. The weight of m is max(z_m): how far the best match stands out from the others. An example's
    score is the weighted mean of its z_m; a modality that it lacks is left out, and does not count as zero.

    Args:
        asked: The query's parts.
        candidates: Parts by id.
        lean: Whether weights follow the query; otherwise all modalities count the same.
    """
    maxsim: dict[str, dict[Side, float]] = {}
    standard: dict[Side, dict[str, float]] = {}
    for side in _SIDES:
        found = _maxsim(
            _vectors(asked, side), {id: _vectors(parts, side) for id, parts in candidates.items()}
        )
        if not found:
            continue
        values = np.array([found[id] for id in sorted(found)])
        # Rounded, so that sums in another order give the same.
        average, spread = round(float(values.mean()), 9), round(float(values.std()), 9) or 1.0
        standard[side] = {id: (score - average) / spread for id, score in found.items()}
        for id, score in found.items():
            maxsim.setdefault(id, {})[side] = score
    best = {side: max(found.values()) if lean else 1.0 for side, found in standard.items()}
    total = sum(best.values())
    weights: dict[Side, float] = {
        side: best[side] / total if total > 0 else 1 / len(standard) for side in standard
    }
    scores = {}
    for id, own in maxsim.items():
        share = sum(weights[side] for side in own)
        worth = sum(weights[side] * standard[side][id] for side in own)
        # A modality without weight says nothing, not even for an example that has no other.
        scores[id] = quantise(worth / share) if share > 0 else 0.0
    return Interaction(scores, maxsim, weights)


def _vectors(parts: Sequence[Part], side: Side) -> np.ndarray:
    kinds = ("image", "tile") if side == "image" else ("text", "field")
    found = [part.vectors[side] for part in parts if part.kind in kinds and side in part.vectors]
    return np.asarray(found, dtype=np.float64)


def _maxsim(asked: np.ndarray, candidates: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Mean over the query's rows of the largest quantised cosine with a row of the candidate."""
    held = {id: rows for id, rows in candidates.items() if len(rows)}
    if not len(asked) or not held:
        return {}
    cosines = np.round(np.concatenate(list(held.values())) @ asked.T, 6)
    begins = np.cumsum([0, *(len(rows) for rows in held.values())])[:-1]
    best = np.maximum.reduceat(cosines, begins, axis=0).mean(axis=1)
    return {id: quantise(score) for id, score in zip(held, best.tolist(), strict=True)}


class LateInteraction(SelectorBase):
    """Parts against parts: every picture, crop, text and metadata text of the query looks for its best match.

    The `depth` nearest examples by image and by text compete by MaxSim in each modality, and the query leans on the
    modality in which its best match stands out most. A modality that an example lacks does not count as zero. Vectors
    of parts are made when an example competes for the first time, and kept.
    """

    card = Card(
        paper="CLaMR, [arXiv 2506.06144](https://arxiv.org/abs/2506.06144), and ColBERT's MaxSim, "
        "[arXiv 2004.12832](https://arxiv.org/abs/2004.12832); the weights are ours, theirs are learned",
        cost="two searches and the parts of up to twice `depth` examples; crops are encoded once",
        use="details decide: small objects, several pictures, OCR or captions in metadata",
        avoid="one vector says it all: it is slower than `rices` and no better",
    )
    draws = False
    nested = "prefix"

    tiles: int = Field(
        0, ge=0, le=8, description="Also compare tiles x tiles crops of each picture; 0 and 1 for none."
    )
    fields: Names = Field((), description='Metadata whose values are texts of their own, e.g. "ocr".')
    lean: bool = Field(
        True, description="Whether each query weighs the modalities for itself; else they count alike."
    )
    depth: int = Field(DEPTH, ge=1, description="How many nearest examples of each modality compete.")

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Top-k by late interaction; what shares no modality comes last, in keyed random order."""
        spaces = [space for space in _SIDES if space in source.modalities]
        if not spaces:
            return Rices().select(query, source, k, seed)
        spec = PartsSpec(self.tiles, self.fields)
        asked = source.query_parts(spec)

        def look(depth: int) -> Ranking:
            lists = [source.nearest(space, depth) for space in spaces]
            near = sorted({hit.id for hits in lists for hit in hits})
            found = interact(asked, source.parts(near, spec), self.lean)
            complete = all(len(hits) < depth for hits in lists)
            return Ranking(ranked(found.scores), lambda *best: _candidate(found, source, *best), complete)

        chosen = in_levels(look, self.depth, k)
        return [*chosen, *fill(query, source, chosen, k, seed, "neither image nor text to compare")]


def _candidate(found: Interaction, source: CandidateSource, rank: int, id: str, score: float) -> Candidate:
    return Candidate(
        id=id,
        reason=f"{ordinal(rank)} by late interaction: {found.told(id)}",
        score=score,
        scores={str(side): told for side, told in found.maxsim[id].items()},
        label=source.label_of(id),
        flags=_lacking(found, id),
    )


def _lacking(found: Interaction, id: str) -> tuple[str, ...]:
    own = " and ".join(found.maxsim[id])
    return tuple(
        f"has no {side}: ranked by {own} alone" for side in found.weights if side not in found.maxsim[id]
    )
