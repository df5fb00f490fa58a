from __future__ import annotations

import pytest
from drafts import draft
from pictures import bad_images

from shotsmith.domain.errors import Conflict, ExampleConflict, InvalidImage, InvalidInput, NotFound
from shotsmith.domain.examples import Draft, ImageFile

BAD = bad_images()


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_is_one_clear_error_and_nothing_is_written(engine, kind: str) -> None:
    name, data, word = BAD[kind]
    before = engine.pool("p")
    bad = Draft(where="line 7", id="bad", images=(ImageFile(name, data),), labels=("class 1",))
    with pytest.raises(InvalidImage, match=word) as caught:
        engine.add("p", [draft(100, 1), bad])
    assert name in str(caught.value)
    assert "line 7" in str(caught.value)
    assert caught.value.mend
    assert engine.pool("p") == before
    assert all(checkup.sound for checkup in engine.doctor())


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"id": ""}, "empty"),
        ({"id": "x" * 600}, "longer"),
        ({"id": "a\nb"}, "control"),
        ({"id": "a/../b"}, "steps"),
        ({"id": ".."}, "steps"),
        ({"labels": (), "answer": "x" * 1200}, "longer"),
        ({"metadata": {"a": 10**5000}}, "64 bits"),
        ({"labels": ("",)}, "empty"),
        ({"labels": (), "answer": ""}, "neither an answer nor a label"),
        ({"images": (), "text": " "}, "neither an image nor a text"),
        ({"text": "a\x00b"}, "NUL"),
        ({"metadata": {"a": [1]}}, "metadata"),
        ({"metadata": {"a": float("nan")}}, "metadata"),
        ({"tags": (" x",)}, "tag"),
    ],
)
def test_bad_fields_name_where_they_came_from(engine, fields, word: str) -> None:
    before = engine.pool("p")
    with pytest.raises(InvalidInput, match=word) as caught:
        engine.add("p", [draft(100, 1), draft(101, 1, **fields)])
    assert "test 101" in str(caught.value)
    assert engine.pool("p") == before


def test_a_label_outside_a_closed_space_gets_a_hint(engine) -> None:
    engine.create_pool("closed", labels=["cat", "dog"])
    with pytest.raises(InvalidInput, match="Did you mean 'cat'") as caught:
        engine.add("closed", [draft(1, 1, labels=("cats",))])
    assert caught.value.value == "cats"
    assert engine.pool("closed").size == 0


def test_the_same_again_is_a_no_op_and_other_content_a_conflict(engine) -> None:
    version = engine.pool("p").version
    assert engine.add("p", [draft(0, 0)]).unchanged == 1
    assert engine.pool("p").version == version
    with pytest.raises(ExampleConflict, match="other content"):
        engine.add("p", [draft(0, 0, text="changed")])
    assert engine.add("p", [draft(0, 0, text="changed")], on_conflict="skip").skipped == 1
    assert engine.add("p", [draft(0, 0, text="changed")], on_conflict="replace").replaced == 1
    assert engine.example("p", "e000").text == "changed"
    assert all(checkup.sound for checkup in engine.doctor())


def test_without_an_id_the_content_names_the_example(engine) -> None:
    engine.create_pool("q")
    for _ in range(2):
        engine.add("q", [draft(1, 1, id=None), draft(2, 2, id=None)])
    assert engine.pool("q").size == 2


def test_in_a_classification_pool_the_answer_is_the_label(engine) -> None:
    engine.create_pool("q")
    engine.add("q", [draft(1, 1, labels=(), answer="cat"), draft(2, 1, labels=("dog",))])
    assert engine.example("q", "e001").labels == ("cat",)
    assert engine.example("q", "e002").answer == "dog"


@pytest.mark.parametrize("name", ["", "a b", "../x", "ä", "x" * 101, "-a"])
def test_a_pool_name_must_fit_into_a_path(engine, name: str) -> None:
    with pytest.raises(InvalidInput, match="not a pool name"):
        engine.create_pool(name)


def test_pools_are_unique_and_unknown_ones_are_listed(engine) -> None:
    with pytest.raises(Conflict):
        engine.create_pool("p")
    with pytest.raises(NotFound, match="Pools here: p"):
        engine.pool("nope")


def test_a_deleted_example_is_never_selected_again(engine) -> None:
    query = engine.query_of("p", "e000")
    first = engine.select("p", query).by_rank[0].example.id
    assert engine.delete_examples("p", [first, "unknown"]) == [first]
    assert first not in {shot.example.id for shot in engine.select("p", query).demonstrations}
    assert all(checkup.sound for checkup in engine.doctor())


def test_a_deleted_pool_leaves_nothing_selectable(engine) -> None:
    engine.delete_pool("p")
    with pytest.raises(NotFound):
        engine.select("p", engine.query(text="x"))
    engine.create_pool("p")
    assert engine.select("p", engine.query(text="x")).demonstrations == ()
