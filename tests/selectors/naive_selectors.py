"""References of the selectors that look at each example alone, written from their definitions."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from dataclasses import replace

from naive_world import SPACES, Chain, Pick, World, by_score, cosine

from shotsmith.domain.examples import normal_text
from shotsmith.domain.scoring import quantise, shuffled


def picks(ids: list[str], scores: dict[str, float] | None = None, *spaces: str) -> list[Pick]:
    """Picks in this order, with what is known of each."""
    known = scores or {}
    return [Pick(id, known.get(id), frozenset(spaces if id in known else ())) for id in ids]


def filled(world: World, first: list[Pick], k: int, seed: int) -> list[Pick]:
    """Too few are completed by the rest of the eligible ones in keyed random order."""
    chosen = {pick.id for pick in first}
    rest = [id for id in shuffled(world.eligible, seed, f"fill|{world.query.key}") if id not in chosen]
    return (first + picks(rest))[:k]


def random_per_query() -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        return picks(shuffled(world.eligible, seed, f"random|{world.query.key}")[:k])

    return select


def random_fixed() -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        walk = shuffled(world.everyone, seed, "random|fixed")
        return picks([id for id in walk if id in world.eligible][:k])

    return select


def rices(modality: str = "image") -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        space = world.space_for(modality)
        if space is None:
            return random_fixed()(world, k, seed)
        return nearest(world, space, k, seed)

    return select


def nearest(world: World, space: str, k: int, seed: int, lowest: bool = False) -> list[Pick]:
    scores = world.scores(space)
    order = sorted(scores, key=lambda id: (scores[id] if lowest else -scores[id], id))
    return filled(world, picks(order[:k], scores, space), k, seed)


def dissimilar(modality: str = "image") -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        space = world.space_for(modality)
        if space is None:
            return rices(modality)(world, k, seed)
        return nearest(world, space, k, seed, lowest=True)

    return select


def every_nth(n: int = 16, modality: str = "image") -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        if k == 0:
            return []
        ranking = rices(modality)(world, len(world.eligible), seed)
        steps = ranking[::n][:k]
        between = [pick for pick in ranking[: (k - 1) * n + 1] if pick not in steps]
        return (steps + between)[:k]

    return select


def fused(
    image: float = 1, text: float = 1, joint: float = 0, method: str = "zscore", depth: int = 200
) -> Chain:
    weights = {space: w for space, w in zip(SPACES, (image, text, joint), strict=True) if w > 0}

    def select(world: World, k: int, seed: int) -> list[Pick]:
        usable = [space for space in weights if space in world.modalities]
        if not usable:
            return rices(max(weights, key=weights.__getitem__))(world, k, seed)
        if len(usable) == 1:
            return nearest(world, usable[0], k, seed)
        cosines = {space: world.scores(space) for space in usable}
        orders = {space: by_score(cosines[space]) for space in usable}
        best: list[Pick] = []
        for level in range(10):  # the nearest `depth` of each space, then four times as many, and so on
            ranking = at(world, cosines, orders, depth * 4**level)
            done = {pick.id for pick in best}
            best += [
                pick._replace(score=pick.score if level == 0 else None)
                for pick in ranking
                if pick.id not in done
            ]
            if len(best) >= k:
                break
        return filled(world, best[:k], k, seed)

    def at(
        world: World, cosines: dict[str, dict[str, float]], orders: dict[str, list[str]], reach: int
    ) -> list[Pick]:
        terms: dict[str, dict[str, float]] = {}
        for space in cosines:
            if method == "zscore":
                mean, sd = moments(list(replace(world, label=None).scores(space).values()))
                terms[space] = {id: (s - mean) / sd for id, s in cosines[space].items()}
            else:
                ranks = {id: rank for rank, id in enumerate(orders[space], start=1)}
                terms[space] = {id: 61 / (60 + rank) if rank <= reach else 0 for id, rank in ranks.items()}
        scores = {}
        for id in {id for space in cosines for id in orders[space][:reach]}:
            having = [space for space in cosines if id in cosines[space]]
            total = sum(weights[space] for space in having)
            scores[id] = quantise(sum(weights[space] * terms[space][id] for space in having) / total)
        return [
            Pick(id, scores[id], frozenset(space for space in cosines if id in cosines[space]))
            for id in by_score(scores)
        ]

    return select


def moments(values: list[float]) -> tuple[float, float]:
    """Mean and population standard deviation, 0 read as 1, coarse enough for every order of summing."""
    if not values:
        return 0.0, 1.0
    mean, sd = (round(round(x, 9), 4) for x in (statistics.fmean(values), statistics.pstdev(values)))
    return mean, sd or 1.0


def modality(probe: dict[str, dict[str, float]] | None = None, depth: int = 200) -> Chain:
    weights = {space: one["impact"] for space, one in (probe or {}).items() if one["lower"] > 0}
    if not weights:
        return fused(depth=depth)
    return fused(weights.get("image", 0), weights.get("text", 0), depth=depth)


def mmices(variant: str = "image_then_text", depth: int | None = None) -> Chain:
    first = "text" if variant == "text_then_image" else "image"
    second = {"image_then_text": "text", "text_then_image": "image", "image_then_cross": "joint"}[variant]

    def select(world: World, k: int, seed: int) -> list[Pick]:
        if first not in world.modalities:
            return rices(first)(world, k, seed)
        firsts = world.scores(first)
        usual = max(1024, 8 * k) if variant == "image_then_cross" else 200
        candidates = by_score(firsts)[: max(k, depth or usual)]
        if variant == "image_then_cross":
            seconds = {}
            asked = world.part(None, "text")
            for id in candidates:
                shown = world.part(id, "image")
                if asked is not None and shown is not None:
                    seconds[id] = cosine(asked, shown)
        else:
            seconds = world.scores(second, candidates)
        best = [Pick(id, seconds[id], frozenset({first, second})) for id in by_score(seconds)]
        best += [Pick(id, None, frozenset({first})) for id in candidates if id not in seconds]
        return filled(world, best[:k], k, seed)

    return select


def muier() -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        if "image" not in world.modalities:
            return rices("image")(world, k, seed)
        images, scores = world.scores("image"), {}
        asked = world.part(None, "image")
        for id in world.eligible:
            terms = [images[id]] if id in images else []
            written = world.part(id, "text")
            if asked is not None and written is not None:
                terms.append(cosine(asked, written))
            if terms:
                scores[id] = quantise(sum(terms) / len(terms))
        return filled(world, picks(by_score(scores)[:k], scores, "image"), k, seed)

    return select


def bm25() -> Chain:
    def words(text: str) -> list[str]:
        return re.findall(r"\w+", normal_text(text))

    def select(world: World, k: int, seed: int) -> list[Pick]:
        texts = {id: words(one.text) for id, one in world.contents.items() if id not in world.hidden}
        documents = {id: found for id, found in texts.items() if found}
        scores = {}
        for id in world.eligible:
            score = 0.0
            for word in words(world.query.text) if id in documents else []:
                n = sum(word in found for found in documents.values())
                average = statistics.fmean(len(found) for found in documents.values())
                tf = Counter(documents[id])[word]
                idf = math.log(1 + (len(documents) - n + 0.5) / (n + 0.5))
                score += idf * tf * 2.5 / (tf + 1.5 * (0.25 + 0.75 * len(documents[id]) / average))
            if quantise(score) > 0:
                scores[id] = quantise(score)
        if not scores:
            return rices("text")(world, k, seed)
        return filled(world, picks(by_score(scores)[:k], scores), k, seed)

    return select


def label_space(per_label: int = 2, modality: str = "image") -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        space = world.space_for(modality)
        if space is None:
            return rices(modality)(world, k, seed)
        scores = world.scores(space)
        labels = {label for id in world.eligible for label in world.contents[id].labels}
        near = {
            label: [id for id in by_score(scores) if label in world.contents[id].labels] for label in labels
        }
        order = sorted(
            labels, key=lambda label: (-scores[near[label][0]] if near[label] else math.inf, label)
        )
        place: dict[str, tuple[int, int]] = {}  # how many its label gave before it, place of the label
        given: Counter[str] = Counter()
        grown = True
        while grown:
            grown = False
            for label in order:
                fresh = [id for id in near[label] if id not in place][: min(per_label, k - len(place))]
                for id in fresh:
                    place[id] = (given[label], order.index(label))
                    given[label] += 1
                    grown = True
        chosen = sorted(place, key=place.__getitem__)
        return filled(world, picks(chosen, scores, space), k, seed)

    return select
