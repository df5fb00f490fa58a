"""Steps that selectors share: which space to rank in, candidates by nearness, and filling up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..domain.examples import Query
from ..domain.protocols import CandidateSource
from ..domain.recipes import Modality
from ..domain.scoring import shuffled
from ..domain.selections import Candidate

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
    """What completes `chosen` to k: examples without the modality, in keyed random order and flagged."""
    missing = k - len(chosen)
    if missing <= 0:
        return []
    taken = {candidate.id for candidate in chosen}
    rest = shuffled((id for id in source.ids() if id not in taken), seed, f"fill|{query.key}")
    return [
        Candidate(
            id=id,
            reason=f"random fill: it has no {lacking} to compare",
            label=source.label_of(id),
            flags=(f"has no {lacking}: placed at random after the examples that have one",),
        )
        for id in rest[:missing]
    ]


def flagged(candidates: Iterable[Candidate], *flags: str) -> list[Candidate]:
    """The same candidates with more flags, the new ones first."""
    return [replace(candidate, flags=(*flags, *candidate.flags)) for candidate in candidates]
