"""References of what compares parts: late interaction, and reranking by it."""

from __future__ import annotations

import statistics

from naive_selectors import filled, picks, rices
from naive_world import Chain, Pick, World, by_score, cosine

from shotsmith.domain.scoring import quantise

KINDS = {"image": ("image", "tile"), "text": ("text", "field")}


def max_sim(world: World, id: str, space: str) -> float | None:
    """The mean over the query's parts of the best match among the example's; None where either has none."""
    asked = world.part_rows(None, KINDS[space], space)
    shown = world.part_rows(id, KINDS[space], space)
    if not asked or not shown:
        return None
    return quantise(sum(max(cosine(one, other) for other in shown) for one in asked) / len(asked))


def interaction(world: World, ids: list[str], lean: bool = True) -> dict[str, float]:
    """The scores of those that share a modality with the query, judged among these examples."""
    standard: dict[str, dict[str, float]] = {}
    for space in KINDS:
        found = {id: score for id in ids if (score := max_sim(world, id, space)) is not None}
        if found:
            mean = round(statistics.fmean(found.values()), 9)
            sd = round(statistics.pstdev(found.values()), 9) or 1.0
            standard[space] = {id: (score - mean) / sd for id, score in found.items()}
    best = {space: max(z.values()) for space, z in standard.items()}
    even = not lean or sum(best.values()) == 0
    weights = {space: 1.0 if even else best[space] / sum(best.values()) for space in standard}
    scores = {}
    for id in ids:
        having = [space for space in standard if id in standard[space]]
        total = sum(weights[space] for space in having)
        if having:
            value = sum(weights[space] * standard[space][id] for space in having)
            scores[id] = quantise(value / total) if total else 0.0
    return scores


def late_interaction(lean: bool = True) -> Chain:
    """For a depth that covers the pool."""

    def select(world: World, k: int, seed: int) -> list[Pick]:
        if not set(KINDS) & set(world.modalities):
            return rices()(world, k, seed)
        scores = interaction(world, world.eligible, lean)
        return filled(world, picks(by_score(scores)[:k], scores), k, seed)

    return select


def rerank(inner: Chain | None = None, depth: int = 32) -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        ranking = (inner or rices())(world, max(k, depth), seed)
        scores = interaction(world, [pick.id for pick in ranking[:depth]])
        by_id = {pick.id: pick for pick in ranking}
        return ([by_id.pop(id) for id in by_score(scores)] + list(by_id.values()))[:k]

    return select
