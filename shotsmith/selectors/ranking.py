"""Steps that selectors share: which space to rank in, candidates by nearness, and filling up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..domain.examples import Query
from ..domain.recipes import MODALITIES, Modality
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource

# Where to turn when a query lacks the wanted modality: the other one, and the weak common space last.
PREFERENCE: Mapping[Modality, tuple[Modality, ...]] = {
    "image": ("image", "text", "joint"),
    "text": ("text", "image", "joint"),
    "joint": ("joint", "image", "text"),
}


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, ... 11th, ... 21st."""
    teens = 11 <= number % 100 <= 13
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def space_for(wanted: Modality, source: CandidateSource) -> Modality | None:
    """The wanted space, or the first one that can stand in for it, or None."""
    return next((space for space in PREFERENCE[wanted] if space in source.modalities), None)


def space_of(candidates: Sequence[Candidate], source: CandidateSource) -> Modality | None:
    """The space in which candidates were ranked where that was a single one, else the first that can be compared in."""
    ranked = {space for candidate in candidates for space in candidate.scores}
    known = [space for space in MODALITIES if space in source.modalities]
    return next((space for space in known if {space} == ranked), known[0] if known else None)


def by_nearness(source: CandidateSource, space: Modality, k: int) -> list[Candidate]:
    """The k nearest examples of one space."""
    return [
        Candidate(
            id=hit.id,
            reason=f"{ordinal(rank)} nearest by {space}, cosine {hit.score:.4f}",
            score=hit.score,
            scores={space: hit.score},
            label=source.label_of(hit.id),
        )
        for rank, hit in enumerate(source.nearest(space, k), start=1)
    ]


def fill(
    query: Query, source: CandidateSource, chosen: Sequence[Candidate], k: int, seed: int, lacking: str
) -> list[Candidate]:
    """What completes `chosen` to k: further examples in keyed random order, flagged.

    Args:
        query: Seeds the order.
        source: Where from.
        chosen: What is there already.
        k: How many there should be.
        seed: Seeds the order.
        lacking: Why they were not chosen, after "it has", e.g. "no image to compare".
    """
    missing = k - len(chosen)
    if missing <= 0:
        return []
    taken = {candidate.id for candidate in chosen}
    drawn = source.draw(missing + len(taken), seed, f"fill|{query.key}")
    return [
        Candidate(
            id=id,
            reason=f"random fill: it has {lacking}",
            label=source.label_of(id),
            flags=(f"filled up at random: some examples have {lacking}",),
            stage="fill",
        )
        for id in [id for id in drawn if id not in taken][:missing]
    ]


def flagged(candidates: Iterable[Candidate], *flags: str) -> list[Candidate]:
    """The same candidates with more flags, the new ones first."""
    return [replace(candidate, flags=(*flags, *candidate.flags)) for candidate in candidates]
