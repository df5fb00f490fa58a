"""Crops and metadata texts in real pools: what `late_interaction` and `rerank` find that whole vectors do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drafts import draft
from pictures import encoded
from PIL import Image

from shotsmith.domain.errors import InvalidParameter, NotFound
from shotsmith.domain.examples import ImageFile, Query
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Selection
from shotsmith.engine import Engine
from shotsmith.settings import Settings


def quarters(*colours: str) -> ImageFile:
    """A picture of four quarters: upper left, upper right, lower left, lower right; or of one colour."""
    whole = Image.new("RGB", (24, 24))
    for place, colour in enumerate(colours * (4 // len(colours))):
        left, top = 12 * (place % 2), 12 * (place // 2)
        whole.paste(colour, (left, top, left + 12, top + 12))
    return ImageFile("q.png", encoded(whole))


PICTURES = {
    "corner": quarters("blue", "green", "black", "red"),  # a red corner, the rest far from red
    "orange": quarters("orange"),
    "purple": quarters("purple"),
    "teal": quarters("teal", "teal", "navy", "navy"),
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("parts"), index_url="memory:", encoder="fake")
    with Engine(settings) as opened:
        opened.create_pool("crops")
        opened.add(
            "crops",
            [draft(n, 1, id=id, images=(file,), text="") for n, (id, file) in enumerate(PICTURES.items())],
        )
        opened.create_pool("signs")
        said: dict[str, Any] = {"exit": "EXIT 12", "shop": "open daily", "stop": "STOP", "blank": None}
        opened.add(
            "signs",
            [
                draft(
                    n, 1, id=id, images=(quarters("grey"),), text=f"a sign {n}",
                    metadata={} if words is None else {"ocr": words, "year": 2000 + n},
                )
                for n, (id, words) in enumerate(said.items())
            ],
        )  # fmt: skip
        yield opened


def ranked(selection: Selection) -> list[str]:
    return [shot.example.id for shot in selection.by_rank]


@pytest.fixture
def red(engine: Engine) -> Query:
    return engine.query([quarters("red")])


def choose(engine: Engine, pool: str, query: Query, text: str, k: int = 4) -> Selection:
    return engine.select(pool, query, Recipe(selector=text, k=k))


@pytest.mark.parametrize("tiles", [0, 1])
def test_without_crops_the_whole_picture_decides(engine: Engine, red: Query, tiles: int) -> None:
    found = choose(engine, "crops", red, f"late_interaction(tiles={tiles})")
    assert ranked(found) == ranked(choose(engine, "crops", red, "rices"))
    assert ranked(found)[0] == "orange"


@pytest.mark.parametrize(
    "text", ["late_interaction(tiles=2)", "rerank(by=parts,tiles=2)", "random|rerank(by=parts,tiles=2)"]
)
def test_a_crop_that_shows_what_the_query_shows_wins(engine: Engine, red: Query, text: str) -> None:
    found = choose(engine, "crops", red, text)
    assert ranked(found)[0] == "corner"
    if "late" in text:
        # Every part of the query, whole or crop, is as red as that corner.
        assert found.by_rank[0].scores == {"image": 1.0}
    else:
        assert set(found.by_rank[0].scores) >= {"parts"}


def test_crops_of_another_size_are_other_parts(engine: Engine, red: Query) -> None:
    """Nine crops a picture cut the red corner: only one of them is red through and through."""
    nine = choose(engine, "crops", red, "late_interaction(tiles=3)").by_rank
    assert nine[0].example.id == "corner"
    detail = engine.query([quarters("red", "white", "white", "white")])
    whole, crops = (choose(engine, "crops", detail, f"late_interaction(tiles={tiles})") for tiles in (0, 2))
    assert ranked(whole) != ranked(crops)


def sign(engine: Engine, **metadata: Any) -> Query:
    return engine.query([quarters("grey", "grey", "grey", "white")], "another sign", metadata=metadata)


@pytest.mark.parametrize(
    "text",
    ["late_interaction(fields=[ocr])", "late_interaction(fields=ocr)", "rerank(by=parts,fields=[ocr])"],
)
@pytest.mark.parametrize(("ocr", "best"), [("exit 12", "exit"), ("STOP!", "stop"), ("Open", "shop")])
def test_a_text_in_the_metadata_finds_its_like(engine: Engine, text: str, ocr: str, best: str) -> None:
    assert ranked(choose(engine, "signs", sign(engine, ocr=ocr), text))[0] == best


def test_fields_that_nobody_names_are_not_compared(engine: Engine) -> None:
    plain = [
        choose(engine, "signs", sign(engine, ocr=ocr), "late_interaction") for ocr in ("exit 12", "STOP")
    ]
    assert ranked(plain[0]) == ranked(plain[1])
    named = [
        choose(engine, "signs", sign(engine, **metadata), f"late_interaction(fields={fields})")
        for metadata, fields in (({}, "[ocr]"), ({"ocr": "STOP"}, "[nothing]"))
    ]
    # A field that the query lacks, or that does not exist, leaves texts to be compared with texts.
    blank = choose(engine, "signs", sign(engine), "late_interaction")
    assert ranked(named[1]) == ranked(blank)
    assert [shot.scores for shot in named[1].by_rank] == [shot.scores for shot in blank.by_rank]
    assert len(named[0].demonstrations) == 4
    assert not named[0].flags


def test_an_example_without_the_field_is_compared_by_its_text_and_keeps_no_flag(engine: Engine) -> None:
    found = choose(engine, "signs", sign(engine, ocr="a sign 3"), "late_interaction(fields=[ocr])")
    assert ranked(found)[0] == "blank"
    assert found.flags == ()


def test_numbers_in_metadata_are_words_as_well(engine: Engine) -> None:
    found = choose(engine, "signs", sign(engine, year=2002), "late_interaction(fields=[year])")
    assert ranked(found)[0] == "stop"


def test_only_the_depth_is_reranked(engine: Engine, red: Query) -> None:
    order = ranked(choose(engine, "crops", red, "rices"))
    assert order.index("corner") > 1
    shallow = choose(engine, "crops", red, "rerank(by=parts,tiles=2,depth=2)")
    assert ranked(shallow)[2:] == order[2:]
    assert [shot.score is None for shot in shallow.by_rank] == [False, False, True, True]
    alone = choose(engine, "crops", red, "rerank(by=parts,tiles=2)", k=1)
    assert ranked(alone) == ["corner"]


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("late_interaction(tiles=9)", "late_interaction.tiles", "9"),
        ("late_interaction(tiles=-1)", "late_interaction.tiles", "-1"),
        ("late_interaction(depth=0)", "late_interaction.depth", "0"),
        ("rerank(by=parts,tiles=9)", "rerank.tiles", "9"),
        ("rerank(depth=0)", "rerank.depth", "0"),
        ("rerank(passes=21)", "rerank.passes", "21"),
        ("rerank(by=looks)", "rerank.by", "looks"),
    ],
)
def test_sizes_that_make_no_sense_are_one_clear_error(
    engine: Engine, red: Query, text: str, field: str, value: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        choose(engine, "crops", red, text)
    assert (caught.value.field, caught.value.value) == (field, value)
    assert str(caught.value.mend).startswith(f"Parameters of {field.partition('.')[0]}: ")


def test_an_unknown_list_of_neighbours_is_one_clear_error(engine: Engine, red: Query) -> None:
    with pytest.raises(NotFound) as caught:
        choose(engine, "signs", sign(engine), "neighbours(name=SI)")
    error = caught.value
    assert (error.field, error.value, error.exit_code) == ("name", "SI", 3)
    assert error.mend == "Import some: shotsmith neighbours import"
    engine.import_neighbours("crops", "SQ", {"corner": ["teal", "orange"]})
    with pytest.raises(NotFound, match="There are: SQ"):
        choose(engine, "crops", red, "mix(parts=[rices,neighbours(name=SI)])")


def test_an_imported_list_is_completed_by_whatever_is_named(engine: Engine) -> None:
    engine.import_neighbours("crops", "SQ", {"corner": ["teal", "orange"]})
    query = engine.query_of("crops", "corner")
    found = choose(engine, "crops", query, "neighbours(name=SQ,rest=random_fixed)", k=3)
    assert ranked(found) == ["teal", "orange", "purple"]
    assert "the list 'SQ' has 2 for this query: completed by random_fixed" in found.flags
    short = choose(engine, "crops", query, "neighbours(name=SQ,rest=none)", k=3)
    assert ranked(short) == ["teal", "orange"]


def test_facts_of_the_query_are_matched_against_those_of_the_pool(engine: Engine) -> None:
    found = choose(
        engine, "signs", sign(engine, year=2002.0, ocr="exit"), "rices|matched(by=[year,place])", k=2
    )
    assert ranked(found)[0] == "stop"
    assert [shot.reason.partition(":")[0] for shot in found.by_rank] == ["same year", "another year"]
    assert found.flags == ("the query has no place to match",)
