"""Modality-driven selection: rank by the modalities that were measured to matter."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from ..domain.examples import Query
from ..domain.protocols import CandidateSource
from ..domain.recipes import MODALITIES, Frozen
from ..domain.recipes import Modality as Space
from ..domain.scoring import quantise, ranked
from ..domain.selections import Candidate
from .base import SelectorBase
from .ranking import fill, flagged, ordinal
from .rices import Rices

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]

_MIN_DEPTH = 200


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


class Impact(Frozen):
    """What a modality of the demonstrations is worth: the score lost when it is removed, randomised or permuted.

    Attributes:
        impact: Mean loss, in any unit that both modalities share.
        lower: Lower confidence bound of the loss; the modality matters when it is above 0.
    """

    impact: Finite
    lower: Finite

    @model_validator(mode="after")
    def _bound_is_below(self) -> Self:
        if self.lower > self.impact:
            raise ValueError("lower is a lower bound and cannot exceed impact")
        return self

    @property
    def matters(self) -> bool:
        """Whether the loss is above 0 with confidence."""
        return self.lower > 0


class Probe(Frozen):
    """A measured modality probe, one impact for the images and one for the input texts."""

    image: Impact
    text: Impact


class Modality(SelectorBase):
    """Nearest examples by the modality that matters, or by a weighted fusion when several do.

    Xu et al., "From Introspection to Best Practices" (arXiv 2407.00902): perturb each modality of the demonstrations,
    see which one hurts, and retrieve by that one. With a probe: only images matter, then image; only texts, then text;
    both, then a fusion weighted by their impacts; neither, then equal weights, flagged. Explicit weights say the same
    by hand. Without either, image and text weigh equally, flagged.

    Fused score of an example: sum(w_m * z_m) / sum(w_m) over the spaces that query and example share, where z_m is the
    cosine standardised by its mean and standard deviation over the eligible examples. A missing modality is no score,
    never zero. One usable space is exactly `rices` in it.
    """

    weights: Weights | None = Field(
        None, description="Explicit weights of the spaces; only ratios matter. Not together with probe."
    )
    probe: Probe | None = Field(
        None,
        description="Measured impact of each modality with its lower confidence bound; a modality matters when the "
        "bound is above 0.",
    )
    pool_depth: int | None = Field(
        None,
        ge=1,
        description="How many nearest examples of each space are fused; exact when it covers all eligible ones. "
        "Default: max(200, 4 k).",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.weights is not None and self.probe is not None:
            raise ValueError("weights and probe exclude each other")
        return self

    @property
    def mixture(self) -> tuple[Weights, str | None]:
        """The weights in force, and a flag where they were not measured or chosen."""
        equal = Weights(image=1.0, text=1.0)
        if self.weights is not None:
            return self.weights, None
        if self.probe is None:
            return equal, "modality impact not measured: equal weights for image and text"
        image, text = self.probe.image, self.probe.text
        if not (image.matters or text.matters):
            return equal, "neither modality was measured to matter: equal weights for image and text"
        return Weights(
            image=image.impact if image.matters else 0.0, text=text.impact if text.matters else 0.0
        ), None

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Top-k by fused score; examples without any weighted space come last, in keyed random order."""
        weights, note = self.mixture
        weighted = [space for space in MODALITIES if weights.of(space)]
        usable = [space for space in weighted if space in source.modalities]
        notes = [note] if note else []
        if len(usable) > 1:
            chosen = self._fuse(query, source, k, seed, weights, usable)
        else:
            wanted = usable[0] if usable else max(weighted, key=weights.of)
            chosen = Rices(modality=wanted).select(query, source, k, seed)
        if usable:
            notes += [
                f"cannot compare by {space}: ranked by {' and '.join(usable)} alone"
                for space in weighted
                if space not in usable
            ]
        return flagged(chosen, *notes)

    def _fuse(
        self, query: Query, source: CandidateSource, k: int, seed: int, weights: Weights, spaces: list[Space]
    ) -> list[Candidate]:
        depth = max(k, self.pool_depth or max(_MIN_DEPTH, 4 * k))
        scores = _scores(source, spaces, depth)
        scale = {space: _scale(source, space) for space in spaces}
        seen: dict[str, list[Space]] = {}
        for space in spaces:
            for id in scores[space]:
                seen.setdefault(id, []).append(space)

        def fused(id: str) -> float:
            total = sum(weights.of(space) for space in seen[id])
            standard = (
                weights.of(space) * (scores[space][id] - scale[space][0]) / scale[space][1]
                for space in seen[id]
            )
            return quantise(sum(standard) / total)

        best = ranked((id, fused(id)) for id in seen)[:k]
        chosen = []
        for rank, (id, score) in enumerate(best, start=1):
            own: dict[str, float] = {space: scores[space][id] for space in seen[id]}
            cosines = ", ".join(f"{space} {cosine:.4f}" for space, cosine in own.items())
            chosen.append(
                Candidate(
                    id=id,
                    reason=f"{ordinal(rank)} by {' and '.join(own)}, fused score {score:.4f} (cosines: {cosines})",
                    score=score,
                    scores=own,
                    label=source.label_of(id),
                    flags=tuple(
                        f"has no {space}: ranked by {' and '.join(own)} alone"
                        for space in spaces
                        if space not in own
                    ),
                )
            )
        return [*chosen, *fill(query, source, chosen, k, seed, " or ".join(spaces))]


def _scores(source: CandidateSource, spaces: list[Space], depth: int) -> dict[Space, dict[str, float]]:
    """Cosines by space of every example that is among the nearest `depth` in any space."""
    found = {space: {hit.id: hit.score for hit in source.nearest(space, depth)} for space in spaces}
    union = sorted(set().union(*found.values()))
    return {
        # A list shorter than asked for already holds every example that has the space.
        space: known
        if len(known) < depth
        else known | source.scores(space, [id for id in union if id not in known])
        for space, known in found.items()
    }


def _scale(source: CandidateSource, space: Space) -> tuple[float, float]:
    """Mean and spread for standardising, rounded so that engines which sum differently agree.

    The first rounding settles moments that lie on the border of the second one, as those of few scores often do.
    """
    mean, spread = (round(round(moment, 9), 4) for moment in source.moments(space))
    return mean, spread or 1.0
