"""`best_arm`: which of several arms is best, for a part of what asking all of them about everything would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from ...domain.errors import InvalidInput, InvalidParameter
from ..metrics.estimates import Estimate
from ..statistics import contrast, mean
from . import halving as by_halving
from . import ucb as by_ucb
from .findings import ArmSeen, Best, Confirmation
from .grid import Evaluate, Grid
from .split import CONFIRM, split_items
from .ucb import Chosen, Earlier

Method = Literal["ucb", "halving"]
METHODS: tuple[Method, ...] = get_args(Method)
BLOCK = 6


def best_arm(
    arms: Sequence[str],
    evaluate: Evaluate,
    items: Sequence[str],
    *,
    budget_calls: int,
    seed: int = 0,
    method: Method = "ucb",
    own: int = 0,
    earlier: Mapping[int, Earlier] | None = None,
    confirm: float = CONFIRM,
    block: int = BLOCK,
) -> Best:
    """Search the best arm on one part of the items, and tell on the other part how good it is.

    No arm is asked about an item twice, and no more is asked than the budget allows, the confirmation included. Equal
    arguments and equal scores give equal results; the order of the items does not matter.

    Args:
        arms: What each is called, e.g. the instructions themselves.
        evaluate: Scores an arm on items.
        items: Ids of what can be asked.
        budget_calls: Scores that may be asked for.
        seed: Of the split and of all draws.
        method: "ucb" goes on with the arm that could still be best, and finds it more often; "halving" compares
            those that are left on the same items, round by round.
        own: Number of the arm that the winner must beat: the pool's own instruction.
        earlier: What is known of arms by their number, for "ucb".
        confirm: The share of the items that is kept for the confirmation.
        block: Items an arm gets at a time, for "ucb".

    Raises:
        InvalidInput: Fewer than two arms or items, one of them twice, or scores that are none.
        InvalidParameter: A parameter out of range, or a budget without which there is no search.
        MissingExtra: The extra `search` is not installed.
        Whatever `evaluate` raises.
    """
    known = dict(earlier or {})
    _check(arms, own, method, block, known)
    search, fresh = split_items(items, seed=seed, confirm=confirm)
    reserved = 2 * len(fresh)
    needed = least_calls(len(arms), len(search), method, known) + reserved
    if budget_calls < needed:
        raise InvalidParameter(
            f"{len(arms)} arms need {needed - reserved} calls at least, and their confirmation on {len(fresh)} items "
            f"{reserved}",
            field="budget_calls",
            value=budget_calls,
            mend=f"Allow {needed} or more, or keep a smaller share for the confirmation",
        )
    grid = Grid(evaluate, len(arms), search, budget_calls - reserved)
    if method == "halving":
        chosen = by_halving.halving(grid, own=own, seed=seed)
    else:
        chosen = by_ucb.ucb(grid, own=own, seed=seed, block=block, earlier=known)
    last = Grid(evaluate, len(arms), fresh, reserved)
    confirmation = _confirmed(last, chosen.winner, own, seed)
    return Best(
        arms=tuple(_seen(grid, arm, name, chosen, seed) for arm, name in enumerate(arms)),
        winner=chosen.winner,
        own=own,
        method=method,
        seed=seed,
        calls=budget_calls - grid.left - last.left,
        budget_calls=budget_calls,
        search_items=search,
        confirm_items=fresh,
        confirmation=confirmation,
    )


def least_calls(
    arms: int, items: int, method: Method = "ucb", earlier: Mapping[int, Earlier] | None = None
) -> int:
    """Scores without which there is no search among so many arms on so many items, the confirmation left out."""
    return (
        by_halving.least_calls(arms, items)
        if method == "halving"
        else by_ucb.least_calls(arms, earlier or {})
    )


def _confirmed(grid: Grid, winner: int, own: int, seed: int) -> Confirmation:
    scores = grid.more(own, grid.items)
    its = mean(scores, seed=seed, scope="own").interval()
    if winner == own:
        return Confirmation(grid.items, its, its, None, None)
    best = grid.more(winner, grid.items)
    found = contrast(best, scores, seed=seed, scope="best arm")
    return Confirmation(
        grid.items, mean(best, seed=seed, scope="winner").interval(), its, found.interval(), found.p_value()
    )


def _seen(grid: Grid, arm: int, name: str, chosen: Chosen, seed: int) -> ArmSeen:
    scores, best = grid.seen(arm), grid.seen(chosen.winner)
    both = min(len(scores), len(best))
    interval: Estimate | None = None
    if len(scores):
        interval = mean(scores, seed=seed, scope=f"arm {arm}").interval()
    behind = float(np.mean(best[:both] - scores[:both])) if both else None
    return ArmSeen(arm, name, len(scores), interval, behind, chosen.why[arm])


def _check(arms: Sequence[str], own: int, method: str, block: int, earlier: Mapping[int, Earlier]) -> None:
    if len(arms) < 2 or len(set(arms)) < len(arms):
        raise InvalidInput(
            "two different arms or more are needed", field="arms", value=list(arms), mend="Name each once"
        )
    if method not in METHODS:
        raise InvalidParameter(
            "no such method", field="method", value=method, mend=f"Use one of {', '.join(METHODS)}"
        )
    if own not in range(len(arms)):
        raise InvalidParameter("no such arm", field="own", value=own, mend=f"Use 0 to {len(arms) - 1}")
    if earlier and method != "ucb":
        raise InvalidParameter(
            f"{method} makes no use of earlier evaluations", field="earlier", mend='Use method="ucb"'
        )
    if block < 1:
        raise InvalidParameter("at least one is needed", field="block", value=block)
    for arm, told in earlier.items():
        if arm not in range(len(arms)) or not 0 <= told.mean <= 1 or told.items < 0:
            raise InvalidParameter(
                "not a mean from 0 to 1 on a number of items, of one of the arms",
                field=f"earlier[{arm}]",
                value=tuple(told),
            )
