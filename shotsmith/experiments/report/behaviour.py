"""What a model makes of where demonstrations stand, of their labels, and of their vote."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..arms import Arm, family
from ..metrics import (
    Estimate,
    VoteAgreement,
    copy_rate,
    gold_last_gain,
    label_bias,
    order_flips,
    recency_lift,
    vote_agreement,
)
from ..outcomes import Outcome
from ..perturbations import Place, read_perturbations
from ..words import named_arm, title
from .account import Account


class Depth(NamedTuple):
    """The score with one demonstration at a depth, from 0 for first to 1 for next to the query."""

    curve: str
    depth: float
    score: Estimate


@dataclass(frozen=True, slots=True)
class Habits:
    """What an arm's answers give away; None where it cannot be known.

    Attributes:
        arm: Whose.
        name: For people.
        recency: How much likelier it answers as the last demonstration says than as another one.
        gold_last: Score where the last one is right, less where another one is.
        copies: Share of answers that some demonstration has, to the letter.
        bias: Divergence of the answered from the right labels, in nats.
        vote: Beside the vote of the same demonstrations.
    """

    arm: Arm
    name: str
    recency: float | None
    gold_last: float | None
    copies: float | None
    bias: float | None
    vote: VoteAgreement | None


class Reordered(NamedTuple):
    """The same demonstrations in several orders.

    Attributes:
        name: The arm, for people.
        orders: How many.
        items: Share of the items that are not always answered alike.
        pairs: Share of the pairs of orders that give an item different answers.
    """

    name: str
    orders: int
    items: float
    pairs: float


@dataclass(frozen=True, slots=True)
class Behaviour:
    """All of it."""

    depths: tuple[Depth, ...]
    habits: tuple[Habits, ...]
    reordered: tuple[Reordered, ...]


def behaviour(account: Account) -> Behaviour | None:
    """Of the arms that show demonstrations to a model; None where there are none."""
    shows = [arm for arm in account.asked if arm.asks and arm.k and arm.recipe is not None]
    if not shows:
        return None
    votes = _votes(account)
    plain = [arm for arm in shows if not arm.changes]
    habits = tuple(_habits(account, arm, votes) for arm in plain)
    return Behaviour(tuple(_depths(account, shows)), habits, tuple(_reordered(account, shows)))


def _depths(account: Account, arms: list[Arm]) -> list[Depth]:
    curves: dict[tuple[str, str], list[tuple[_Placed, Arm]]] = defaultdict(list)
    for arm in arms:
        if (placed := _placed(arm)) is not None:
            curves[placed.base.key, placed.which].append((placed, arm))
    found = []
    for places in curves.values():
        if len(places) < 2:
            continue
        name = _curve_name(account, places[0][0])
        for placed, arm in sorted(places, key=lambda pair: pair[0].depth):
            if (score := account.scored.mean(arm)) is not None:
                found.append(Depth(name, placed.depth, score))
    return found


class _Placed(NamedTuple):
    """An arm that moves one demonstration: the arm without the move, which one, and where to."""

    base: Arm
    which: str
    depth: float


def _placed(arm: Arm) -> _Placed | None:
    changes = read_perturbations(arm.changes) if arm.changes else ()
    if not changes or not isinstance(changes[-1], Place):
        return None
    place = changes[-1]
    which = f"the one of rank {place.rank}" if place.rank > 1 else "the nearest one"
    base = replace(arm, changes="|".join(one.text for one in changes[:-1]))
    return _Placed(base, which if place.id is None else place.id, place.at)


def _curve_name(account: Account, placed: _Placed) -> str:
    base = placed.base
    chosen = title(family(base.recipe.selector)) if base.recipe else base.family
    changed = f", {base.changes}" if base.changes else ""
    model = f", {account.model_of(base)}" if len(account.models) > 1 else ""
    return f"{chosen} at k={base.k}{changed}: {placed.which}{model}"


def _votes(account: Account) -> dict[tuple[str, frozenset[str]], Outcome]:
    """What sets of demonstrations vote for, as the arms without a model found it."""
    return {
        (one.item, frozenset(one.demonstrations)): one
        for arm in account.asked
        if arm.kind == "vote"
        for of_seed in account.scored.outcomes(arm)
        for one in of_seed
    }


def _habits(account: Account, arm: Arm, votes: dict[tuple[str, frozenset[str]], Outcome]) -> Habits:
    outcomes = [one for of_seed in account.scored.outcomes(arm) for one in of_seed]
    truths = [account.findings.truths[one.item][0] for one in outcomes]
    # A right answer counts as the right text, however it was written.
    answers = [_same(one, truth) for one, truth in zip(outcomes, truths, strict=True)]
    shown = [one.labels for one in outcomes]
    scores = [float(one.correct) for one in outcomes]
    closed = account.findings.task.kind in ("label", "yes or no")
    ballots = [votes.get((one.item, frozenset(one.demonstrations))) for one in outcomes]
    told = [_same(one, truth) for one, truth in zip(ballots, truths, strict=True) if one is not None]
    return Habits(
        arm,
        named_arm(arm, begins=True),
        recency_lift(answers, shown) if any(len(one) > 1 for one in shown) else None,
        gold_last_gain(scores, truths, shown),
        copy_rate(answers, shown) if any(shown) else None,
        label_bias(answers, truths, account.findings.task.labels).kl if closed else None,
        vote_agreement(answers, told, truths) if len(told) == len(answers) else None,
    )


def _same(outcome: Outcome, truth: str) -> str | None:
    return truth if outcome.correct else outcome.answer


def _reordered(account: Account, arms: list[Arm]) -> list[Reordered]:
    """Groups of arms, or seeds of one, that show each item the same demonstrations in other orders."""
    groups: dict[str, list[Arm]] = defaultdict(list)
    for arm in arms:
        if arm.recipe is None or arm.batch > 1:
            continue
        placed = _placed(arm)
        base = placed.base if placed else arm
        unordered = base.recipe.model_copy(update={"order": "similar_last"}) if base.recipe else None
        groups[replace(base, recipe=unordered).key].append(arm)
    found = []
    for same in groups.values():
        columns = [of_seed for arm in same for of_seed in account.scored.outcomes(arm)]
        if len(columns) < 2 or len({len(one) for one in columns}) > 1 or not columns[0]:
            continue
        rows = list(zip(*columns, strict=True))
        if any(len({tuple(sorted(one.demonstrations)) for one in row}) > 1 for row in rows):
            continue  # other seeds drew other demonstrations
        orders = max(len({one.demonstrations for one in row}) for row in rows)
        if orders < 2:
            continue
        flips = order_flips([[one.answer for one in row] for row in rows])
        found.append(Reordered(named_arm(same[0], begins=True), len(columns), flips.items, flips.pairs))
    return found
