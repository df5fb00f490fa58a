"""References of the stages: each takes the reference of the chain before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

from naive_selectors import picks, rices
from naive_world import Chain, Pick, World, by_score

from shotsmith.domain.filters import fact
from shotsmith.domain.scoring import quantise, shuffled


class Contest:
    """Who competes in a stage that diversifies: the first `depth` of the chain before, by the vectors of one space."""

    def __init__(self, inner: Chain, world: World, k: int, seed: int, depth: int, space: str | None) -> None:
        self.ranking = inner(world, max(k, depth), seed)
        used = {name for pick in self.ranking for name in pick.spaces}
        usable = world.modalities
        own = used.pop() if len(used) == 1 else next(iter(usable), None)
        self.space = space if space in usable else own
        self.near: dict[str, float] = {}
        if self.space in usable:
            self.near = world.scores(self.space, [pick.id for pick in self.ranking[:depth]])

    def result(self, chosen: list[str], k: int) -> list[Pick]:
        """The winners, then everyone else as the chain before ranked them."""
        by_id = {pick.id: pick for pick in self.ranking}
        return ([by_id.pop(id) for id in chosen] + list(by_id.values()))[:k]


def mmr(
    inner: Chain | None = None, lambda_mult: float = 0.5, depth: int = 200, space: str | None = None
) -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        contest = Contest(inner or rices(), world, k, seed, depth, space)
        left, chosen = dict(contest.near), list[str]()
        while left and len(chosen) < k:
            values = {
                id: quantise(
                    lambda_mult * near
                    - (1 - lambda_mult) * max(world.cosine(contest.space, id, one) for one in chosen)
                )
                if chosen
                else near
                for id, near in left.items()
            }
            chosen.append(by_score(values)[0])
            del left[chosen[-1]]
        return contest.result(chosen, k)

    return select


def dpp(inner: Chain | None = None, scale: float = 0.1, depth: int = 100, space: str | None = None) -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        contest = Contest(inner or rices(), world, k, seed, depth, space)
        near, ids = contest.near, list(contest.near)
        chosen: list[str] = []
        with localcontext() as context:
            context.prec = 60
            best = max(map(exactly, near.values()), default=Decimal(-1))
            r = {id: ((exactly(near[id]) - best) / (4 * Decimal(str(scale)))).exp() for id in ids}
            kernel = {
                (i, j): r[i] * (exactly(world.cosine(contest.space, i, j)) + 1) / 2 * r[j]
                for i in ids
                for j in ids
            }
            while len(chosen) < k:
                # What is left of the diagonal after conditioning on the chosen is the ratio of determinants.
                gains = {id: kernel[id, id] for id in ids if id not in chosen}
                gains = {id: gain for id, gain in gains.items() if gain > Decimal("1e-10")}
                if not gains:
                    break
                logs = {id: round(round(float(gain.ln()), 9), 6) for id, gain in gains.items()}
                p = by_score(logs)[0]
                chosen.append(p)
                kernel = {
                    (i, j): kernel[i, j] - kernel[i, p] * kernel[p, j] / kernel[p, p] for i, j in kernel
                }
        chosen += [id for id in by_score(near) if id not in chosen][: k - len(chosen)]
        return contest.result(by_score({id: near[id] for id in chosen}), k)

    return select


def exactly(cosine: float) -> Decimal:
    return Decimal(str(cosine))


def set_coverage(inner: Chain | None = None, depth: int = 200, space: str | None = None) -> Chain:
    def select(world: World, k: int, seed: int) -> list[Pick]:
        contest = Contest(inner or rices(), world, k, seed, depth, space)
        rows = {id: world.row(contest.space, None) * world.row(contest.space, id) for id in contest.near}
        chosen: list[str] = []
        covering: list[str] = []  # those whose maximum counts: all chosen since it was last forgotten

        def covered(ids: list[str]) -> float:
            return sum(max(terms) for terms in zip(*(rows[id] for id in ids), strict=True))

        while len(chosen) < min(k, len(rows)):
            left = [id for id in rows if id not in chosen]
            now = covered(covering) if covering else 0.0
            gains = {id: round(round(covered([*covering, id]) - now, 9), 6) for id in left}
            if covering and max(gains.values()) <= 0:
                covering = []
                continue
            chosen.append(by_score(gains)[0])
            covering.append(chosen[-1])
        return contest.result(chosen, k)

    return select


def cycle(world: World, seed: int, stage: str, fixed: bool) -> list[str]:
    """The labels of the eligible examples in the keyed order that breaks ties."""
    labels = {label for id in world.eligible for label in world.contents[id].labels}
    return shuffled(sorted(labels), seed, f"{stage}|{'fixed' if fixed else world.query.key}")


def balanced(inner: Chain | None = None, fixed: bool = False) -> Chain:
    chain = inner or rices()

    def select(world: World, k: int, seed: int) -> list[Pick]:
        order = cycle(world, seed, "balanced", fixed)
        shown: Counter[str] = Counter()
        chosen: list[str] = []
        while len(chosen) < k:
            left = {
                label: [id for id in replace(world, label=label).eligible if id not in chosen]
                for label in order
            }
            wanting = [label for label in order if left[label]]
            if not wanting:
                break
            label = min(wanting, key=lambda one: (shown[one], order.index(one)))
            part = replace(world, label=label)
            ranking = chain(part, len(part.eligible), seed)
            best = next(pick.id for pick in ranking if pick.id not in chosen)
            chosen.append(best)
            shown.update(world.contents[best].labels)
        rest = chain(world.without(chosen), k - len(chosen), seed)
        return picks(chosen) + rest

    return select


def balanced_by_quota(inner: Chain, fixed: bool = False) -> Chain:
    """The same for pools with at most one label each, where a label's share alone says how many the chain gives.

    Chains whose choice of k does not begin their choice of k + 1 have no "next best", but they have a best so many.
    """

    def select(world: World, k: int, seed: int) -> list[Pick]:
        order = cycle(world, seed, "balanced", fixed)
        left = {label: len(replace(world, label=label).eligible) for label in order}
        quota = Counter[str]()
        while quota.total() < k and any(left.values()):
            label = min((one for one in order if left[one]), key=lambda one: (quota[one], order.index(one)))
            quota[label] += 1
            left[label] -= 1
        return shared_out(inner, world, k, seed, quota)

    return select


def shared_out(inner: Chain, world: World, k: int, seed: int, quota: Mapping[str, int]) -> list[Pick]:
    """The best of each label, and then of those without any."""
    chosen = [pick for label in quota for pick in inner(replace(world, label=label), quota[label], seed)]
    return chosen + inner(world.without(pick.id for pick in chosen), k - len(chosen), seed)


def stratified(inner: Chain | None = None, fixed: bool = False) -> Chain:
    """For pools in which each example has one label or none."""
    chain = inner or rices()

    def select(world: World, k: int, seed: int) -> list[Pick]:
        order = cycle(world, seed, "stratified", fixed)
        counts = {label: len(replace(world, label=label).eligible) for label in order}
        total = sum(counts.values())
        wanted = min(k, total)
        exact = {label: Fraction(wanted * counts[label], total) for label in order}
        quota = {label: int(exact[label]) for label in order}
        by_remainder = sorted(order, key=lambda label: (quota[label] - exact[label], order.index(label)))
        for label in by_remainder[: wanted - sum(quota.values())]:
            quota[label] += 1
        return shared_out(chain, world, k, seed, quota)

    return select


def matched(by: list[str], inner: Chain | None = None) -> Chain:
    chain = inner or rices()

    def select(world: World, k: int, seed: int) -> list[Pick]:
        asked = {"group": world.query.group, **world.query.metadata}
        names = [name for name in by if asked.get(name) is not None]
        chosen: list[Pick] = []
        for length in range(len(names), -1, -1):
            tier = [
                id
                for id, one in world.contents.items()
                if all(
                    fact(name, {"group": one.group, **one.metadata}.get(name)) == fact(name, asked[name])
                    for name in names[:length]
                )
            ]
            part = world.without(pick.id for pick in chosen).only(tier)
            chosen += chain(part, k - len(chosen), seed)
        return chosen

    return select


def adaptive(
    inner: Chain | None = None,
    by: str = "gap",
    k_min: int = 1,
    k_max: int | None = None,
    threshold: float = 0.8,
) -> Chain:
    """For rankings in which every example has a score."""
    chain = inner or rices()

    def select(world: World, k: int, seed: int) -> list[Pick]:
        most = k if k_max is None else min(k, k_max)
        if by == "ratio":
            ranking = chain(world, most, seed)
            keep = min(k_min, len(ranking))
            while keep < len(ranking) and ranking[keep].score >= quantise(threshold * ranking[0].score):
                keep += 1
            return ranking[:keep]
        further = chain(world, most + 1, seed) if most else []
        ranking = further[:most]
        cuts = range(k_min, len(further))
        if len(ranking) <= k_min or not cuts:
            return ranking
        drops = {cut: quantise(further[cut - 1].score - further[cut].score) for cut in cuts}
        return (
            ranking[: max(cuts, key=lambda cut: (drops[cut], -cut))] if max(drops.values()) > 0 else ranking
        )

    return select
