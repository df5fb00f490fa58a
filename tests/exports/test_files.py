"""What the files are to programs that know nothing of Shotsmith."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from drafts import draft
from pictures import encoded, picture
from safetensors import safe_open
from safetensors.numpy import load_file

from shotsmith import __version__
from shotsmith.domain.examples import ImageFile
from shotsmith.domain.recipes import Recipe
from shotsmith.exports import export, growing, split_ids

FILES = {
    "demonstrations.parquet",
    "embeddings.safetensors",
    "images.parquet",
    "manifest.json",
    "queries.parquet",
}


def contents(folder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def rows(path) -> list[dict]:
    return pq.read_table(path).to_pylist()


def test_the_same_export_twice_is_the_same_bytes(engine, open_engine, out) -> None:
    ids, recipe = split_ids(engine, "p", "test"), Recipe.read("modality(k=5)|random")
    export(engine, "p", ids, recipe, out)
    export(engine, "p", iter(ids), recipe, out.with_name("again"))
    export(open_engine(), "p", ids, recipe, out.with_name("by another engine"))
    first = contents(out)
    assert first.keys() == FILES
    assert contents(out.with_name("again")) == first
    assert contents(out.with_name("by another engine")) == first


@pytest.mark.parametrize("form", ["original", "prepared"])
def test_no_file_tells_a_path(engine, out, tmp_path, form: str) -> None:
    export(engine, "p", "e016", None, out, images=form)
    assert not [name for name, data in contents(out).items() if str(tmp_path).encode() in data]


def test_everybody_who_may_read_one_file_may_read_all(engine, out) -> None:
    export(engine, "p", "e016", None, out)
    assert len({file.stat().st_mode for file in out.iterdir()}) == 1


def test_the_manifest_says_what_it_takes_to_do_it_again(engine, out) -> None:
    recipe = Recipe.read("rices(k=3)|similar_first|with(evaluation=true)")
    done = export(engine, "p", split_ids(engine, "p", "test"), recipe, out, images="prepared")
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    pool = engine.pool("p")
    assert manifest["shotsmith"] == __version__
    assert {name: manifest["pool"][name] for name in ("name", "uid", "version", "instruction")} == {
        "name": "p",
        "uid": pool.uid,
        "version": pool.version,
        "instruction": "What is it?",
    }
    assert manifest["pool"]["labels"] == [f"class {label}" for label in range(4)]
    assert manifest["encoder_id"] == pool.encoder_id
    assert Recipe.read(manifest["recipe"]) == Recipe.read(manifest["recipe_text"]) == recipe
    assert manifest["images"] == "prepared"
    assert manifest["counts"] == done.counts
    assert (done.counts["queries"], done.counts["demonstrations"]) == (6, 18)
    for name, file in manifest["files"].items():
        data = (out / name).read_bytes()
        assert file == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert manifest["files"].keys() == FILES - {"manifest.json"}


def test_the_tables_open_with_any_parquet_reader(engine, out) -> None:
    export(engine, "p", ["e016", "e018"], Recipe.read("rices(k=3)"), out)
    queries, shots = rows(out / "queries.parquet"), rows(out / "demonstrations.parquet")
    assert [(row["query"], row["query_id"], row["answer"]) for row in queries] == [
        (0, "e016", "class 0"),
        (1, "e018", "class 2"),
    ]
    assert [(row["query"], row["position"], row["rank"]) for row in shots] == [
        (number, position, 4 - position) for number in (0, 1) for position in (1, 2, 3)
    ]
    assert {row["query_key"] for row in shots} == {row["query_key"] for row in queries}
    assert [json.loads(row["scores"]) for row in shots] == [{"image": row["score"]} for row in shots]
    images = {row["sha256"]: row for row in rows(out / "images.parquet")}
    for row in shots:
        (image,) = row["images"]
        assert {**images[image["sha256"]], "bytes": None} == {**image, "bytes": None}
        assert hashlib.sha256(images[image["sha256"]]["bytes"]).hexdigest() == image["sha256"]


@pytest.mark.parametrize("form", ["original", "prepared"])
def test_every_image_is_stored_once(engine, out, form: str) -> None:
    # The training examples are queries as well as demonstrations.
    queries = split_ids(engine, "p", "test") + split_ids(engine, "p", "train")
    done = export(engine, "p", queries, Recipe.read("all"), out, images=form)
    stored = [row["sha256"] for row in rows(out / "images.parquet")]
    assert len(stored) == len(set(stored)) == done.counts["images"] == 22
    assert done.counts["demonstrations"] == 6 * 16 + 16 * 15


def test_prepared_images_have_the_size_of_their_place_in_a_prompt(engine, out) -> None:
    big = ImageFile("big.png", encoded(picture(1, hue=1, side=200)))
    engine.add("p", [draft(70, 1, id="big", images=(big,))])
    recipe = Recipe.read("where(ids=[big])|rices(k=1)|with(images={max_side=64,query_max_side=128})")
    other = engine.query([ImageFile("q.png", encoded(picture(2, hue=1, side=200)))])
    export(engine, "p", ["big", other], recipe, out, images="prepared")
    own, asked = (row["images"][0] for row in rows(out / "queries.parquet"))
    (shown,) = (row["images"][0] for row in rows(out / "demonstrations.parquet"))
    assert own["source_sha256"] == shown["source_sha256"] == hashlib.sha256(big.data).hexdigest()
    assert (own["width"], asked["width"], shown["width"]) == (128, 128, 64)
    assert len({image["sha256"] for image in (own, asked, shown)}) == 3
    assert len(rows(out / "images.parquet")) == 3


def test_what_is_shown_without_its_images_has_none(engine, out) -> None:
    export(engine, "p", "e016", Recipe.read("rices(k=2)|text_only"), out)
    assert [(row["bare"], row["images"]) for row in rows(out / "demonstrations.parquet")] == [(True, [])] * 2
    assert len(rows(out / "images.parquet")) == 1


def test_the_tensors_open_with_safetensors_and_missing_vectors_are_marked(engine, out) -> None:
    engine.add("p", [draft(60, 1, id="mute", text=""), draft(61, 1, id="blind", images=())])
    pool = engine.pinned("p")
    queries = [engine.query(text="thing 1"), engine.query_of(pool, "e016")]
    export(engine, pool, queries, Recipe.read("all"), out)
    tensors = load_file(out / "embeddings.safetensors")
    with safe_open(out / "embeddings.safetensors", framework="numpy") as file:
        assert file.metadata() == {"encoder_id": pool.encoder_id}
    shots = rows(out / "demonstrations.parquet")
    assert tensors["demonstrations.rows"].tolist() == [[row["query"], row["position"]] for row in shots]
    dims = engine.encoder(pool).dims
    assert len(tensors) == 1 + 4 * len(dims)
    for space, dim in dims.items():
        vectors = tensors[f"demonstrations.{space}"]
        places = tensors[f"demonstrations.{space}.row"]
        assert (vectors.dtype, places.dtype) == (np.float32, np.int64)
        assert vectors.shape[1] == dim
        expected = engine.vectors(pool, space, [row["id"] for row in shots])
        assert len(vectors) == len(expected)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert len(places) == len(shots)
        for row, place in zip(shots, places.tolist(), strict=True):
            if row["id"] in expected:
                assert np.array_equal(vectors[place], expected[row["id"]])
            else:
                assert place == -1
    marked = {row["id"]: place for row, place in zip(shots, tensors["demonstrations.image.row"], strict=True)}
    assert {id for id, place in marked.items() if place == -1} == {"blind"}
    assert tensors["queries.image.row"].tolist() == [-1, 0]
    assert tensors["queries.text.row"].tolist() == [0, 1]
    assert np.array_equal(tensors["queries.image"][0], engine.query_vectors(pool, queries[1])["image"])


def test_a_space_in_which_nothing_has_a_vector_is_there_and_empty(engine, out) -> None:
    export(engine, "p", engine.query(text="x"), Recipe.read("none"), out)
    tensors = load_file(out / "embeddings.safetensors")
    assert tensors["demonstrations.rows"].shape == (0, 2)
    for space, dim in engine.encoder(engine.pool("p")).dims.items():
        assert tensors[f"demonstrations.{space}"].shape == (0, dim)
        assert tensors[f"demonstrations.{space}.row"].shape == (0,)
    assert tensors["queries.image"].shape[0] == 0
    assert rows(out / "demonstrations.parquet") == []


def test_no_more_than_a_row_group_waits_in_memory(engine, out, monkeypatch) -> None:
    monkeypatch.setattr(growing, "GROUP_ROWS", 8)
    ids = split_ids(engine, "p", "test") * 3
    written = []

    def watched():
        for id in ids:
            (part,) = out.parent.iterdir()
            written.append({file.name: file.stat().st_size for file in part.iterdir()})
            yield id

    export(engine, "p", watched(), Recipe.read("rices(k=5)"), out)
    for name, count in (("demonstrations.parquet", 90), ("queries.parquet", 18)):
        groups = pq.ParquetFile(out / name).metadata
        sizes = [groups.row_group(number).num_rows for number in range(groups.num_row_groups)]
        assert sum(sizes) == count
        assert max(sizes) == 8
        assert len(sizes) == -(-count // 8)
    # Row groups reach the disk while later queries are still to be asked.
    growth = [sizes["demonstrations.parquet"] for sizes in written]
    assert growth[0] < growth[2] < growth[9] < growth[17]
    assert growth == sorted(growth)


def test_row_groups_are_bounded_by_bytes_too(engine, out, monkeypatch) -> None:
    monkeypatch.setattr(growing, "GROUP_BYTES", 3000)
    export(engine, "p", split_ids(engine, "p", "test"), Recipe.read("rices(k=5)"), out)
    images = pq.ParquetFile(out / "images.parquet").metadata
    assert images.num_row_groups == 1  # their own limit is a megabyte
    from shotsmith.exports.parts import Images

    monkeypatch.setitem(Images.OPTIONS, "group_bytes", 4000)
    export(engine, "p", split_ids(engine, "p", "test"), Recipe.read("rices(k=5)"), out, overwrite=True)
    images = pq.ParquetFile(out / "images.parquet").metadata
    assert images.num_row_groups == -(-images.num_rows // 3)  # of about 1,570 bytes each


def test_vectors_wait_on_the_disk(tmp_path) -> None:
    tensor = growing.Tensor(tmp_path, np.float32, 3)
    for number in range(5):
        tensor.append([number, 0.5, -1])
    found = tensor.mapped()
    assert isinstance(found, np.memmap)
    assert found.tolist() == [[number, 0.5, -1] for number in range(5)]
    del found
    tensor.close()
    assert list(tmp_path.iterdir()) == []
