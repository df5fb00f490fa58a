"""Modality-driven selection: rank by the modalities that were measured to matter."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from ..domain.examples import Query
from ..domain.recipes import Frozen
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource
from .base import Card, SelectorBase
from .fused import DEPTH, EQUAL, Fused, Weights
from .ranking import flagged

Finite = Annotated[float, Field(allow_inf_nan=False)]


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
    """Nearest examples by the modality that was measured to matter, or by both when both do.

    Perturb each modality of the demonstrations, see which one hurts, and retrieve by that one. Only images matter: by
    image; only texts: by text; both: `fused`, weighted by their impacts; neither, or no probe: equal weights, flagged.
    The paper says which modality; weights in proportion to the impacts are ours.
    """

    card = Card(
        paper='Xu et al., "From Introspection to Best Practices", '
        "[arXiv 2407.00902](https://arxiv.org/abs/2407.00902)",
        cost="as `fused`; the probe costs model calls once",
        use="you measured which modality your model uses",
        avoid="nothing was measured: it is `fused` then, and says so",
    )
    draws = False
    nested = "prefix"

    probe: Probe | None = Field(
        None,
        description="Measured impact of each modality with its lower confidence bound; a modality matters when the "
        "bound is above 0.",
    )
    depth: int = Field(DEPTH, ge=1, description="As in `fused`.")

    @property
    def mixture(self) -> tuple[Weights, str | None]:
        """The weights in force, and a flag where they were not measured."""
        if self.probe is None:
            return EQUAL, "modality impact not measured: equal weights for image and text"
        image, text = self.probe.image, self.probe.text
        if not (image.matters or text.matters):
            return EQUAL, "neither modality was measured to matter: equal weights for image and text"
        return Weights(
            image=image.impact if image.matters else 0.0, text=text.impact if text.matters else 0.0
        ), None

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """As `fused` with the weights that the probe gives."""
        weights, note = self.mixture
        chosen = Fused(weights=weights, depth=self.depth).select(query, source, k, seed)
        return flagged(chosen, *([note] if note else []))
