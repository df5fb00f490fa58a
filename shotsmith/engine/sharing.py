"""Demonstrations that the queries of one call share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from ..domain.examples import Query
from ..domain.recipes import Recipe
from ..domain.selections import Candidate, Demonstration, Removal, Selection
from ..selectors import arrange

Select = Callable[[Query, Recipe], Selection]
"""Query, recipe -> its own demonstrations, guarded against leaks."""


def shared(select: Select, queries: Sequence[Query], recipe: Recipe, asked: Query) -> Selection:
    """One selection for several queries: as many demonstrations as one of them alone would have.

    Those that are the same for every query stay. The rest are taken by rank in turn: the best of each query, then the
    second of each, until there are enough; ManyICL, whose demonstrations are the same for all, does not say. Nothing is
    shown that the leak guard keeps from any of the queries; where that leaves too few, the lists are read further down.

    Args:
        select: Chooses for one query.
        queries: Question 1 first.
        recipe: How.
        asked: The queries as one, which the selection is for.
    """
    selections = [select(query, recipe) for query in queries]
    wanted = max(len(one.demonstrations) for one in selections)
    removed = {removal.id: removal for one in selections for removal in one.removed}
    chosen = _in_turn(selections, removed, wanted)
    deeper, most = recipe.k, recipe.k + len(removed)
    while len(chosen) < wanted and deeper < most:
        deeper = min(2 * deeper, most)
        longer = recipe.model_copy(update={"k": deeper})
        chosen = _in_turn([select(query, longer) for query in queries], removed, wanted)
    short = len(chosen) < wanted or any(one.short for one in selections)
    flags = [flag for one in selections for flag in one.flags if not flag.startswith("short:")]
    if short:
        flags.append(f"short: {len(chosen)} demonstrations for {len(queries)} queries that share them")
    return Selection(
        pool=selections[0].pool,
        query=asked,
        recipe=recipe,
        demonstrations=_arranged(chosen, recipe, asked),
        eligible=min(one.eligible for one in selections),
        removed=tuple(_ordered(removed.values())),
        flags=tuple(dict.fromkeys(flags)),
        short=short,
    )


def _in_turn(selections: Sequence[Selection], removed: Collection[str], wanted: int) -> list[Demonstration]:
    """The fixed ones, then the others, both by rank in turn, each once."""
    fixed = max(sum(shot.fixed for shot in one.demonstrations) for one in selections)
    chosen: dict[str, Demonstration] = {}
    for of_all, most in ((True, min(fixed, wanted)), (False, wanted)):
        for number, shot in _turns(selections):
            id = shot.example.id
            if shot.fixed is of_all and id not in removed and id not in chosen and len(chosen) < most:
                reason = shot.reason if shot.fixed else f"question {number}: {shot.reason}"
                chosen[id] = replace(shot, reason=reason)
    return list(chosen.values())


def _turns(selections: Sequence[Selection]) -> Iterator[tuple[int, Demonstration]]:
    ranked = [one.by_rank for one in selections]
    for rank in range(max(map(len, ranked))):
        for number, shots in enumerate(ranked, start=1):
            if rank < len(shots):
                yield number, shots[rank]


def _arranged(chosen: Sequence[Demonstration], recipe: Recipe, asked: Query) -> tuple[Demonstration, ...]:
    by_id = {shot.example.id: replace(shot, rank=rank) for rank, shot in enumerate(chosen, start=1)}
    candidates = [
        Candidate(id, shot.reason, label=shot.example.label, fixed=shot.fixed) for id, shot in by_id.items()
    ]
    order = arrange(candidates, recipe.order, recipe.seed, asked.key)
    return tuple(
        replace(by_id[candidate.id], position=position) for position, candidate in enumerate(order, start=1)
    )


def _ordered(removals: Collection[Removal]) -> list[Removal]:
    return sorted(removals, key=lambda removal: removal.id)
