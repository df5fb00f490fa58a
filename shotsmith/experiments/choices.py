"""Selections of one query for many arms: no selection is made twice, and short ones are cut from long ones."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from ..domain.errors import ContextExceeded, InvalidInput, ModelRefused, ShotsmithError
from ..domain.examples import Pool, Query
from ..domain.recipes import Recipe
from ..domain.selections import Candidate, Selection
from ..engine import Engine
from ..selectors import arrange, build

#: What concerns one prompt or one selection only, and not whether anything can be asked.
ONE_ONLY = (ContextExceeded, ModelRefused, InvalidInput)

# What a selection is before it is laid out; everything else of a recipe decides how it is shown.
_CHOOSING = {"selector", "filters", "seed", "evaluation"}


class Choices:
    """What each recipe chooses for one query.

    Args:
        engine: Chooses.
        pool: Where from; pinned, so that it is not looked at anew for each selection.
        query: What for.
        recipes: Every recipe that will be asked for.
        tolerant: Whether a recipe that cannot choose here is told of when it is asked for, and not at once.
    """

    def __init__(
        self,
        engine: Engine,
        pool: str | Pool,
        query: Query,
        recipes: Iterable[Recipe],
        *,
        tolerant: bool = False,
    ) -> None:
        self._made: dict[tuple[str, int], tuple[Selection, float] | ShotsmithError] = {}
        longest: dict[str, tuple[Selection, float]] = {}
        # Zero-shot first: it pays for encoding the query and for the leak guard, which all arms share.
        for recipe in sorted(recipes, key=lambda one: (one.selector[0].name != "none", -one.k)):
            choosing, k = _key(recipe)
            if (choosing, k) in self._made:
                continue
            long = longest.get(choosing)
            # A flag may tell of the longer selection only, so one with flags is not cut.
            if long and _nested(long[0].recipe) and not long[0].flags:
                self._made[choosing, k] = beginning(long[0], recipe), long[1]
                continue
            started = time.perf_counter()
            try:
                selection = engine.select(pool, query, recipe)
            except ONE_ONLY as error:
                if not tolerant:
                    raise
                self._made[choosing, k] = error
                continue
            chosen = selection, (time.perf_counter() - started) * 1000
            self._made[choosing, k] = longest[choosing] = chosen

    def of(self, recipe: Recipe) -> tuple[Selection, float]:
        """The selection and the milliseconds it took. Raises what kept the recipe from choosing."""
        made = self._made[_key(recipe)]
        if isinstance(made, ShotsmithError):
            raise made
        selection, took = made
        return (selection if selection.recipe == recipe else beginning(selection, recipe)), took


def beginning(selection: Selection, recipe: Recipe) -> Selection:
    """The first of a selection's demonstrations in the recipe's order: what a nested selector chooses for its k."""
    ranked = selection.by_rank
    kept = {
        shot.example.id: shot for shot in (ranked if recipe.k == selection.recipe.k else ranked[: recipe.k])
    }
    candidates = [
        Candidate(shot.example.id, shot.reason, shot.score, shot.scores, shot.example.label, fixed=shot.fixed)
        for shot in kept.values()
    ]
    ordered = arrange(candidates, recipe.order, recipe.seed, selection.query.key)
    shown = tuple(
        replace(kept[candidate.id], position=position) for position, candidate in enumerate(ordered, start=1)
    )
    return replace(selection, recipe=recipe, demonstrations=shown)


def _nested(recipe: Recipe) -> bool:
    return build(recipe.selector).nested == "prefix"


def _key(recipe: Recipe) -> tuple[str, int]:
    return recipe.model_dump_json(include=_CHOOSING), recipe.k
