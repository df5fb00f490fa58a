"""From a query to its demonstrations: one straight line, no stage calls back into an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..domain.errors import InvalidInput
from ..domain.examples import Example, Pool, Query
from ..domain.protocols import VectorIndex
from ..domain.recipes import Recipe
from ..domain.selections import Candidate, Demonstration, Selection
from ..domain.sources import Judge, Part, PartsSpec
from ..retrieval.embedding import Embedder, Item
from ..retrieval.parts import Whole, parts_of
from ..retrieval.source import IndexSource, Setting
from ..selectors import Chain, arrange, build
from .leaks import guard, is_copy
from .views import Views

OpenJudge = Callable[[Pool, Recipe, str | None], Judge]


class Selecting:
    """Selects demonstrations.

    Args:
        index: Where the vectors are, up to date.
        views: What is known of pools.
        judge: Opens a model that selectors may ask about a pool's examples.
    """

    def __init__(self, index: VectorIndex, views: Views, judge: OpenJudge) -> None:
        self._index = index
        self._views = views
        self._judge = judge

    def select(self, pool: Pool, embedder: Embedder, query: Query, recipe: Recipe) -> Selection:
        """Encode the query, guard against leaks, select, order."""
        selector = build(recipe.selector)
        vectors = embedder.query(Item(query.media, query.text))
        view = self._views.of(pool)
        removed = guard(query, recipe, index=self._index, vectors=vectors, view=view)
        base = recipe.filters.to_filter()
        excluded = {removal.id for removal in removed}

        def copies(example: Example) -> bool:
            return is_copy(query, example, pool.kind)

        def take_apart(whole: Whole, spec: PartsSpec) -> Sequence[Part]:
            return parts_of([whole], spec, embedder, keep=False)[0]

        setting = Setting(
            index=self._index,
            collection=pool.uid,
            pool=view,
            kind=pool.kind,
            query=query,
            vectors=vectors,
            copies=copies,
            take_apart=take_apart,
            judge=lambda model: self._judge(pool, recipe, model),
        )
        source = IndexSource(setting, base, excluded)
        eligible = max(view.count(base) - len(removed), 0)
        chosen = selector.select(query, source, min(recipe.k, eligible), recipe.seed)
        candidates = checked(selector, chosen, recipe.k)
        found = source.examples([candidate.id for candidate in candidates])
        present = [candidate for candidate in candidates if candidate.id in found]
        short = selector.fills and len(present) < recipe.k
        flags = list(dict.fromkeys(flag for candidate in present for flag in candidate.flags))
        if short:
            flags.append(
                f"short: {len(present)} of {recipe.k} demonstrations, {eligible} examples are eligible"
            )
        return Selection(
            pool=pool,
            query=query,
            recipe=recipe,
            demonstrations=_arranged(present, found, query, recipe),
            eligible=eligible,
            removed=removed,
            flags=tuple(flags),
            short=short,
        )


def checked(selector: Chain, candidates: Sequence[Candidate], k: int) -> list[Candidate]:
    """What a selector chose, marked where it is the same for every query.

    Raises:
        InvalidInput: An id came twice, or more than k came from a selector that promises k; plugins may do so.
    """
    ids = {candidate.id for candidate in candidates}
    if len(ids) < len(candidates) or (selector.bounded and len(candidates) > k):
        what = "an example twice" if len(ids) < len(candidates) else f"{len(candidates)} examples for k={k}"
        raise InvalidInput(
            f"the selector returned {what}",
            field="selector",
            value=selector.text,
            mend="Report it to whoever wrote the selector, or use another one",
        )
    return [replace(one, fixed=True) for one in candidates] if selector.fixed else list(candidates)


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
            stage=candidate.stage,
            fixed=candidate.fixed,
            bare=candidate.bare,
        )
        for position, candidate in enumerate(arrange(present, recipe.order, recipe.seed, query.key), start=1)
    )
