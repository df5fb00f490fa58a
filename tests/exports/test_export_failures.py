"""An export is there whole or not at all, and is read whole or not at all."""

from __future__ import annotations

import errno
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from drafts import draft
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from shotsmith.domain.errors import (
    Conflict,
    InvalidImage,
    InvalidInput,
    InvalidParameter,
    MissingExtra,
    NotFound,
    Unavailable,
)
from shotsmith.domain.recipes import Recipe
from shotsmith.exports import export, layout, read_export

FILES = [*layout.CONTENTS, layout.MANIFEST]


def whole(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["changed", "cut", "longer", "gone", "empty"])
def test_a_damaged_file_is_one_clear_error_that_names_it(engine, out, name: str, how: str) -> None:
    export(engine, "p", "e016", None, out)
    file = out / name
    data = file.read_bytes()
    middle = len(data) // 2
    file.unlink()
    damaged = {
        "changed": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "cut": data[:-30],
        "longer": data + b"x",
        "empty": b"",
    }
    if how in damaged:
        file.write_bytes(damaged[how])
    with pytest.raises(InvalidInput, match=r"damaged|cannot be read") as caught:
        read_export(out)
    assert caught.value.field == name
    assert caught.value.mend == "Export again"


@budget(max_examples=300)
@given(place=st.integers(0), mask=st.integers(1, 255))
def test_no_changed_byte_of_a_manifest_changes_what_it_says(place: int, mask: int) -> None:
    fields = {"format": layout.FORMAT, "pool": {"name": "é p"}, "counts": {"queries": 3}, "score": 0.5}
    data = bytearray(layout.manifest_bytes(fields))
    data[place % len(data)] ^= mask
    with suppress(ValueError):
        assert layout.read_manifest(bytes(data)) == fields


def test_another_format_is_refused(engine, out) -> None:
    export(engine, "p", "e016", None, out)
    fields = layout.read_manifest((out / "manifest.json").read_bytes())
    (out / "manifest.json").write_bytes(layout.manifest_bytes({**fields, "format": "shotsmith-export/9"}))
    with pytest.raises(InvalidInput, match="another format"):
        read_export(out)


@pytest.mark.parametrize("content", ["[]", "{}", '{"sha256": 1}', "\ud800", '{"a": NaN, "sha256": ""}'])
def test_a_directory_that_is_no_export_is_refused(tmp_path, content: str) -> None:
    with pytest.raises(InvalidInput, match="no export"):
        read_export(tmp_path / "nothing")
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(InvalidInput):
        read_export(tmp_path)


@pytest.mark.parametrize("module", ["pyarrow.parquet", "safetensors.numpy"])
def test_writing_without_the_extra_says_how_to_get_it(engine, out, monkeypatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=module.partition(".")[0]) as caught:
        export(engine, "p", "e016", None, out)
    assert caught.value.mend == "pip install 'shotsmith[export]'"
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("module", ["pyarrow.parquet", "safetensors"])
def test_reading_without_the_extra_says_how_to_get_it(engine, out, monkeypatch, module: str) -> None:
    export(engine, "p", "e016", None, out)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra) as caught:
        read_export(out)
    assert caught.value.mend == "pip install 'shotsmith[export]'"


def test_the_extra_is_loaded_when_it_is_used() -> None:
    code = "import sys, shotsmith.exports, shotsmith.cli.exporting; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "shotsmith.exports.reading" in loaded.split()
    assert {"pyarrow", "safetensors"}.isdisjoint(loaded.split())


def test_what_is_there_is_only_replaced_when_told(engine, out) -> None:
    export(engine, "p", "e016", None, out)
    before = whole(out)
    with pytest.raises(Conflict, match="not empty"):
        export(engine, "p", "e017", None, out)
    assert whole(out) == before
    export(engine, "p", "e017", None, out, overwrite=True)
    (query,) = read_export(out)
    assert query.id == "e017"
    assert [file.name for file in out.parent.iterdir()] == ["out"]


def test_an_empty_directory_is_filled(engine, out) -> None:
    out.mkdir()
    export(engine, "p", "e016", None, out)
    assert len(read_export(out)) == 1
    assert [file.name for file in out.parent.iterdir()] == ["out"]


def test_only_exports_are_overwritten(engine, out) -> None:
    export(engine, "p", "e016", None, out)
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(Conflict, match=r"thesis\.tex"):
        export(engine, "p", "e016", None, out, overwrite=True)
    assert (out / "thesis.tex").read_text() == "years of work"
    assert [file.name for file in out.parent.iterdir()] == ["out"]


def test_a_file_is_never_overwritten(engine, out) -> None:
    out.write_text("a file")
    with pytest.raises(Conflict, match="a file of that name"):
        export(engine, "p", "e016", None, out, overwrite=True)
    assert out.read_text() == "a file"


def test_directories_above_are_made(engine, out) -> None:
    export(engine, "p", "e016", None, out / "a" / "b")
    assert len(read_export(out / "a" / "b")) == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("earlier", [False, True])
def test_an_interrupted_export_leaves_what_was_there(engine, out, stop, earlier: bool) -> None:
    if earlier:
        export(engine, "p", "e016", None, out)
    before = whole(out) if earlier else None

    def queries():
        yield "e017"
        yield "e018"
        assert any(file.name.startswith(".out.part-") for file in out.parent.iterdir())
        raise stop

    with pytest.raises(stop):
        export(engine, "p", queries(), None, out, overwrite=True)
    assert [file.name for file in out.parent.iterdir()] == (["out"] if earlier else [])
    if earlier:
        assert whole(out) == before


def test_directories_that_were_made_for_it_go_with_it(engine, out) -> None:
    with pytest.raises(NotFound):
        export(engine, "p", ["e016", "nobody"], None, out / "a" / "b")
    assert list(out.parent.iterdir()) == []


def test_an_export_that_cannot_be_moved_into_place_leaves_the_earlier_one(engine, out, monkeypatch) -> None:
    export(engine, "p", "e016", None, out)
    before = whole(out)
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if ".part-" in self.name:
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(Unavailable, match="Permission denied"):
        export(engine, "p", "e017", None, out, overwrite=True)
    assert whole(out) == before
    assert [file.name for file in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("full", ["table", "tensor"])
def test_a_full_disk_is_one_clear_error(engine, out, monkeypatch, full: str) -> None:
    error = OSError(errno.ENOSPC, "No space left on device")
    if full == "table":
        import pyarrow.parquet

        def refuse(self, *_, **__) -> None:
            raise error

        monkeypatch.setattr(pyarrow.parquet.ParquetWriter, "write_table", refuse)
    else:
        import safetensors.numpy

        def refuse_all(*_, **__) -> None:
            raise error

        monkeypatch.setattr(safetensors.numpy, "save_file", refuse_all)
    with pytest.raises(Unavailable, match="No space left") as caught:
        export(engine, "p", "e016", None, out)
    assert caught.value.field == "out"
    assert list(out.parent.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_clear_error(engine, out) -> None:
    out.write_text("a file")
    with pytest.raises(Unavailable, match="cannot be written"):
        export(engine, "p", "e016", None, out / "below")


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"pool": "nowhere"}, NotFound),
        ({"queries": ["e016", "nobody"]}, NotFound),
        ({"queries": []}, InvalidInput),
        ({"images": "tiny"}, InvalidParameter),
        ({"recipe": Recipe.read("rices(modality=smell)")}, InvalidParameter),
        ({"recipe": Recipe.read({"filters": {"labels": ["\ud800"]}})}, InvalidParameter),
    ],
)
def test_bad_input_is_one_clear_error_and_leaves_nothing(engine, out, given: dict, kind) -> None:
    arguments = {"pool": "p", "queries": ["e016"], "recipe": None, "out": out, **given}
    with pytest.raises(kind) as caught:
        export(engine, **arguments)
    assert caught.value.field
    assert list(out.parent.iterdir()) == []


def test_a_pool_that_changes_meanwhile_gives_no_export(engine, out) -> None:
    def queries():
        yield "e016"
        engine.add("p", [draft(99, 1)])
        yield "e017"

    with pytest.raises(Conflict, match="changed while it was exported"):
        export(engine, "p", queries(), None, out)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("how", ["lost", "damaged"])
def test_an_image_that_is_lost_or_damaged_gives_no_export(engine, out, tmp_path, how: str) -> None:
    (part,) = engine.example("p", "e001").media
    blob = tmp_path / "data" / "blobs" / part.sha256[:2] / part.sha256[2:4] / part.sha256
    data = blob.read_bytes()
    blob.unlink()
    if how == "damaged":
        blob.write_bytes(data[:-1] + b"x")
    with pytest.raises(NotFound if how == "lost" else InvalidImage):
        export(engine, "p", "e016", Recipe.read("all"), out)
    assert list(out.parent.iterdir()) == []


def test_progress_is_told_with_the_total_where_it_is_known(engine, out) -> None:
    told = []
    export(engine, "p", ["e016", "e017"], None, out, progress=lambda *step: told.append(step))
    export(engine, "p", iter(["e016"]), None, out, overwrite=True, progress=lambda *step: told.append(step))
    assert told == [(1, 2), (2, 2), (1, None)]
