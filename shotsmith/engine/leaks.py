"""The leak guard: what must never be shown as a demonstration for a query. It runs before top-k, so k is still met.

Always: the query itself and exact copies of its content (same pixels, however encoded). In evaluation also its group
and its near-duplicates. Published code is weaker: OpenFlamingo guards nothing, vote-k skips only `score == 1`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..domain.examples import Pool, Query, normal_text, text_key
from ..domain.filters import Filter
from ..domain.protocols import Search, VectorIndex
from ..domain.recipes import Recipe
from ..domain.scoring import Vector
from ..domain.selections import Removal, RemovalReason
from .views import View

NEAR_BITS = 3  # of 64: difference hashes this close show the same picture
NEAR_COSINE = 0.9999


def guard(
    query: Query,
    recipe: Recipe,
    *,
    index: VectorIndex,
    vectors: Mapping[str, Vector],
    view: View,
) -> tuple[Removal, ...]:
    """What must not be shown, by ascending id: of those that the recipe's filter would have allowed."""
    key = (query.id, query.group, query.key, repr(recipe.filters), recipe.evaluation)
    return view.removals(key, lambda: _find(query, recipe, index=index, vectors=vectors, view=view))


def _find(
    query: Query,
    recipe: Recipe,
    *,
    index: VectorIndex,
    vectors: Mapping[str, Vector],
    view: View,
) -> tuple[Removal, ...]:
    base = recipe.filters.to_filter()
    removed: dict[str, Removal] = {}

    def remove(ids: Iterable[str], reason: RemovalReason) -> None:
        for id in ids:
            removed.setdefault(id, Removal(id, reason))

    if query.id is not None:
        remove([query.id], "itself")
    remove(_copies(query, view), "same content")
    if recipe.evaluation:
        if query.group:
            remove(view.in_group(query.group), "same group")
        if query.media:
            dhashes = [part.dhash for part in query.media]
            remove(view.near_duplicates(dhashes, NEAR_BITS), "near-duplicate")
        remove(_near_vectors(view.pool, base, tuple(removed), index, vectors), "near-duplicate")
    known = view.examples(removed)
    return tuple(
        removal
        for id, removal in sorted(removed.items())
        if id in known and base.matches(id, known[id].payload())
    )


def _copies(query: Query, view: View) -> list[str]:
    asked = normal_text(query.text)
    key = text_key(query.text)
    if not query.media:
        return list(view.same_text(key)) if asked else []
    same = view.same_pictures(query.pixel_key)
    if view.pool.kind == "classification" or not asked:
        return list(same)
    # Elsewhere another question about the same picture is another example; a missing text is no other question.
    silent = text_key("")
    return [id for id, text in same.items() if text in (key, silent)]


def _near_vectors(
    pool: Pool, base: Filter, removed: tuple[str, ...], index: VectorIndex, vectors: Mapping[str, Vector]
) -> list[str]:
    if "image" not in vectors:
        return []
    limit = 16
    while True:
        search = Search("image", vectors["image"], limit, replace(base, without_ids=removed))
        hits = index.search(pool.uid, search)
        near = [hit.id for hit in hits if hit.score >= NEAR_COSINE]
        if len(near) < limit:
            return near
        limit *= 4
