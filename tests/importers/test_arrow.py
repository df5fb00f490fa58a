"""Hugging Face data sets on disk, and SMMILE, which is published as one."""

import json

import pytest
from typer.testing import CliRunner

from shotsmith.cli import app
from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.importers import open_importer

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
    "caption": {"dtype": "string", "_type": "Value"},
}


@pytest.fixture
def table(picture):
    def build(labels, **columns):
        pictures = [{"bytes": picture(i), "path": None} for i, _ in enumerate(labels)]
        return pa.table({"image": pictures, "label": labels, **columns})

    return build


def save(folder, table, features=FEATURES):
    """What `Dataset.save_to_disk` writes."""
    folder.mkdir(parents=True)
    with (
        pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema) as out,
    ):
        out.write_table(table, max_chunksize=2)
    (folder / "state.json").write_text(
        json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": None})
    )
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))


def test_a_saved_dictionary_of_splits(tmp_path, table):
    save(tmp_path / "ds" / "train", table([0, 1, 1], caption=["a", "b", None]))
    save(tmp_path / "ds" / "validation", table([-1], caption=["only a caption"]))
    (tmp_path / "ds" / "dataset_dict.json").write_text('{"splits": ["train", "validation"]}')
    importer = open_importer("arrow", tmp_path / "ds")
    found = list(importer.read())
    assert [(one.id, one.labels, one.answer, one.split) for one in found] == [
        ("train/0", ("cat",), "a", "train"),
        ("train/1", ("dog",), "b", "train"),
        ("train/2", ("dog",), "", "train"),
        ("validation/0", (), "only a caption", "validation"),
    ]
    assert list(importer.read()) == found


def test_columns_are_named_or_guessed(tmp_path, table):
    save(tmp_path / "one", table([0, 1], name=["x", "y"], question=["q", "r"]))
    found = list(open_importer("arrow", tmp_path / "one", id="name", text="name", label="").read())
    assert [(one.id, one.text, one.labels, one.split) for one in found] == [
        ("x", "x", (), None),
        ("y", "y", (), None),
    ]
    with pytest.raises(InvalidParameter) as caught:
        list(open_importer("arrow", tmp_path / "one", answer="gone").read())
    assert (caught.value.field, "question" in caught.value.mend) == ("answer", True)


def test_parquet_files_of_the_hub(tmp_path, table):
    schema = json.dumps({"info": {"features": FEATURES}})
    (tmp_path / "data").mkdir()
    for name, labels in (
        ("train-00000-of-00002", [0]),
        ("train-00001-of-00002", [1]),
        ("test-00000-of-00001", [1]),
    ):
        one = table(labels).replace_schema_metadata({"huggingface": schema})
        pq.write_table(one, tmp_path / "data" / f"{name}.parquet")
    found = list(open_importer("arrow", tmp_path).read())
    assert [(one.id, one.labels) for one in found] == [
        ("test/0", ("dog",)),
        ("train/0", ("cat",)),
        ("train/1", ("dog",)),
    ]


def test_faults(tmp_path, table):
    def fault(source):
        with pytest.raises(InvalidInput) as caught:
            list(open_importer("arrow", source).read())
        return caught.value

    assert fault(tmp_path).field == "source"
    save(tmp_path / "bad", table([5]))
    assert fault(tmp_path / "bad").value == "5"
    save(tmp_path / "none", table([]))
    assert "no row" in str(fault(tmp_path / "none"))
    save(tmp_path / "cut", table([0] * 9))
    file = tmp_path / "cut" / "data-00000-of-00001.arrow"
    file.write_bytes(file.read_bytes()[:700])
    assert "cannot be read" in str(fault(tmp_path / "cut"))
    file.unlink()
    assert "missing" in str(fault(tmp_path / "cut"))
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    assert "cannot be read" in str(fault(tmp_path / "x.parquet"))
    save(tmp_path / "path", pa.table({"image": [{"bytes": None, "path": "gone.png"}], "label": [0]}))
    assert fault(tmp_path / "path").field.endswith("row 0: image")


@pytest.fixture
def smmile(tmp_path, picture):
    """Problem p1 out of order, p2 without a picture, p3 with one row."""
    rows = [
        ("p1", 3, True),
        ("p2", 1, True),
        ("p1", 1, True),
        ("p1", 2, True),
        ("p2", 2, False),
        ("p3", 1, True),
    ]
    held = [
        {
            "question": f"q{i}",
            "answer": f"a{i}",
            "image": {"bytes": picture(i), "path": None} if seen else None,
            "image_url": "u",
            "problem_id": problem,
            "order": order,
            "speciality": "Radiology",
            "flag_rarity": "rare",
        }
        for i, (problem, order, seen) in enumerate(rows)
    ]
    pq.write_table(pa.Table.from_pylist(held), tmp_path / "train-00000-of-00001.parquet")
    return tmp_path


def test_smmile_problems_bring_their_own_demonstrations(smmile):
    importer = open_importer("smmile", smmile)
    found = list(importer.read())
    assert [(one.id, one.text, one.split, one.group) for one in found] == [
        ("p1/3", "q0", "test", None),
        ("p1/1", "q2", "train", None),
        ("p1/2", "q3", "train", None),
    ]
    assert importer.lists == {"p1/3": ["p1/2", "p1/1"]}
    assert importer.skipped == 3
    assert found[0].metadata == {"problem_id": "p1", "speciality": "Radiology", "flag_rarity": "rare"}


def test_smmile_is_shown_as_published(smmile, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOTSMITH_ENCODER", "fake")
    run = CliRunner()
    where = ["--data-dir", str(tmp_path / "data")]
    done = run.invoke(app, [*where, "import", "smmile", str(smmile), "-p", "s", "--kind", "vqa"])
    assert done.exit_code == 0, done.output
    assert "1 queries bring their own demonstrations" in done.stdout
    done = run.invoke(
        app,
        [*where, "select", "-p", "s", "--id", "p1/3", "-s", "neighbours(name=smmile)", "-k", "2", "--json"],
    )
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)["demonstrations"]
    assert sorted((one["rank"], one["id"]) for one in shown) == [(1, "p1/2"), (2, "p1/1")]
    assert [one["id"] for one in shown] == ["p1/1", "p1/2"], "in the published order"


def test_smmile_faults(tmp_path, picture):
    row = {
        "question": "q",
        "answer": "a",
        "image": {"bytes": picture(0), "path": None},
        "problem_id": "p",
        "order": 1,
    }
    file = tmp_path / "x.parquet"
    for rows, field in (
        ([row, row], "x.parquet row 1: order"),
        ([{**row, "order": None}], "x.parquet row 0: order"),
        ([{name: value for name, value in row.items() if name != "order"}], "x.parquet row 0: order"),
        ([row], "source"),
    ):
        pq.write_table(pa.Table.from_pylist(rows), file)
        with pytest.raises(InvalidInput) as caught:
            list(open_importer("smmile", file).read())
        assert caught.value.field == field
