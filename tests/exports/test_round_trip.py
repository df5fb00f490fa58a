from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from drafts import draft
from export_pools import RECIPES, drafts
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from pictures import encoded, picture

from shotsmith.domain.errors import UnknownName
from shotsmith.domain.examples import ImageFile
from shotsmith.domain.recipes import Recipe
from shotsmith.engine import Engine
from shotsmith.exports import export, read_export, split_ids
from shotsmith.imaging import decode
from shotsmith.settings import Settings


def same_vectors(found, expected) -> bool:
    return found.keys() == expected.keys() and all(
        np.array_equal(found[space], expected[space]) for space in expected
    )


def stored_vectors(engine, pool, id: str) -> dict:
    found = {space: engine.vectors(pool, space, [id]) for space in engine.encoder(pool).dims}
    return {space: vectors[id] for space, vectors in found.items() if id in vectors}


def check(engine, queries, recipe, read, form="original") -> None:
    """Everything that was read is what the engine says now."""
    pool = engine.pinned("p")
    assert len(read) == len(queries)
    for number, (asked, found) in enumerate(zip(queries, read, strict=True)):
        query = engine.query_of(pool, asked) if isinstance(asked, str) else asked
        selection = engine.select(pool, query, recipe)
        own = engine.example(pool, asked) if isinstance(asked, str) else None
        assert (found.number, found.id, found.key, found.text) == (number, query.id, query.key, query.text)
        assert (found.group, dict(found.metadata)) == (query.group, dict(query.metadata))
        assert (found.answer, found.labels) == ((own.answer, own.labels) if own else (None, None))
        assert (found.eligible, found.short) == (selection.eligible, selection.short)
        assert (found.flags, found.removed) == (selection.flags, selection.removed)
        assert same_vectors(found.vectors, engine.query_vectors(pool, query))
        check_images(engine, found.images, query.media, recipe.images.query_max_side, form)
        assert len(found.demonstrations) == len(selection.demonstrations)
        for shot, chosen in zip(found.demonstrations, selection.demonstrations, strict=True):
            example = chosen.example
            for name in ("position", "rank", "score", "stage", "fixed", "bare", "reason"):
                assert getattr(shot, name) == getattr(chosen, name)
            for name in ("id", "text", "answer", "labels", "group", "split", "tags"):
                assert getattr(shot, name) == getattr(example, name)
            assert dict(shot.scores) == dict(chosen.scores)
            assert dict(shot.metadata) == dict(example.metadata)
            assert [type(value) for value in shot.metadata.values()] == [
                type(example.metadata[name]) for name in shot.metadata
            ]
            assert same_vectors(shot.vectors, stored_vectors(engine, pool, example.id))
            media = () if chosen.bare else example.media
            check_images(engine, shot.images, media, recipe.images.max_side, form)


def check_images(engine, images, media, max_side, form) -> None:
    assert [image.source_sha256 for image in images] == [part.sha256 for part in media]
    for image, part in zip(images, media, strict=True):
        assert hashlib.sha256(image.data).hexdigest() == image.sha256
        assert len(image.data) == image.size
        if form == "original":
            assert image.data == (engine.image(part.sha256) if part.data is None else part.data)
            assert (image.mime, image.width, image.height) == (part.mime, part.width, part.height)
        else:
            made = engine.prepared(part, max_side, Recipe().images.quality)
            assert (image.data, image.mime) == (made.data, made.mime)
            assert (image.width, image.height) == (made.width, made.height)
            assert max(image.width, image.height) <= max_side
        shown = image.picture()
        assert (shown.mode, shown.size) == ("RGB", (image.width, image.height))
        assert shown.tobytes() == decode(image.data).tobytes()


@budget(max_examples=20)
@given(
    pool=drafts(),
    recipe=st.sampled_from(RECIPES),
    form=st.sampled_from(["original", "prepared"]),
    encoder=st.sampled_from(["fake", "colour-hog"]),
)
def test_what_was_written_is_read_back(pool, recipe: str, form: str, encoder: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        given = Settings(data_dir=Path(folder) / "data", index_url="memory:", encoder=encoder)
        with Engine(given) as engine:
            engine.create_pool("p", kind="open")
            engine.add("p", pool)
            image = ImageFile("q.png", encoded(picture(77, hue=3)))
            queries = [*(one.id for one in pool), engine.query([image]), engine.query(text="só palavras")]
            wanted = Recipe.read(recipe)
            done = export(engine, "p", queries, wanted, Path(folder) / "out", images=form)
            read = read_export(Path(folder) / "out")
            check(engine, queries, wanted, read, form)
            assert read.recipe == wanted
            assert read.manifest == done.manifest
            assert read.encoder_id == engine.pool("p").encoder_id
            assert dict(read.spaces) == dict(engine.encoder(engine.pool("p")).dims)
            found = list(read)
            assert done.counts == {
                "queries": len(queries),
                "demonstrations": sum(len(query.demonstrations) for query in found),
                "examples": len({shot.id for query in found for shot in query.demonstrations}),
                "images": len(
                    {
                        image.sha256
                        for query in found
                        for item in (query, *query.demonstrations)
                        for image in item.images
                    }
                ),
            }


def test_a_query_of_ones_own_has_no_expected_answer_unless_it_is_a_stored_example(engine, out) -> None:
    image = ImageFile("q.png", encoded(picture(500, hue=2)))
    queries = [
        engine.query([image], "what?", metadata={"site": 3}),
        engine.query([image], id="e017"),
        engine.query([image], id="somebody else"),
    ]
    export(engine, "p", queries, None, out)
    new, known, unknown = read_export(out)
    assert (new.id, new.answer, new.labels, new.metadata) == (None, None, None, {"site": 3})
    assert (known.id, known.answer, known.labels) == ("e017", "class 1", ("class 1",))
    assert (unknown.id, unknown.answer, unknown.labels) == ("somebody else", None, None)
    assert [shot.position for shot in new.demonstrations] == list(range(1, 9))
    assert [shot.said for shot in new.demonstrations][-1] == "class 2"


def test_one_query_needs_no_list(engine, out) -> None:
    export(engine, "p", "e016", None, out)
    (query,) = read_export(out)
    assert query.id == "e016"


def test_a_split_is_its_active_examples_in_the_order_of_their_ids(engine, out) -> None:
    ids = split_ids(engine, "p", "test")
    assert ids == [f"e0{number}" for number in range(16, 22)]
    export(engine, "p", ids, Recipe.read("rices(k=16)|with(evaluation=true)"), out)
    first, *others = read_export(out)
    assert {removal.id: removal.reason for removal in first.removed}["e000"] == "same group"
    assert "e000" not in [shot.id for shot in first.demonstrations]
    assert all("e000" in [shot.id for shot in query.demonstrations] for query in others)


def test_a_matrix_has_a_row_a_demonstration_and_no_number_where_there_is_no_vector(engine, out) -> None:
    engine.add("p", [draft(60, 1, id="mute", text=""), draft(61, 1, id="blind", images=())])
    pool = engine.pinned("p")
    export(engine, pool, [engine.query(text="thing 1")], Recipe.read("all"), out)
    (query,) = read_export(out)
    ids = [shot.id for shot in query.demonstrations]
    for space, without in (("image", "blind"), ("text", "mute")):
        matrix = query.matrix(space)
        assert matrix.shape == (18, engine.encoder(pool).dims[space])
        assert matrix.dtype == np.float32
        assert np.isnan(matrix[ids.index(without)]).all()
        held = [id for id in ids if id != without]
        expected = engine.vectors(pool, space, held)
        assert np.array_equal(matrix[[ids.index(id) for id in held]], [expected[id] for id in held])
    assert set(query.vectors) == {"text", "joint"}
    with pytest.raises(UnknownName, match="image, joint, text"):
        query.matrix("smell")


def test_images_can_be_had_by_hash_while_the_others_stay_on_the_disk(engine, out, monkeypatch) -> None:
    """Image bytes are kept up to a limit, and read again when they are wanted again."""
    from shotsmith.exports import reading

    export(engine, "p", split_ids(engine, "p", "test"), Recipe.read("rices(k=2)"), out)
    expected = {image.sha256: image.data for query in read_export(out) for image in query.images}
    monkeypatch.setattr(reading, "_KEPT_BYTES", 0)
    read = read_export(out)
    assert {sha256: read.image(sha256) for sha256 in [*expected, *expected]} == expected
    with pytest.raises(Exception, match="no such image"):
        read.image("0" * 64)
