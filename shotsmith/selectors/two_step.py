"""Two modalities one after the other: MMICES in its published variants, and MUIER."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..domain.examples import Query
from ..domain.recipes import Modality
from ..domain.scoring import Vector, quantise, ranked
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource
from .base import Card, SelectorBase
from .cross import asked_vector, cross_cosines
from .fused import DEPTH
from .ranking import Ranking, fill, flagged, in_levels, ordinal
from .rices import Rices

_CIRCLES_LEAST, _CIRCLES_TIMES = 1024, 8


class Mmices(SelectorBase):
    """The nearest by one modality, reranked by the other one.

    Three published algorithms have this name. image_then_text: the `depth` nearest by image, ranked by the cosine of
    the input texts (Chen et al., depth 200; Xu et al., depth 32). text_then_image: its mirror, in the same code.
    image_then_cross: the max(1024, 8 k) nearest by image, ranked by the cosine of the query's text with their images in
    the joint space (CIRCLES). Candidates without the second modality follow by the first one.
    """

    card = Card(
        paper="Chen et al., [arXiv 2311.18021](https://arxiv.org/abs/2311.18021); Xu et al., "
        "[arXiv 2407.00902](https://arxiv.org/abs/2407.00902); gzxiong/CIRCLES (CVPR 2026)",
        cost="one search and one rescoring; image_then_cross reads the parts of at least 1,024 examples",
        use="questions differ about pictures that look alike, as in visual question answering",
        avoid="all questions are the same: the second step then says nothing",
    )
    draws = False

    variant: Literal["image_then_text", "text_then_image", "image_then_cross"] = Field(
        "image_then_text", description="Which published algorithm."
    )
    depth: int | None = Field(
        None,
        ge=1,
        description="How many nearest examples the first step takes, at least k. Default: 200, and for "
        "image_then_cross max(1024, 8 k).",
    )

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Top-k of the first step's candidates by the second step's cosine."""
        first: Modality = "text" if self.variant == "text_then_image" else "image"
        second: Modality = "image" if self.variant == "text_then_image" else "text"
        if first not in source.modalities:
            return Rices(modality=first).select(query, source, k, seed)
        near = {hit.id: hit.score for hit in source.nearest(first, self._depth(k))}
        then = self._second(source, second, list(near))
        if not then:
            flag = f"cannot compare by {second} in the second step: ranked by {first} alone"
            return flagged(Rices(modality=first).select(query, source, k, seed), flag)
        best = ranked(then)
        chosen = [
            Candidate(
                id=id,
                reason=f"{ordinal(rank)} by {second} (cosine {score:.4f}) among the {len(near)} nearest by {first} "
                f"(cosine {near[id]:.4f})",
                score=score,
                scores={first: near[id], self._space(second): score},
                label=source.label_of(id),
            )
            for rank, (id, score) in enumerate(best[:k], start=1)
        ]
        rest = [id for id in near if id not in then][: k - len(chosen)]
        chosen += [
            Candidate(
                id=id,
                reason=f"by {first} alone, cosine {near[id]:.4f}",
                scores={first: near[id]},
                label=source.label_of(id),
                flags=(f"has no {second}: placed by {first} after the examples that have one",),
            )
            for id in rest
        ]
        return [*chosen, *fill(query, source, chosen, k, seed, f"no {first} to compare")]

    def _depth(self, k: int) -> int:
        cross = self.variant == "image_then_cross"
        return max(k, self.depth or (max(_CIRCLES_LEAST, _CIRCLES_TIMES * k) if cross else DEPTH))

    def _space(self, second: Modality) -> Modality:
        return "joint" if self.variant == "image_then_cross" else second

    def _second(self, source: CandidateSource, second: Modality, ids: list[str]) -> dict[str, float]:
        if self.variant == "image_then_cross":
            return cross_cosines(source, ids, shown="image", vector=asked_vector(source, "text"))
        return source.scores(second, ids)


class Muier(SelectorBase):
    """The query's picture against both the pictures and the texts of the examples.

    Mean of cos(query image, example image) and, in the joint space, cos(query image, example text), over the terms that
    the example has: with both, the ranking of their sum. Exact when `depth` covers all eligible examples.
    """

    card = Card(
        paper="Luo et al., [arXiv 2404.12866](https://arxiv.org/abs/2404.12866)",
        cost="two searches and the parts of up to twice `depth` examples",
        use="examples carry captions that say what the picture should show",
        avoid="the encoder's joint space is weak, or all texts are the same question",
    )
    draws = False
    nested = "prefix"

    depth: int = Field(DEPTH, ge=1, description="How many nearest examples by image, and as many by text.")

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Top-k by the mean of the terms; examples with neither come last, in keyed random order."""
        if "image" not in source.modalities:
            return Rices(modality="image").select(query, source, k, seed)
        pictured = asked_vector(source, "image")
        chosen = in_levels(lambda depth: _both(source, pictured, depth), self.depth, k)
        return [*chosen, *fill(query, source, chosen, k, seed, "neither image nor text to compare")]


def _both(source: CandidateSource, pictured: Vector | None, depth: int) -> Ranking:
    near = {hit.id: hit.score for hit in source.nearest("image", depth)}
    complete = len(near) < depth
    across = source.nearest("joint", depth, pictured) if pictured is not None else []
    complete = complete and len(across) < depth
    union = sorted({*near, *(hit.id for hit in across)})
    near |= source.scores("image", [id for id in union if id not in near])
    told = cross_cosines(source, union, shown="text", vector=pictured)
    terms = {
        id: [scores[id] for scores in (near, told) if id in scores]
        for id in union
        if id in near or id in told
    }

    def tell(rank: int, id: str, score: float) -> Candidate:
        scores = {name: known[id] for name, known in (("image", near), ("joint", told)) if id in known}
        missing = "text" if "joint" not in scores else "image" if "image" not in scores else ""
        against = " and ".join(
            f"{what} (cosine {scores[name]:.4f})"
            for name, what in (("image", "its image"), ("joint", "its text"))
            if name in scores
        )
        return Candidate(
            id=id,
            reason=f"{ordinal(rank)} by the query's image against {against}",
            score=score,
            scores=scores,
            label=source.label_of(id),
            flags=(f"has no {missing}: ranked by the other one alone",) if missing else (),
        )

    pairs = ranked((id, quantise(sum(found) / len(found))) for id, found in terms.items())
    return Ranking(pairs, tell, complete)
