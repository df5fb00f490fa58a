"""The first stage: a few items decide which arms are worth asking about many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...domain.recipes import Modality
from ..arms import Arm
from ..statistics import contrast
from .asked import Asked
from .menu import Menu
from .rules import Margins

_FIRST = 0.4  # of the items of this stage, on which the coarse grid is asked
_KEPT = 2  # of each kind, which go on; the best of the nearest with its neighbours in the grid


@dataclass(frozen=True)
class Explored:
    """The best of each kind, as far as few items tell.

    Attributes:
        near: Of the nearest few, the fewest that are not behind by the margin.
        wide: Of those that are the same for every query.
        vote: Of the votes that are not told apart from the best, the one most like the best arm that asks.
        modality: That `near` retrieves by.
        means: Score of each arm that was asked about all of the items, by key.
    """

    near: Arm
    wide: Arm
    vote: Arm
    modality: Modality
    means: dict[str, float]


def explore(asked: Asked, menu: Menu, items: Sequence[str], margins: Margins, seed: int) -> Explored:
    """Votes first, which are free and say which modality to retrieve by; then a coarse grid of shots, then a finer one.

    Raises:
        Enough: The budget does not suffice.
    """
    first = items[: max(1, round(_FIRST * len(items)))]
    asked.ask([menu.zero, menu.majority], items)
    modality, *rivals = _modalities(asked, menu, items, seed)
    coarse = menu.shots[::2]
    if rivals:
        modality = _best(asked, menu, [modality, *rivals], coarse[len(coarse) // 2], items)
    near = [menu.near(modality, k) for k in coarse]
    fixed = [menu.fixed(k) for k in coarse[-2:]] + [menu.wide]
    asked.ask([*near, *fixed], first)
    means = asked.means([*near, *fixed], first)
    kept = [arm.k for arm in sorted(near, key=lambda arm: (-means[arm.key], arm.k))[:_KEPT]]
    finer = [menu.near(modality, k) for k in sorted({*kept, *_beside(menu.shots, kept[0])})]
    wide = sorted(fixed, key=lambda arm: (-means[arm.key], -arm.k))[:_KEPT]
    arms = list({arm.key: arm for arm in [menu.zero, menu.majority, *finer, *wide]}.values())
    asked.ask(arms, items)

    votes = [vote for one in menu.modalities for vote in menu.votes(one)]
    means = asked.means([*arms, *votes], items)
    top = max(means[arm.key] for arm in finer)
    chosen = min((arm for arm in finer if means[arm.key] >= top - margins.delta), key=lambda arm: arm.k)
    widest = max(wide, key=lambda arm: (means[arm.key], arm.k))
    rival = max([menu.zero, chosen, widest], key=lambda arm: means[arm.key])
    alike = menu.vote(modality, chosen.k)
    asked.ask([alike], items)
    return Explored(
        near=chosen,
        wide=widest,
        vote=_likest(asked, rival, [alike, *votes], items, seed),
        modality=modality,
        means=means,
    )


def _likest(asked: Asked, rival: Arm, votes: Sequence[Arm], items: Sequence[str], seed: int) -> Arm:
    """Of votes that are not told apart from the best, the one that fails where its rival fails.

    Fewer items decide between those two; which vote is the best is told by all items once votes are advised.
    """
    found = asked.scores([rival, *votes], items, fewest=1)
    if found is None:
        return votes[0]
    model, *rest = (one.mean(axis=1) for one in found)
    scores = {arm.key: one for arm, one in zip(votes, rest, strict=True)}
    best = max(votes, key=lambda arm: (float(scores[arm.key].mean()), -arm.k))

    def close(arm: Arm) -> bool:
        scope = f"votes|{arm.name}"
        return contrast(scores[best.key], scores[arm.key], seed=seed, scope=scope).interval().low <= 0

    return min(
        (arm for arm in votes if arm.key == best.key or close(arm)),
        key=lambda arm: (
            round(float((scores[arm.key] - model).std()), 9),
            -float(scores[arm.key].mean()),
            arm.k,
        ),
    )


def _modalities(asked: Asked, menu: Menu, items: Sequence[str], seed: int) -> list[Modality]:
    """Those that may be the best, most promising first, by votes that cost no call.

    A vote is as good as what it knows where the model alone is wrong: what the model knows anyway, such as a label that
    the text names, demonstrations need not tell it.
    """
    votes = {modality: menu.votes(modality) for modality in menu.modalities}
    every = [arm for arms in votes.values() for arm in arms]
    asked.ask(every, items)
    found = asked.scores([menu.zero, *every], items, fewest=1)
    if found is None:
        return list(menu.modalities)
    zero, *rest = (one.mean(axis=1) for one in found)
    either = {arm.key: np.maximum(zero, one) for arm, one in zip(every, rest, strict=True)}
    best = {
        modality: max((either[arm.key] for arm in arms), key=lambda one: float(one.mean()))
        for modality, arms in votes.items()
    }
    ranked = sorted(best, key=lambda one: (-float(best[one].mean()), menu.modalities.index(one)))
    first = ranked[0]
    return [
        one
        for one in ranked
        if one == first
        or contrast(best[first], best[one], seed=seed, scope=f"modality|{one}").interval().low <= 0
    ]


def _best(asked: Asked, menu: Menu, modalities: Sequence[Modality], k: int, items: Sequence[str]) -> Modality:
    """Of those that votes do not tell apart, the one with which the model does best; of equal ones the first."""
    arms = {modality: menu.near(modality, k) for modality in modalities}
    asked.ask(list(arms.values()), items)
    means = asked.means(list(arms.values()), items)
    return max(arms, key=lambda one: means[arms[one].key])


def _beside(shots: Sequence[int], k: int) -> Sequence[int]:
    """A number of shots and its neighbours in the grid."""
    place = shots.index(k)
    return shots[max(0, place - 1) : place + 2]
