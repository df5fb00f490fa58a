from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from drafts import draft
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from pictures import encoded, picture
from selector_cases import ALL, LISTS, chain, steps

from shotsmith.domain.errors import EncoderMismatch, InvalidInput, InvalidParameter, UnknownName
from shotsmith.domain.examples import ImageFile
from shotsmith.domain.recipes import Recipe
from shotsmith.engine import Engine
from shotsmith.schemas import SelectionOut
from shotsmith.settings import Settings

SELECTORS = [text for text in ALL if "neighbours" not in steps(text)]


def ids(selection) -> list[str]:
    return [shot.example.id for shot in selection.demonstrations]


def query_like(engine, number: int, format: str = "PNG", **options):
    """A query that shows the very pixels of an example."""
    return engine.query(
        [ImageFile("q", encoded(picture(number, hue=number % 4), format, **options))], f"thing {number}"
    )


def test_eight_demonstrations_with_everything_people_ask_for(engine) -> None:
    selection = engine.select("p", engine.query([ImageFile("q.png", encoded(picture(999, hue=2)))]))
    assert len(selection.demonstrations) == 8
    assert [shot.rank for shot in selection.demonstrations] == [8, 7, 6, 5, 4, 3, 2, 1]
    scores = [shot.score for shot in selection.demonstrations]
    assert scores == sorted(scores)
    assert all(shot.reason for shot in selection.demonstrations)
    assert {shot.example.label for shot in selection.demonstrations} == {"class 2"}


def test_a_query_never_sees_itself_or_its_copies_whatever_selects(open_engine) -> None:
    engine = open_engine(model="fake/3 > 1 > 2")
    engine.create_pool("p")
    engine.add("p", [draft(number, number % 4) for number in range(40)])
    # The same pixels under other ids, in two lossless encodings, more often than k.
    for number in range(10, 22):
        engine.add("p", [draft(0, 0, id=f"copy{number}", text=f"other words {number}")])
    webp = ImageFile("c.webp", encoded(picture(0, hue=0), "WEBP", lossless=True, exact=True))
    engine.add("p", [draft(0, 0, id="webp", images=(webp,))])
    copies = [f"copy{number}" for number in range(10, 22)]
    engine.import_neighbours("p", LISTS, {"e000": [*copies, "webp", "e004", "e008"]})
    for selector in ALL:
        for query in (engine.query_of("p", "e000"), query_like(engine, 0), query_like(engine, 0, "BMP")):
            selection = engine.select("p", query, Recipe(selector=selector, k=8))
            shown = {shot.example.pixel_key for shot in selection.demonstrations}
            assert query.pixel_key not in shown, selector
            if chain(selector).fills:
                assert len(selection.demonstrations) == (
                    39 if "all" in steps(selector) - {"balanced"} and "|" not in selector else 8
                ), selector
            removed = {removal.id: removal.reason for removal in selection.removed}
            assert removed["webp"] == "same content"
            assert len(removed) == 14
            assert all(removal.detail for removal in selection.removed)
    assert engine.select("p", engine.query_of("p", "e000")).removed[-2].reason in ("itself", "same content")


def test_elsewhere_another_question_about_the_picture_is_another_example(engine) -> None:
    engine.create_pool("vqa", kind="vqa")
    engine.add(
        "vqa", [draft(1, 1, id="same", text="How many?"), draft(1, 1, id="other", text="What colour?")]
    )
    assert ids(
        engine.select("vqa", engine.query([ImageFile("q", encoded(picture(1, hue=1)))], "HOW  many?"))
    ) == ["other"]
    assert ids(engine.select("vqa", engine.query([ImageFile("q", encoded(picture(1, hue=1)))]))) == []


def test_evaluation_also_removes_the_group_and_near_duplicates(engine) -> None:
    engine.add("p", [draft(200 + number, 1, group="patient 1") for number in range(3)])
    near = picture(77, hue=1)
    near_file = ImageFile("n.jpg", encoded(near, "JPEG", quality=95))
    engine.add("p", [draft(300, 1, images=(near_file,))])
    query = engine.query([ImageFile("q.png", encoded(near))], group="patient 1")
    plain = engine.select("p", query, Recipe(k=50))
    strict = engine.select("p", query, Recipe(k=50, evaluation=True))
    assert {"e200", "e201", "e202", "e300"} <= set(ids(plain))
    gone = {removal.id: removal.reason for removal in strict.removed}
    assert gone["e300"] == "near-duplicate"
    assert [gone[f"e20{number}"] for number in range(3)] == ["same group"] * 3
    assert not gone.keys() & set(ids(strict))
    assert strict.eligible == len(strict.demonstrations) == 44 - len(gone)


def test_a_copy_that_arrives_after_the_pool_was_pinned_is_not_shown(engine) -> None:
    pinned = engine.pinned("p")
    query = engine.query([ImageFile("q.png", encoded(picture(999, hue=2)))])
    before = ids(engine.select(pinned, query))
    copy = ImageFile("c.bmp", encoded(picture(999, hue=2), "BMP"))
    engine.add("p", [draft(999, 2, id="copy", images=(copy,))])
    assert "copy" not in ids(engine.select(pinned, query))
    assert ids(engine.select("p", query)) == before


def test_in_evaluation_a_stored_query_brings_its_group(engine) -> None:
    engine.add("p", [draft(200 + number, 1, group="patient 1") for number in range(3)])
    image = ImageFile("q.png", encoded(picture(200, hue=1)))
    strict = engine.select("p", engine.query([image], id="e200"), Recipe(k=50, evaluation=True))
    assert {"e200", "e201", "e202"} <= {removal.id for removal in strict.removed}


def test_flat_pictures_are_not_taken_for_each_other(engine) -> None:
    engine.create_pool("flat")
    from PIL import Image

    colours = ["red", "green", "blue", "black", "white"]
    files = {
        colour: ImageFile(f"{colour}.png", encoded(Image.new("RGB", (16, 16), colour))) for colour in colours
    }
    engine.add("flat", [draft(1, 1, id=colour, images=(file,), text="") for colour, file in files.items()])
    yellow = engine.query([ImageFile("y.png", encoded(Image.new("RGB", (16, 16), "yellow")))])
    strict = engine.select("flat", yellow, Recipe(k=5, evaluation=True))
    assert len(strict.demonstrations) == 5


def test_in_evaluation_texts_that_differ_in_punctuation_are_the_same(engine) -> None:
    engine.create_pool("texts", kind="vqa")
    engine.add(
        "texts", [draft(1, 1, id="a", images=(), text="Where is it?"), draft(2, 1, images=(), text="Else")]
    )
    query = engine.query(text="where is IT")
    assert ids(engine.select("texts", query, Recipe(evaluation=True))) == ["e002"]


def test_an_enormous_k_is_all_there_is(engine) -> None:
    selection = engine.select("p", engine.query(text="thing"), Recipe(k=10**30))
    assert len(selection.demonstrations) == 40
    assert selection.short


def test_more_than_there_is_returns_all_of_it_flagged(engine) -> None:
    selection = engine.select("p", engine.query(text="thing"), Recipe(k=500))
    assert len(selection.demonstrations) == 40
    assert any(flag.startswith("short: 40 of 500") for flag in selection.flags)


def test_nothing_to_choose_from_is_flagged_not_an_error(engine) -> None:
    engine.create_pool("empty")
    for selector in SELECTORS:
        selection = engine.select("empty", engine.query(text="x"), Recipe(selector=selector))
        assert selection.demonstrations == ()


def test_held_out_splits_are_not_shown_unless_asked_for(engine) -> None:
    engine.add("p", [draft(400 + number, 3, split="test") for number in range(5)])
    engine.add("p", [draft(500, 3, split="train")])
    query = engine.query_of("p", "e400")
    everything = set(ids(engine.select("p", query, Recipe(selector="all"))))
    assert "e500" in everything
    assert not {f"e40{number}" for number in range(5)} & everything
    recipe = Recipe.read({"selector": "all", "filters": {"splits": ["test"]}})
    assert set(ids(engine.select("p", query, recipe))) == {f"e40{number}" for number in range(1, 5)}


def test_a_data_directory_may_have_any_name(open_engine, tmp_path) -> None:
    place = tmp_path / "a b?c#d%20 ü"
    first = open_engine(data_dir=place, index_url=None)
    first.create_pool("p")
    first.add("p", [draft(number, 1) for number in range(3)])
    assert (place / "shotsmith.db").is_file()
    assert len(ids(first.select("p", first.query_of("p", "e001")))) == 2


def test_filters_narrow_the_pool(engine) -> None:
    engine.add("p", [draft(600, 1, tags=("night",), metadata={"site": 3})])
    query = engine.query(text="x")
    for filters in ({"tags": ["night"]}, {"metadata": {"site": 3}}, {"ids": ["e600"]}):
        assert ids(engine.select("p", query, Recipe.read({"selector": "random", "filters": filters}))) == [
            "e600"
        ]
    by_label = engine.select("p", query, Recipe.read({"selector": "all", "filters": {"labels": ["class 1"]}}))
    assert {shot.example.label for shot in by_label.demonstrations} == {"class 1"}


def test_a_fresh_index_is_filled_from_sql(engine, open_engine) -> None:
    query = engine.query_of("p", "e003")
    expected = ids(engine.select("p", query))
    again = open_engine()
    assert ids(again.select("p", again.query_of("p", "e003"))) == expected


def _settings(folder: str) -> Settings:
    return Settings(data_dir=Path(folder), index_url="memory:", encoder="fake", model="fake/3 > 1 > 2")


@budget(max_examples=6)
@given(order=st.permutations(range(12)))
def test_the_order_of_arrival_changes_nothing(order) -> None:
    found = []
    for arrival in (range(12), order):
        with tempfile.TemporaryDirectory() as folder, Engine(_settings(folder)) as opened:
            opened.create_pool("p")
            for number in arrival:
                opened.add("p", [draft(number, number % 3)])
            query = opened.query([ImageFile("q.png", encoded(picture(50, hue=1)))], "thing 5")
            picks = [opened.select("p", query, Recipe(selector=name, k=5)) for name in SELECTORS]
            found.append([SelectionOut.of(one).model_dump_json() for one in picks])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"selector": "ricess"}, UnknownName),
        ({"selector": {"name": "rices", "params": {"modaliti": "text"}}}, InvalidParameter),
        ({"selector": {"name": "rices", "params": {"modality": "smell"}}}, InvalidParameter),
        ({"k": -1}, InvalidParameter),
        ({"order": "sideways"}, InvalidParameter),
        ({"kk": 1}, InvalidParameter),
    ],
)
def test_bad_recipes_are_one_clear_error(engine, fields, kind) -> None:
    with pytest.raises(kind) as caught:
        engine.select("p", engine.query(text="x"), Recipe.read(fields, "recipe"))
    assert caught.value.field
    assert caught.value.exit_code == 2


def test_an_empty_query_is_refused(engine) -> None:
    with pytest.raises(InvalidInput, match="neither an image nor a text"):
        engine.query(text="  ")


def test_another_encoder_than_the_configured_one_is_refused(engine, open_engine) -> None:
    other = open_engine(encoder="colour-hog")
    for action in (lambda: other.select("p", other.query(text="x")), lambda: other.add("p", [draft(1, 1)])):
        with pytest.raises(EncoderMismatch, match="colour-hog") as caught:
            action()
        assert "'fake'" in str(caught.value)
    unset = open_engine(encoder=None)
    assert ids(unset.select("p", unset.query(text="thing 1"))) == ids(
        engine.select("p", engine.query(text="thing 1"))
    )
