"""RICES: retrieval-based in-context example selection, the nearest examples of one space, and what is made of it."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from ..domain.examples import Query
from ..domain.recipes import Modality
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource
from .base import Card, SelectorBase
from .random import RandomFixed
from .ranking import by_nearness, fill, flagged, ordinal, space_for


class Rices(SelectorBase):
    """The k nearest examples by image, by text or in the joint space.

    Top-k by cosine. The text is the input text only, never the answer. Near-duplicates among the demonstrations invite
    a model to copy the nearest label, so compare its answers with those of `offline/knn-vote` (Baldassini et al., arXiv
    2404.15736).
    """

    card = Card(
        paper="Alayrac et al., Flamingo, [arXiv 2204.14198](https://arxiv.org/abs/2204.14198), after Yang et al., "
        "[arXiv 2109.05014](https://arxiv.org/abs/2109.05014)",
        cost="one search",
        use="answers depend on what looks or reads alike: fine-grained classes, repeated questions",
        avoid="the encoder does not see what matters, or the model copies its nearest demonstration",
    )
    draws = False
    nested = "prefix"

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
                RandomFixed().select(query, source, k, seed),
                "cannot compare by image, text or joint: drawn at random instead",
            )
        nearest = by_nearness(source, space, k)
        chosen = [*nearest, *fill(query, source, nearest, k, seed, f"no {space} to compare")]
        if space == self.modality:
            return chosen
        return flagged(chosen, f"cannot compare by {self.modality}: ranked by {space} instead")


class EveryNth(SelectorBase):
    """Every n-th of the nearest examples: similar ones with less alike among them.

    Ranks 1, n + 1, 2n + 1 ... of RICES; when the pool ends before k are found, the skipped ones follow by rank.
    """

    card = Card(
        paper="Chen et al., MMICES code, [arXiv 2311.18021](https://arxiv.org/abs/2311.18021)",
        cost="one search for n times as many",
        use="the nearest examples are near-copies of each other",
        avoid="few good examples exist: most of them are skipped",
    )
    draws = False
    nested = "prefix"

    modality: Modality = Field("image", description="Space to compare in; falls back as in `rices`.")
    n: int = Field(16, ge=1, description="Distance between two chosen ranks.")

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Ranks 1, n + 1, 2n + 1, ... and then those in between."""
        rices = Rices(modality=self.modality)
        ranked = rices.select(query, source, (k - 1) * self.n + 1 if k else 0, seed)
        chosen = ranked[:: self.n][:k]
        if len(chosen) < k:
            taken = {candidate.id for candidate in chosen}
            between = [replace(one, score=None) for one in ranked if one.id not in taken]
            chosen += flagged(
                between[: k - len(chosen)], f"the pool ends before every {ordinal(self.n)} example gives k"
            )
        return chosen


class Dissimilar(SelectorBase):
    """The k farthest examples: a control that shows what similarity is worth."""

    card = Card(
        paper="the least similar ones of ManyICLBench, [arXiv 2411.07130](https://arxiv.org/abs/2411.07130)",
        cost="one search",
        use="as a control beside `rices`",
        avoid="you want good answers",
    )
    draws = False
    nested = "prefix"

    modality: Modality = Field("image", description="Space to compare in; falls back as in `rices`.")

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """The lowest cosines first; examples without the modality come last, in keyed random order."""
        space = space_for(self.modality, source)
        vector = source.vector(space) if space else None
        if space is None or vector is None:
            return Rices(modality=self.modality).select(query, source, k, seed)
        farthest = [
            Candidate(
                id=hit.id,
                reason=f"{ordinal(rank)} farthest by {space}, cosine {0.0 - hit.score:.4f}",
                score=hit.score,
                scores={space: 0.0 - hit.score},
                label=source.label_of(hit.id),
            )
            for rank, hit in enumerate(source.nearest(space, k, -vector), start=1)
        ]
        chosen = [*farthest, *fill(query, source, farthest, k, seed, f"no {space} to compare")]
        if space == self.modality:
            return chosen
        return flagged(chosen, f"cannot compare by {self.modality}: ranked by {space} instead")
