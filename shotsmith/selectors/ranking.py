"""Steps that selectors share: which space to rank in, candidates by nearness, and filling up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

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


FILLED = "filled up at random: some examples have {}"


class Ranking(NamedTuple):
    """Who competes.

    Attributes:
        pairs: (id, score) in rank order.
        tell: The candidate of a rank, an id and a score.
        complete: Whether a deeper search would add nobody.
    """

    pairs: Sequence[tuple[str, float]]
    tell: Callable[[int, str, float], Candidate]
    complete: bool


_DEEPER = 4


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


def labels_of(source: CandidateSource, ids: Sequence[str]) -> dict[str, str | None]:
    """Balancing labels of eligible examples, read in one go."""
    known = source.examples(ids)
    return {id: known[id].label if id in known else None for id in ids}


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


def in_levels(look: Callable[[int], Ranking], depth: int, k: int) -> list[Candidate]:
    """The best of those that compete, and where these are fewer than k, then the best of those that deeper searches
    add.

    So `depth` is the same for every k, and the choice of k begins the choice of k + 1. What deeper searches add has no
    score, as it was not measured against the same competitors.

    Args:
        look: Ranks all that compete when so many nearest examples are taken.
        depth: To begin with; four times as many at each further level.
        k: How many are wanted; fewer come back when all competed.
    """
    competing = look(depth)
    chosen = [
        competing.tell(rank, id, score) for rank, (id, score) in enumerate(competing.pairs[:k], start=1)
    ]
    while len(chosen) < k and not competing.complete:
        depth *= _DEEPER
        competing = look(depth)
        taken = {one.id for one in chosen}
        added = [pair for pair in competing.pairs if pair[0] not in taken][: k - len(chosen)]
        chosen += [
            replace(competing.tell(rank, id, score), score=None)
            for rank, (id, score) in enumerate(added, start=len(chosen) + 1)
        ]
    return chosen


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
    ids = [id for id in drawn if id not in taken][:missing]
    return [
        Candidate(
            id=id,
            reason=f"random fill: it has {lacking}",
            label=label,
            flags=(FILLED.format(lacking),),
            stage="fill",
        )
        for id, label in labels_of(source, ids).items()
    ]


def flagged(candidates: Iterable[Candidate], *flags: str) -> list[Candidate]:
    """The same candidates with more flags, the new ones first."""
    return [replace(candidate, flags=(*flags, *candidate.flags)) for candidate in candidates]
