"""Imported neighbour lists, selected from."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from drafts import draft
from pictures import encoded, picture

from shotsmith.domain.errors import InvalidInput, NotFound
from shotsmith.domain.examples import ImageFile
from shotsmith.domain.recipes import Recipe
from shotsmith.importers.neighbour_lists import read_lists


def ranked(selection) -> list[str]:
    by_rank = sorted(selection.demonstrations, key=lambda shot: shot.rank)
    return [shot.example.id for shot in by_rank]


def recipe(name: str = "SI", k: int = 4, **fields: Any) -> Recipe:
    return Recipe.read({**Recipe.read(f"neighbours(name={name},k={k})").model_dump(), **fields})


def picture_query(engine, number: int, **fields: Any):
    file = ImageFile("q.png", encoded(picture(number, hue=number % 4)))
    return engine.query([file], f"thing {number}", **fields)


def test_the_list_is_shown_in_its_order_for_stored_and_for_new_queries(engine) -> None:
    lists = {"e000": ["e007", "e031", "e002", "e012", "e020"], "val/7": ["e039", "e001", "e018", "e003"]}
    done = engine.import_neighbours("p", "SI", lists)
    assert (done.lists, done.ids, done.new_queries) == (2, 9, 1)
    assert engine.neighbour_lists("p") == {"SI": 2}
    for query in (engine.query_of("p", "e000"), picture_query(engine, 900, id="val/7")):
        selection = engine.select("p", query, recipe())
        assert ranked(selection) == lists[query.id][:4]
        assert [shot.rank for shot in selection.demonstrations] == [4, 3, 2, 1]
        assert not selection.flags
        assert not selection.short
        reasons = {shot.rank: shot.reason for shot in selection.demonstrations}
        assert reasons[1] == "1st of the list 'SI'"


def test_what_the_leak_guard_removes_is_passed_over_and_rices_completes_the_list_flagged(engine) -> None:
    engine.add("p", [draft(0, 0, id="copy", text="other words")])  # the pixels of e000
    engine.add("p", [draft(500 + n, n, id=f"g{n}", group="patient") for n in range(2)])
    engine.import_neighbours("p", "SI", {"e000": ["copy", "e007", "g0", "e031", "g1"], "e001": ["e002"]})

    query = engine.query_of("p", "e000")
    plain = engine.select("p", query, recipe(k=4))
    assert ranked(plain) == ["e007", "g0", "e031", "g1"]
    assert "copy" in {removal.id for removal in plain.removed}
    assert not plain.flags

    grouped = engine.query(
        [ImageFile("q.png", encoded(picture(0, hue=0)))], "thing 0", id="e000", group="patient"
    )
    strict = engine.select("p", grouped, recipe(k=5, evaluation=True))
    assert ranked(strict)[:2] == ["e007", "e031"]
    assert {"e000", "copy", "g0", "g1"} <= {removal.id for removal in strict.removed}
    assert strict.flags == ("the list 'SI' has 2 for this query: completed by rices",)

    # What completes it is what rices alone would have chosen from the rest.
    similar = engine.select("p", grouped, Recipe.read("rices(k=10)").model_copy(update={"evaluation": True}))
    rest = [id for id in ranked(similar) if id not in ("e007", "e031")]
    assert ranked(strict)[2:] == rest[:3]
    assert [shot.reason for shot in sorted(strict.demonstrations, key=lambda shot: shot.rank)][:2] == [
        "1st of the list 'SI'",
        "2nd of the list 'SI'",
    ]


def test_a_query_without_a_list_is_completed_from_the_start(engine) -> None:
    engine.import_neighbours("p", "SI", {"e000": ["e007"]})
    for query in (picture_query(engine, 901), picture_query(engine, 901, id="nobody")):
        selection = engine.select("p", query, recipe(k=3))
        assert ranked(selection) == ranked(engine.select("p", query, Recipe.read("rices(k=3)")))
        assert selection.flags == ("the list 'SI' has 0 for this query: completed by rices",)
    with pytest.raises(NotFound, match="There are: SI"):
        engine.select("p", picture_query(engine, 901), recipe("SQ"))


def test_lists_that_are_imported_anew_are_seen_at_once(engine) -> None:
    query = engine.query_of("p", "e000")
    for listed in (["e001", "e002"], ["e003", "e004"]):
        engine.import_neighbours("p", "SI", {"e000": listed})
        assert ranked(engine.select("p", query, recipe(k=2))) == listed


def test_an_example_that_is_deleted_later_is_passed_over(engine) -> None:
    engine.import_neighbours("p", "SI", {"e000": ["e001", "e002", "e003"]})
    engine.delete_examples("p", ["e002"])
    assert ranked(engine.select("p", engine.query_of("p", "e000"), recipe(k=2))) == ["e001", "e003"]


def test_from_a_published_file_to_the_same_demonstrations(engine, tmp_path) -> None:
    """As OFv2_ICL_VQA leaves it: numbers for ids, a key for each way to look, FAISS's scores and rows."""
    rng = np.random.default_rng(7)
    published: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for query in range(40):
        for key in ("SI", "SQ"):
            listed = [int(id) for id in rng.permutation(40)[:8]]
            published[query][key] = [[id, 1 / (rank + 1), np.int64(id)] for rank, id in enumerate(listed)]
    np.save(tmp_path / "validation.npy", published)

    for key in ("SI", "SQ"):
        found = read_lists(tmp_path / "validation.npy", key=key, query_id="e{:03}", example_id="e{:03}")
        done = engine.import_neighbours("p", key, found.lists)
        own = sum(query in [entry[0] for entry in published[query][key]] for query in range(40))
        assert (done.lists, done.ids, done.itself, done.new_queries) == (40, 320 - own, own, 0)
    assert own > 0

    pool = engine.pinned("p")
    for key in ("SI", "SQ"):
        for query in range(40):
            selection = engine.select(pool, engine.query_of(pool, f"e{query:03d}"), recipe(key))
            expected = [f"e{entry[0]:03d}" for entry in published[query][key] if entry[0] != query]
            assert ranked(selection) == expected[:4]


def test_ids_of_another_naming_are_refused_with_what_ids_look_like(engine) -> None:
    with pytest.raises(InvalidInput) as caught:
        engine.import_neighbours("p", "SI", {"e000": ["e001", "3", "4", "5", "6"]})
    assert str(caught.value) == (
        "lists: 4 ids are not in the pool p (got 3, 4, 5). Ids there look like e000. "
        "Map the ids (--example-id), or leave such out: --skip-unknown, skip_unknown"
    )
    assert engine.neighbour_lists("p") == {}
    with pytest.raises(NotFound, match="no such pool"):
        engine.import_neighbours("nope", "SI", {"a": ["b"]})
    with pytest.raises(NotFound, match="no such pool"):
        engine.neighbour_lists("nope")
