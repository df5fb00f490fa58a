"""Several spaces at once: standardised similarities or ranks, weighted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ..domain.examples import Query
from ..domain.protocols import Hit
from ..domain.recipes import MODALITIES, Frozen
from ..domain.recipes import Modality as Space
from ..domain.scoring import quantise, ranked
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource
from .base import Card, SelectorBase
from .ranking import Ranking, fill, flagged, in_levels, ordinal
from .rices import Rices

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Cosines = Mapping[Space, Mapping[str, float]]

DEPTH = 200
_RANK_OFFSET = 60


class Weights(Frozen):
    """How much each space counts; only their ratios matter."""

    image: Weight = 0.0
    text: Weight = 0.0
    joint: Weight = 0.0

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if not any(self.of(space) for space in MODALITIES):
            raise ValueError("at least one weight must be above 0")
        return self

    def of(self, space: Space) -> float:
        """The weight of one space."""
        return {"image": self.image, "text": self.text, "joint": self.joint}[space]


EQUAL = Weights(image=1.0, text=1.0)


class Fused(SelectorBase):
    """Nearest by image and text together: weighted standardised similarities, or weighted ranks.

    zscore: sum(w_m z_m) / sum(w_m) over the spaces that query and example share, where z_m is the cosine standardised
    by its mean and standard deviation over the eligible examples, or over 4,096 of them where there are more. rrf,
    reciprocal rank fusion: the same with 61 / (60 + rank) instead of z, which is 1 for an example that is first
    everywhere, and 0 beyond `depth`. A missing modality is no score, never zero. One usable space is exactly `rices`
    in it.
    """

    card = Card(
        paper="joint alignment of image and text as in TACO, [arXiv 2505.17098](https://arxiv.org/abs/2505.17098); "
        "RRF: Cormack et al. 2009, doi:10.1145/1571941.1572114",
        cost="one search and one rescoring a space",
        use="both what is shown and what is asked decide the answer",
        avoid="one modality is noise: averaging then hurts (CLaMR, arXiv 2506.06144)",
    )
    draws = False
    nested = "prefix"

    weights: Weights = Field(EQUAL, description="Weights of the spaces; only ratios matter.")
    method: Literal["zscore", "rrf"] = Field(
        "zscore", description='"zscore" adds standardised cosines, "rrf" reciprocal ranks.'
    )
    depth: int = Field(
        DEPTH,
        ge=1,
        description="How many nearest examples of each space are fused; exact when it covers all eligible ones. More "
        "follow only when k needs them.",
    )

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Top-k by fused score; examples without any weighted space come last, in keyed random order."""
        weighted = [space for space in MODALITIES if self.weights.of(space)]
        usable = [space for space in weighted if space in source.modalities]
        if len(usable) > 1:
            chosen = self._fuse(query, source, k, seed, usable)
        else:
            wanted = usable[0] if usable else max(weighted, key=self.weights.of)
            chosen = Rices(modality=wanted).select(query, source, k, seed)
        if not usable:
            return chosen
        together = " and ".join(usable)
        lacking = [space for space in weighted if space not in usable]
        return flagged(
            chosen, *(f"cannot compare by {space}: ranked by {together} alone" for space in lacking)
        )

    def _fuse(
        self, query: Query, source: CandidateSource, k: int, seed: int, spaces: list[Space]
    ) -> list[Candidate]:
        chosen = in_levels(lambda depth: self._compete(source, spaces, depth), self.depth, k)
        lacking = f"neither {' nor '.join(spaces)} to compare"
        return [*chosen, *fill(query, source, chosen, k, seed, lacking)]

    def _compete(self, source: CandidateSource, spaces: list[Space], depth: int) -> Ranking:
        lists = {space: source.nearest(space, depth) for space in spaces}
        cosines, terms = self._terms(source, lists, depth)
        seen: dict[str, list[Space]] = {}
        for space in spaces:
            for id in cosines[space]:
                seen.setdefault(id, []).append(space)

        def fused(id: str) -> float:
            own = seen[id]
            total = sum(self.weights.of(space) for space in own)
            return quantise(sum(self.weights.of(space) * terms[space][id] for space in own) / total)

        def tell(rank: int, id: str, score: float) -> Candidate:
            return _candidate(
                rank, id, score, {space: cosines[space][id] for space in seen[id]}, spaces, source
            )

        complete = all(len(hits) < depth for hits in lists.values())
        return Ranking(ranked((id, fused(id)) for id in seen), tell, complete)

    def _terms(
        self, source: CandidateSource, lists: Mapping[Space, Sequence[Hit]], depth: int
    ) -> tuple[Cosines, Cosines]:
        """Cosines and what is fused, by space, of every example among the nearest `depth` in any space."""
        union = sorted({hit.id for hits in lists.values() for hit in hits})
        cosines: dict[Space, dict[str, float]] = {}
        terms: dict[Space, dict[str, float]] = {}
        for space, hits in lists.items():
            known = {hit.id: hit.score for hit in hits}
            # A list shorter than asked for already holds every example that has the space.
            if len(known) == depth:
                known |= source.scores(space, [id for id in union if id not in known])
            cosines[space] = known
            if self.method == "rrf":
                places = {hit.id: place for place, hit in enumerate(hits, start=1)}
                terms[space] = {
                    id: (_RANK_OFFSET + 1) / (_RANK_OFFSET + places[id]) if id in places else 0.0
                    for id in known
                }
            else:
                mean, spread = _scale(source, space)
                terms[space] = {id: (cosine - mean) / spread for id, cosine in known.items()}
        return cosines, terms


def _candidate(
    rank: int,
    id: str,
    score: float,
    cosines: Mapping[Space, float],
    spaces: Sequence[Space],
    source: CandidateSource,
) -> Candidate:
    own = " and ".join(cosines)
    told = ", ".join(f"{space} {cosine:.4f}" for space, cosine in cosines.items())
    return Candidate(
        id=id,
        reason=f"{ordinal(rank)} by {own}, fused score {score:.4f} (cosines: {told})",
        score=score,
        scores={str(space): cosine for space, cosine in cosines.items()},
        label=source.label_of(id),
        flags=tuple(f"has no {space}: ranked by {own} alone" for space in spaces if space not in cosines),
    )


def _scale(source: CandidateSource, space: Space) -> tuple[float, float]:
    """Mean and spread for standardising, rounded so that engines which sum differently agree.

    The first rounding settles moments that lie on the border of the second one, as those of few scores often do.
    """
    mean, spread = (round(round(moment, 9), 4) for moment in source.moments(space))
    return mean, spread or 1.0
