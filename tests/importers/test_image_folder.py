import os
from pathlib import Path

import pytest

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.imaging import decode
from shotsmith.importers.image_folder import ImageFolder


def listed(root, **options):
    return [(draft.id, draft.labels, draft.split) for draft in ImageFolder(root, **options).read()]


def test_class_directories_are_labels_and_answers(tree, picture):
    root = tree("dog/b.png", "cat/a.png", "cat/deep/er/c.png")
    drafts = list(ImageFolder(root).read())
    assert [draft.id for draft in drafts] == ["cat/a.png", "cat/deep/er/c.png", "dog/b.png"]
    assert [draft.labels for draft in drafts] == [("cat",), ("cat",), ("dog",)]
    assert [draft.answer for draft in drafts] == ["cat", "cat", "dog"]
    assert {draft.split for draft in drafts} == {None}
    assert drafts[0].images[0].name == drafts[0].where == "cat/a.png"
    assert drafts[0].images[0].data == picture(1)


def test_ids_do_not_depend_on_the_order_files_were_written_in(tmp_path, picture):
    names = ["b/2.png", "a/10.png", "a/9.png", "b/1.png"]
    seen = []
    for turn, order in enumerate((names, names[::-1])):
        for name in order:
            path = tmp_path / str(turn) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(names.index(name)))
        seen.append([(d.id, d.images[0].data) for d in ImageFolder(tmp_path / str(turn)).read()])
    assert seen[0] == seen[1]
    assert [id for id, _ in seen[0]] == ["a/10.png", "a/9.png", "b/1.png", "b/2.png"]


def test_splits_are_detected(tree):
    root = tree("train/cat/a.png", "test/cat/b.png", "val/dog/c.png")
    assert listed(root) == [
        ("test/cat/b.png", ("cat",), "test"),
        ("train/cat/a.png", ("cat",), "train"),
        ("val/dog/c.png", ("dog",), "val"),
    ]


def test_a_split_name_beside_classes_is_a_class(tree):
    assert listed(tree("train/a.png", "bus/b.png")) == [
        ("bus/b.png", ("bus",), None),
        ("train/a.png", ("train",), None),
    ]


def test_splits_beside_other_directories_are_ambiguous(tree):
    root = tree("train/cat/a.png", "extra/cat/b.png")
    with pytest.raises(InvalidInput, match="'extra'") as caught:
        listed(root)
    assert caught.value.field == "train"
    assert "splits=false" in str(caught.value.mend)
    assert listed(root, splits=False)[1] == ("train/cat/a.png", ("train",), None)
    with pytest.raises(InvalidInput, match="extra: the directory is not a split"):
        listed(root, splits=True)


def test_a_lone_split_name_can_be_said_to_be_a_class(tree):
    root = tree("train/a.png")
    with pytest.raises(InvalidInput, match="if 'train' is a class, give splits=false"):
        listed(root)
    assert listed(root, splits=False) == [("train/a.png", ("train",), None)]


@pytest.mark.parametrize("stray", ["stray.png", "train/stray.jpg"])
def test_images_outside_of_class_directories_are_refused_before_anything_is_read(tree, stray):
    root = tree("train/cat/a.png", "train/dog/a.png", stray)
    importer = ImageFolder(root)
    with pytest.raises(InvalidInput, match="in no class directory") as caught:
        next(importer.read())
    assert caught.value.field == stray
    assert importer.total() is None


def test_what_is_no_image_is_passed_over_and_counted(tree):
    text = b"BMW and GIF are words"
    names = ("cat/notes.txt", "cat/.hidden.png", "cat/Thumbs.db", ".git/x.png", "README.md")
    importer = ImageFolder(tree("cat/a.png", *names, **{"cat/notes.txt": text, "README.md": b"# cats"}))
    assert importer.total() == 1
    assert importer.skipped == 0
    assert [draft.id for draft in importer.read()] == ["cat/a.png"]
    assert importer.skipped == len(names)
    list(importer.read())
    assert importer.skipped == len(names), "counts are of one reading"


def test_images_are_known_by_content_too(tree):
    root = tree("cat/scan.dat", "cat/noextension")
    assert [draft.id for draft in ImageFolder(root).read()] == ["cat/noextension", "cat/scan.dat"]


@pytest.mark.parametrize("name", ["drawing.svg", "scan.TIF", "broken.png"])
def test_pictures_that_intake_refuses_are_not_passed_over(tree, name):
    root = tree(f"cat/{name}", **{f"cat/{name}": b"<svg xmlns='http://www.w3.org/2000/svg'/>"})
    (draft,) = ImageFolder(root).read()
    with pytest.raises(InvalidInput, match=f"cat/{name}"):
        decode(draft.images[0].data, name=draft.images[0].name)


def test_names_are_composed_whatever_the_file_system_made_of_them(tree):
    root = tree("cafe\u0301/e\u0301.png")
    assert listed(root) == [("caf\u00e9/\u00e9.png", ("caf\u00e9",), None)]


def test_a_name_that_is_not_utf8_is_an_error(tree, picture):
    root = tree("cat/a.png")
    (root / os.fsdecode(b"cat/\xff.png")).write_bytes(picture(0))
    with pytest.raises(InvalidInput, match="not UTF-8"):
        listed(root)


def test_linked_class_directories_are_followed_and_circles_are_refused(tree, tmp_path):
    root = tree("cat/a.png")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.png").write_bytes((root / "cat/a.png").read_bytes())
    (root / "dog").symlink_to(elsewhere)
    assert [id for id, _, _ in listed(root)] == ["cat/a.png", "dog/b.png"]
    (root / "cat" / "again").symlink_to(root / "cat")
    with pytest.raises(InvalidInput, match="cat/again: the link leads back"):
        listed(root)


def test_a_dangling_link_is_an_error_that_names_it(tree):
    root = tree("cat/a.png")
    (root / "cat" / "b.png").symlink_to("nowhere.png")
    with pytest.raises(InvalidInput, match=r"cat/b\.png: the image file does not exist"):
        listed(root)


def test_a_pipe_is_never_opened(tree):
    root = tree("cat/a.png")
    os.mkfifo(root / "cat" / "pipe")
    importer = ImageFolder(root)
    assert [draft.id for draft in importer.read()] == ["cat/a.png"]
    assert importer.skipped == 1


def test_one_image_is_read_at_a_time(tree):
    root = tree("cat/a.png", "cat/b.png")
    drafts = ImageFolder(root).read()
    next(drafts)
    (root / "cat/b.png").unlink()
    with pytest.raises(InvalidInput, match=r"cat/b\.png"):
        next(drafts)


def test_sources_that_hold_nothing(tree, tmp_path):
    with pytest.raises(InvalidInput, match="holds no image"):
        listed(tree("cat/notes.txt", **{"cat/notes.txt": b"nothing"}))
    with pytest.raises(InvalidInput, match="does not exist"):
        ImageFolder(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="is a file"):
        ImageFolder(Path(__file__))
    with pytest.raises(InvalidParameter, match="splits"):
        ImageFolder(tmp_path, splits="maybe")
