"""Media folders: what image folders do, for sounds and videos as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import clip, film, packed, samples
from pictures import encoded, picture

from shotsmith.domain.errors import InvalidInput, InvalidMedia
from shotsmith.importers import open_importer
from shotsmith.media import opened


def folder(root: Path, **files: bytes) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def test_classes_splits_and_order_are_those_of_image_folders(tmp_path: Path) -> None:
    source = folder(
        tmp_path,
        **{
            "train/yes/a.wav": clip(1),
            "train/yes/b.mp3": packed(samples(2), "libmp3lame", "mp3"),
            "train/no/c.MP4": film(1, frames=3),
            "test/no/d.png": encoded(picture(1)),
            "test/no/notes.txt": b"not a clip",
        },
    )
    importer = open_importer("mediafolder", source)
    assert importer.total() == 4
    drafts = list(importer.read())
    assert [(draft.id, draft.labels, draft.split) for draft in drafts] == [
        ("test/no/d.png", ("no",), "test"),
        ("train/no/c.MP4", ("no",), "train"),
        ("train/yes/a.wav", ("yes",), "train"),
        ("train/yes/b.mp3", ("yes",), "train"),
    ]
    assert importer.skipped == 1
    assert all(not draft.images for draft in drafts)
    kinds = [opened(file.data, name=file.name)[0].kind for draft in drafts for file in draft.files]
    assert kinds == ["image", "video", "audio", "audio"]


def test_what_is_refused_later_is_not_passed_over_now(tmp_path: Path) -> None:
    (draft,) = open_importer("mediafolder", folder(tmp_path, **{"yes/a.m4a": b"ftyp"})).read()
    with pytest.raises(InvalidMedia, match=r"yes/a\.m4a: the bytes are no sound that is read"):
        opened(draft.files[0].data, name=draft.files[0].name)


def test_errors_say_what_was_looked_for(tmp_path: Path) -> None:
    empty = folder(tmp_path / "empty", **{"yes/notes.txt": b"x"})
    with pytest.raises(InvalidInput, match="holds no image, sound or video"):
        list(open_importer("mediafolder", empty).read())
    loose = folder(tmp_path / "loose", **{"a.wav": clip(1)})
    with pytest.raises(InvalidInput, match="image, sound or video is in no class directory"):
        list(open_importer("mediafolder", loose).read())


def test_image_folders_pass_over_sounds_as_before(tmp_path: Path) -> None:
    source = folder(tmp_path, **{"cat/a.png": encoded(picture(1)), "cat/a.wav": clip(1)})
    importer = open_importer("imagefolder", source)
    assert [draft.id for draft in importer.read()] == ["cat/a.png"]
    assert importer.skipped == 1
