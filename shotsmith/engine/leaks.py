"""The leak guard: what must never be shown as a demonstration for a query. It runs before top-k, so k is still met.

Always: the query itself and exact copies of its content (same pixels, however encoded). In evaluation also its group
and its near-duplicates. Published code is weaker: OpenFlamingo guards nothing, vote-k skips only `score == 1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..domain.examples import Example, Pool, PoolKind, Query, letters, normal_text, text_key
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

    def remove(ids: Mapping[str, str], reason: RemovalReason) -> None:
        for id, detail in ids.items():
            removed.setdefault(id, Removal(id, reason, detail))

    if query.id is not None:
        remove({query.id: "its id is the query's"}, "itself")
    shows = _same(query)
    remove(dict.fromkeys(_copies(query, view), shows), "same content")
    if recipe.evaluation:
        own = view.examples([query.id]).get(query.id) if query.id is not None else None
        group = query.group or (own.group if own else None)
        if group:
            remove(dict.fromkeys(view.in_group(group), f"group {group!r}"), "same group")
        near = view.near_pictures([part.dhash for part in query.media if part.dhash], NEAR_BITS)
        remove(
            {id: f"difference hashes differ in {bits} of 64 bits" for id, bits in near.items()},
            "near-duplicate",
        )
        if not query.media:
            alike = view.near_texts(letters(query.text))
            remove(dict.fromkeys(alike, "the same letters and digits"), "near-duplicate")
        remove(_near_vectors(view.pool, base, tuple(removed), index, vectors), "near-duplicate")
    known = view.examples(removed)
    return tuple(
        removal
        for id, removal in sorted(removed.items())
        if id in known and base.matches(id, known[id].facts())
    )


def is_copy(query: Query, example: Example, kind: PoolKind) -> bool:
    """Whether an example shows exactly what the query shows: same pixels, however encoded, and no other question."""
    if not query.media:
        return (
            not example.media and bool(normal_text(query.text)) and example.text_key == text_key(query.text)
        )
    if example.pixel_key != query.pixel_key:
        return False
    # Elsewhere another question about the same picture is another example; a missing text is no other question.
    asked, told = normal_text(query.text), normal_text(example.text)
    return kind == "classification" or not asked or told in ("", asked)


def _same(query: Query) -> str:
    if not query.media:
        return "the same text"
    kinds = {part.kind for part in query.media}
    return (
        "the same pixels"
        if kinds == {"image"}
        else "the same sound"
        if kinds == {"audio"}
        else "the same media"
    )


def _copies(query: Query, view: View) -> list[str]:
    key = query.pixel_key
    found = view.examples(view.same_pictures(key) if query.media else view.same_text(text_key(query.text)))
    return [id for id, example in found.items() if is_copy(query, example, view.pool.kind)]


def _near_vectors(
    pool: Pool, base: Filter, removed: tuple[str, ...], index: VectorIndex, vectors: Mapping[str, Vector]
) -> dict[str, str]:
    if "image" not in vectors:
        return {}
    limit = 16
    while True:
        search = Search("image", vectors["image"], limit, replace(base, without_ids=removed))
        hits = index.search(pool.uid, search)
        near = {hit.id: f"image cosine {hit.score:.6f}" for hit in hits if hit.score >= NEAR_COSINE}
        if len(near) < limit:
            return near
        limit *= 4
