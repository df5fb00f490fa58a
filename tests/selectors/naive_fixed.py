"""References of the choices that no query decides, and of those that combine whole selectors."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
from naive_selectors import picks, random_fixed, rices
from naive_world import Chain, Pick, World, by_score, cosine

from shotsmith.domain.examples import normal_text
from shotsmith.domain.scoring import shuffled


def walked(world: World, order: list[str], k: int, seed: int) -> list[Pick]:
    """The first k eligible ones of an order over the whole pool, and then of a keyed shuffle of it."""
    rest = [id for id in shuffled(world.everyone, seed, "fill|fixed") if id not in order]
    return picks([id for id in [*order, *rest] if id in world.eligible][:k])


def k_centre(space: str = "image") -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        used = world.pool_space(space)
        left = world.holders(used, world.everyone) if used else []
        order: list[str] = []
        while left and used:
            if order:
                closest = {id: max(world.cosine(used, id, other) for other in order) for id in left}
                best = min(left, key=lambda id: (closest[id], id))
            else:
                mean = np.mean([world.row(used, id) for id in left], axis=0)
                best = by_score({id: cosine(world.row(used, id), mean) for id in left})[0]
            order.append(best)
            left.remove(best)
        return walked(world, order, k, seed)

    return select


def votes(world: World, space: str, neighbours: int) -> dict[str, set[str]]:
    """Whom each example with a vector votes for."""
    ids = world.holders(space, world.everyone)
    return {v: set(by_score({u: world.cosine(space, v, u) for u in ids if u != v})[:neighbours]) for v in ids}


def vote_k(neighbours: int = 150, space: str = "image") -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        used = world.pool_space(space)
        voted = votes(world, used, neighbours) if used else {}
        order: list[str] = []
        while len(order) < len(voted):
            left = [id for id in voted if id not in order]
            weight = {v: Fraction(1, 10 ** len(voted[v].intersection(order))) for v in left}
            totals = {u: sum(weight[v] for v in left if u in voted[v]) for u in left}
            order.append(min(left, key=lambda u: (-totals[u], u)))
        return walked(world, order, k, seed)

    return select


def vote_k_openicl(neighbours: int = 3, overlap: float = 1.0, space: str = "image") -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        used = world.pool_space(space)
        voted = votes(world, used, neighbours) if used else {}
        voters = {u: {v for v in voted if u in voted[v]} for u in voted}
        ranking = [u for u in by_score({u: len(voters[u]) for u in voters}) if voters[u]]
        taken = [
            u
            for place, u in enumerate(ranking)
            if not any(
                len(voters[u] & voters[earlier]) >= overlap * len(voters[u]) for earlier in ranking[:place]
            )
        ]
        return walked(world, taken, k, seed)

    return select


def hard(neighbours: int = 15, space: str = "image") -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        used = world.pool_space(space)
        near = votes(world, used, neighbours) if used else {}
        shares = {
            id: Fraction(sum(differ(world, id, other) for other in others), max(len(others), 1))
            for id, others in near.items()
        }
        return walked(world, sorted(shares, key=lambda id: (-shares[id], id)), k, seed)

    return select


def differ(world: World, one: str, other: str) -> bool:
    """Whether two examples say different things: no label in common, or without labels another answer."""
    a, b = world.contents[one], world.contents[other]
    if a.labels or b.labels:
        return not set(a.labels) & set(b.labels)
    return normal_text(a.answer) != normal_text(b.answer)


def mix(parts: list[Chain], shares: list[float] | None = None) -> Chain:
    weights = shares or [1.0] * len(parts)

    def select(world: World, k: int, seed: int) -> list[Pick]:
        rankings = [part(world, k, seed) for part in parts]
        chosen: list[Pick] = []
        taken: Counter[int] = Counter()
        while len(chosen) < k:
            ids = {pick.id for pick in chosen}
            open_ = [n for n, ranking in enumerate(rankings) if any(one.id not in ids for one in ranking)]
            if not open_:
                break
            turn = max(open_, key=lambda n: (weights[n] / (2 * taken[n] + 1), -n))
            chosen.append(next(one for one in rankings[turn] if one.id not in ids))
            taken[turn] += 1
        return chosen

    return select


def hybrid(cached: Chain | None = None, similar: Chain | None = None, prefix: int = 4) -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        fixed = (cached or random_fixed())(world, min(prefix, k), seed)
        rest = world.without(pick.id for pick in fixed)
        return (similar or rices())(rest, k - len(fixed), seed) + fixed

    return select
