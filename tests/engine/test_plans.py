"""Query-independent choices: planned once for a version of the pool, kept in SQL, heeding the leak guard."""

from __future__ import annotations

import pytest
from drafts import draft

from shotsmith.domain.plans import Plan, chosen
from shotsmith.domain.recipes import Recipe
from shotsmith.engine import Engine, matrices
from shotsmith.selectors import votes
from shotsmith.storage import Plans

FIXED = [
    "k_centre",
    "vote_k",
    "vote_k_openicl",
    "k_means",
    "hard",
    "curriculum",
    "random_fixed",
    "random_fixed|balanced",
]


def ids(selection) -> list[str]:
    return [shot.example.id for shot in selection.by_rank]


@pytest.fixture
def elections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the pool's neighbourhoods were computed."""
    found: list[int] = []
    real = votes.neighbours

    def counted(matrix, count):
        found.append(len(matrix))
        return real(matrix, count)

    monkeypatch.setattr(votes, "neighbours", counted)
    return found


def test_a_plan_is_made_once_for_a_version_and_survives_the_process(
    engine: Engine, open_engine, elections: list[int]
) -> None:
    first = ids(engine.select("p", engine.query_of("p", "e001"), Recipe(selector="vote_k", k=5)))
    for number in range(2, 6):
        engine.select("p", engine.query_of("p", f"e{number:03d}"), Recipe(selector="vote_k", k=number))
    assert elections == [40]
    again = open_engine()
    assert ids(again.select("p", again.query_of("p", "e001"), Recipe(selector="vote_k", k=5))) == first
    assert elections == [40]
    again.add("p", [draft(41, 1)])
    again.select("p", again.query_of("p", "e001"), Recipe(selector="vote_k", k=5))
    assert elections == [40, 41]


def test_a_longer_choice_asks_for_a_longer_plan(engine: Engine, elections: list[int]) -> None:
    query = engine.query_of("p", "e001")
    short = ids(engine.select("p", query, Recipe(selector="vote_k", k=5)))
    long = ids(engine.select("p", query, Recipe(selector="vote_k", k=39)))
    assert elections == [40, 40]
    assert long[:5] == short
    assert len(long) == 39


def test_other_seeds_filters_and_parameters_have_plans_of_their_own(
    engine: Engine, elections: list[int]
) -> None:
    query = engine.query_of("p", "e001")
    for text in (
        "vote_k(k=5)",
        "vote_k(k=5,neighbours=7)",
        "vote_k(k=5)|with(seed=1)",
        'where(labels="class 1")|vote_k(k=5)',
        "vote_k(k=5,space=text)",
    ):
        engine.select("p", query, Recipe.read(text))
    assert elections == [40, 40, 40, 10, 40]


@pytest.mark.parametrize("text", FIXED)
def test_what_the_leak_guard_keeps_out_is_replaced_and_the_difference_told(engine: Engine, text: str) -> None:
    recipe = Recipe(selector=text, k=6)
    usual = engine.select("p", engine.query(text="something else"), recipe)
    assert not any("not the same" in flag for flag in usual.flags)
    for id in ids(usual)[:3]:
        found = engine.select("p", engine.query_of("p", id), recipe)
        assert id not in ids(found)
        assert len(found.demonstrations) == 6
        assert any(f"not the same as for other queries: {id!r}" in flag for flag in found.flags)
        kept = [one for one in ids(usual) if one != id]
        if "k_means" in text or "balanced" in text:
            assert len(set(kept) & set(ids(found))) == 5
        elif text.startswith("curriculum"):  # the stand-in comes where its difficulty belongs
            assert [one for one in ids(found) if one in kept] == kept
        else:
            assert ids(found)[:5] == kept


def test_a_cached_prefix_is_the_same_for_every_query_and_stands_first(engine: Engine) -> None:
    recipe = Recipe.read("hybrid(cached=k_centre,prefix=5,k=9)|similar_last")
    seen = set()
    for number in range(40):
        query = engine.query(text=f"unseen {number}")
        selection = engine.select("p", query, recipe)
        assert [shot.fixed for shot in selection.demonstrations] == [True] * 5 + [False] * 4
        prefix = tuple(shot.example.id for shot in selection.demonstrations[:5])
        assert not set(prefix) & {shot.example.id for shot in selection.demonstrations[5:]}
        seen.add(prefix)
    assert len(seen) == 1
    (prefix,) = seen
    leaking = engine.select("p", engine.query_of("p", prefix[2]), recipe)
    assert prefix[2] not in ids(leaking)
    assert any("not the same as for other queries" in flag for flag in leaking.flags)


def test_coverage_is_told(engine: Engine) -> None:
    selection = engine.select("p", engine.query(text="x"), Recipe(selector="k_centre", k=4))
    assert any(flag.startswith("covers the pool: distance 0.") for flag in selection.flags)
    whole = engine.select("p", engine.query(text="x"), Recipe(selector="k_centre", k=40))
    assert "covers the pool: distance 0.0000 on average, 0.0000 at most" in whole.flags


def test_matrices_are_read_in_blocks_and_mapped_from_a_file(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrices, "_BLOCK", 7)
    index = engine._stores.index
    uid = engine.pool("p").uid
    wanted = ["e003", "nobody", *(f"e{number:03d}" for number in range(39, 20, -1))]
    rows = matrices.stored(index, uid, "image", wanted)
    assert rows.ids == [id for id in wanted if id != "nobody"]
    found = index.vectors(uid, "image", wanted)
    assert all(row.tobytes() == found[id].tobytes() for id, row in zip(rows.ids, rows.matrix, strict=True))
    assert rows.matrix.base is not None
    assert len(matrices.stored(index, uid, "image", []).ids) == 0


def test_a_plan_for_a_deleted_pool_is_not_an_error(engine: Engine) -> None:
    plans = Plans(engine._stores.database)
    plans.put("nobody", "v", "k" * 64, Plan([("a",)], 1))
    assert plans.get("nobody", "v", "k" * 64) is None


def test_only_a_larger_plan_replaces_one(engine: Engine) -> None:
    plans, uid = Plans(engine._stores.database), engine.pool("p").uid
    big = Plan((("a", "b"), ("c",)), 2, ("one", "two"), {"a": "why"})
    plans.put(uid, "v1", "k", big)
    plans.put(uid, "v1", "k", Plan((("z",),), 1))
    assert plans.get(uid, "v1", "k") == big
    plans.put(uid, "v2", "k", Plan((("z",),), 1))
    assert plans.get(uid, "v1", "k") is None


def test_stand_ins_take_their_slot_and_spares_fill_up() -> None:
    from shotsmith.domain.examples import Example

    plan = Plan([["a", "x", "y"], ["b", "x"], ["c"]], 3, ("r1", "r2", "r3"), {"a": "first"})

    def found(*eligible: str, size: int = 3, hidden: tuple[str, ...] = ()) -> list[str]:
        return [one.id for one in chosen(plan, size, {id: Example(id) for id in eligible}, hidden)]

    assert found("a", "b", "c") == ["a", "b", "c"]
    assert found("b", "c", "x", "y") == ["x", "b", "c"]
    assert found("c", "x", "y") == ["x", "c", "y"]
    assert found("y") == ["y"]
    assert found("a", "b", "c", size=2) == ["a", "b"]
    flags = chosen(plan, 2, {id: Example(id) for id in "bx"})[0].flags
    assert flags == ("r2", "not the same as for other queries: 'a' may not be shown for this one")
    assert chosen(plan, 2, {id: Example(id) for id in "bx"}, ("a",))[0].flags == ("r2",)
    assert (
        chosen(plan, 2, {id: Example(id) for id in "bx"})[0].reason
        == "the same for every query; stands in for 'a'"
    )
