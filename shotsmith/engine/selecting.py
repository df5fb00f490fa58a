"""From a query to its demonstrations: one straight line, no stage calls back into an earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..domain.examples import Example, Pool, Query
from ..domain.protocols import VectorIndex
from ..domain.recipes import Recipe
from ..domain.selections import Candidate, Demonstration, Selection
from ..retrieval.embedding import Embedder, Item
from ..retrieval.source import IndexSource
from ..selectors import build as build_selector
from ..selectors.orders import arrange
from .leaks import guard, is_copy
from .views import Views


class Selecting:
    """Selects demonstrations.

    Args:
        index: Where the vectors are, up to date.
        views: What is known of pools.
    """

    def __init__(self, index: VectorIndex, views: Views) -> None:
        self._index = index
        self._views = views

    def select(self, pool: Pool, embedder: Embedder, query: Query, recipe: Recipe) -> Selection:
        """Encode the query, guard against leaks, select, order."""
        selector = build_selector(recipe.selector)
        vectors = embedder.query(Item(query.media, query.text))
        view = self._views.of(pool)
        removed = guard(query, recipe, index=self._index, vectors=vectors, view=view)
        base = recipe.filters.to_filter()

        def admits(example: Example) -> bool:
            return base.matches(example.id, example.payload()) and not is_copy(query, example, pool.kind)

        excluded = [removal.id for removal in removed]
        source = IndexSource(self._index, pool.uid, vectors, base, excluded, view, embedder, admits)
        eligible = view.count(base) - len(removed)
        candidates = selector.select(query, source, min(recipe.k, max(eligible, 0)), recipe.seed)
        found = view.examples(candidate.id for candidate in candidates)
        present = [
            candidate for candidate in candidates if candidate.id in found and admits(found[candidate.id])
        ]
        return Selection(
            pool=pool,
            query=query,
            recipe=recipe,
            demonstrations=_arranged(present, found, query, recipe),
            eligible=eligible,
            removed=removed,
            flags=_flags(present, recipe, eligible),
        )


def _arranged(
    present: Sequence[Candidate], found: Mapping[str, Example], query: Query, recipe: Recipe
) -> tuple[Demonstration, ...]:
    ranks = {candidate.id: rank for rank, candidate in enumerate(present, start=1)}
    return tuple(
        Demonstration(
            found[candidate.id],
            rank=ranks[candidate.id],
            position=position,
            reason=candidate.reason,
            score=candidate.score,
            scores=candidate.scores,
        )
        for position, candidate in enumerate(arrange(present, recipe.order, recipe.seed, query.key), start=1)
    )


def _flags(present: Sequence[Candidate], recipe: Recipe, eligible: int) -> tuple[str, ...]:
    flags = list(dict.fromkeys(flag for candidate in present for flag in candidate.flags))
    if len(present) < recipe.k and recipe.selector.name != "none":
        flags.append(f"short: {len(present)} of {recipe.k} demonstrations, {eligible} examples are eligible")
    return tuple(flags)
