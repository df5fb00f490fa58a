"""Demonstrations that several queries share: by rank in turn, and never a leak for any of them."""

from __future__ import annotations

import pytest
from drafts import draft
from pictures import encoded, picture

from shotsmith.domain.examples import ImageFile, Query
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Selection
from shotsmith.engine import Engine
from shotsmith.engine.sharing import shared
from shotsmith.prompts.batching import tags_of, together

SELECTORS = ["rices", "random_fixed", "balanced", "mmr", "hybrid", "k_centre", "all", "none"]


def share(engine: Engine, queries: list[Query], recipe: Recipe) -> Selection:
    pool = engine.pinned("p")
    asked = together(queries, tags_of([query.key for query in queries]))
    return shared(lambda query, recipe: engine.select(pool, query, recipe), queries, recipe, asked)


def ids(selection: Selection) -> list[str]:
    return [shot.example.id for shot in selection.by_rank]


def stranger(engine: Engine, number: int, hue: int) -> Query:
    return engine.query([ImageFile("q.png", encoded(picture(number, hue=hue)))])


def test_query_dependent_demonstrations_are_taken_by_rank_in_turn(engine) -> None:
    queries = [stranger(engine, 901, 0), stranger(engine, 902, 1), stranger(engine, 903, 2)]
    own = [ids(engine.select("p", query, Recipe(k=4))) for query in queries]
    selection = share(engine, queries, Recipe(k=4))
    expected: list[str] = []
    for rank in range(4):
        expected += [mine[rank] for mine in own if mine[rank] not in expected]
    assert ids(selection) == expected[:4]
    assert [shot.rank for shot in selection.by_rank] == [1, 2, 3, 4]
    assert [shot.position for shot in selection.demonstrations] == [1, 2, 3, 4]
    assert [shot.rank for shot in selection.demonstrations] == [4, 3, 2, 1]  # similar_last
    assert [shot.reason.split(":")[0] for shot in selection.by_rank[:3]] == [
        "question 1",
        "question 2",
        "question 3",
    ]
    assert not selection.short


def test_one_query_shares_with_itself(engine) -> None:
    query = stranger(engine, 901, 0)
    alone = engine.select("p", query, Recipe(k=5))
    assert ids(share(engine, [query], Recipe(k=5))) == ids(alone)


def test_a_fixed_selection_stays_the_same_for_every_batch(engine) -> None:
    recipe = Recipe(selector="random_fixed", k=6)
    fixed = ids(engine.select("p", stranger(engine, 900, 0), recipe))
    first = share(engine, [stranger(engine, 901, 0), stranger(engine, 902, 1)], recipe)
    second = share(engine, [stranger(engine, 903, 2), stranger(engine, 904, 3)], recipe)
    assert ids(first) == ids(second) == fixed
    assert [shot.example.id for shot in first.demonstrations] == [
        shot.example.id for shot in second.demonstrations
    ]
    assert all(shot.fixed for shot in first.demonstrations)
    assert [shot.reason for shot in first.demonstrations] == [shot.reason for shot in second.demonstrations]


def test_the_fixed_part_of_a_mixed_selection_comes_first(engine) -> None:
    recipe = Recipe(selector="hybrid", k=8)
    own = engine.select("p", stranger(engine, 901, 0), recipe)
    fixed = [shot.example.id for shot in own.by_rank if shot.fixed]
    assert 0 < len(fixed) < 8
    selection = share(engine, [stranger(engine, 901, 0), stranger(engine, 902, 1)], recipe)
    assert [shot.example.id for shot in selection.demonstrations if shot.fixed] == [
        shot.example.id for shot in own.demonstrations if shot.fixed
    ]
    assert len(selection.demonstrations) == 8
    flags = [shot.fixed for shot in selection.demonstrations]
    assert flags == sorted(flags, reverse=True)


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("evaluation", [False, True])
def test_nothing_is_shown_that_leaks_for_any_query(open_engine, selector: str, evaluation: bool) -> None:
    engine = open_engine()
    engine.create_pool("p")
    engine.add("p", [draft(number, number % 4, group=f"g{number % 10}") for number in range(40)])
    # Copies of the first queries under other ids.
    engine.add(
        "p", [draft(number, number % 4, id=f"copy{number}", text=f"again {number}") for number in range(4)]
    )
    queries = [engine.query_of("p", f"e{number:03d}") for number in range(6)]
    recipe = Recipe(selector=selector, k=8, evaluation=evaluation)
    selection = share(engine, queries, recipe)
    shown = {shot.example.id for shot in selection.demonstrations}
    assert shown.isdisjoint(query.id for query in queries)
    assert shown.isdisjoint(f"copy{number}" for number in range(4))
    if evaluation:
        groups = {shot.example.group for shot in selection.demonstrations}
        assert groups.isdisjoint(f"g{number}" for number in range(6))
    own = [engine.select("p", query, recipe) for query in queries]
    for one in own:
        assert shown.isdisjoint(removal.id for removal in one.removed)
    assert {removal.id for one in own for removal in one.removed} == {one.id for one in selection.removed}
    if selector in ("rices", "random_fixed", "balanced", "mmr", "k_centre"):
        assert len(shown) == 8  # k is still met from the rest
        assert not selection.short


def test_where_the_pool_has_no_more_the_selection_says_that_it_is_short(open_engine) -> None:
    engine = open_engine()
    engine.create_pool("p")
    engine.add("p", [draft(number, number % 2) for number in range(5)])
    queries = [engine.query_of("p", f"e{number:03d}") for number in range(3)]
    selection = share(engine, queries, Recipe(k=4))
    assert sorted(ids(selection)) == ["e003", "e004"]
    assert selection.short
    assert selection.flags == ("short: 2 demonstrations for 3 queries that share them",)


def test_the_order_of_queries_decides_who_comes_first_and_nothing_else_does(engine) -> None:
    queries = [stranger(engine, 901, 0), stranger(engine, 902, 1)]
    assert share(engine, queries, Recipe(k=4)) == share(engine, queries, Recipe(k=4))
    turned = share(engine, queries[::-1], Recipe(k=4))
    assert set(ids(turned)) == set(ids(share(engine, queries, Recipe(k=4))))
