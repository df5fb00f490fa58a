"""RICES: retrieval-based in-context example selection, the nearest examples of one space."""

from __future__ import annotations

from pydantic import Field

from ..domain.examples import Query
from ..domain.protocols import CandidateSource
from ..domain.recipes import Modality
from ..domain.selections import Candidate
from .base import SelectorBase
from .random import Random
from .ranking import by_nearness, fill, flagged, space_for


class Rices(SelectorBase):
    """The k nearest examples by image, by text or in the joint space.

    Alayrac et al., Flamingo (arXiv 2204.14198), after Yang et al. (arXiv 2109.05014): top-k by cosine. The text is the
    input text only, never the answer.
    """

    modality: Modality = Field(
        "image",
        description="Space to compare in. A query without it falls back: image to text to joint, text to image to "
        "joint, joint to image to text.",
    )

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Top-k by cosine; examples without the modality come after all others, in keyed random order.

        A query that cannot be compared at all gets the fixed random draw, flagged.
        """
        space = space_for(self.modality, source)
        if space is None:
            return flagged(
                Random(scope="fixed").select(query, source, k, seed),
                "cannot compare by image, text or joint: drawn at random instead",
            )
        nearest = by_nearness(source, space, k)
        chosen = [*nearest, *fill(query, source, nearest, k, seed, space)]
        if space == self.modality:
            return chosen
        return flagged(chosen, f"cannot compare by {self.modality}: ranked by {space} instead")
