"""Importers of the field's benchmarks, each on a small file in its published shape, and the traps of each."""

import json
from pathlib import Path

import pytest

from shotsmith import registry
from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.domain.references import REFERENCES, packed, references
from shotsmith.engine import Engine
from shotsmith.importers import Importer, open_importer
from shotsmith.settings import Settings


@pytest.fixture
def write(tree, tmp_path):
    """Writes a text or JSON below the pictures' directory."""

    def build(name: str, content: object, *pictures: str) -> Path:
        root = tree(*pictures)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return build


def drafts(kind, source, **options):
    importer = open_importer(kind, source, **options)
    assert isinstance(importer, Importer)
    found = list(importer.read())
    assert list(importer.read()) == found, "a second reading begins anew"
    assert len({one.id for one in found}) == len(found)
    assert all(image.data for one in found for image in one.images)
    return found, importer


def fault(kind, source, **options):
    with pytest.raises((InvalidInput, InvalidParameter)) as caught:
        list(open_importer(kind, source, **options).read())
    assert caught.value.mend
    return caught.value


# ManyICL


def test_manyicl_pairs(write):
    header = ",agricultural,airplane,beach"
    root = write(
        "demo.csv",
        f"{header}\nagricultural14.png,1.0,0.0,0.0\nboth.png,0.0,1.0,1.0\n",
        *(f"images/{name}.png" for name in ("agricultural14", "both", "beach1", "none")),
    ).parent
    write("test.csv", f"{header}\nbeach1.png,0.0,0.0,1.0\nnone.png,0,0,0\n")
    found, importer = drafts("manyicl", root)
    assert [(one.id, one.labels, one.split) for one in found] == [
        ("demo/agricultural14.png", ("agricultural",), "train"),
        ("demo/both.png", ("airplane", "beach"), "train"),
        ("test/beach1.png", ("beach",), "test"),
    ]
    assert importer.skipped == 1


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (",a,b\nx.png,2.0,0\n", "demo.csv row 2: a"),
        (",a,b\nx.png,1.0\n", "demo.csv row 2"),
        (",a,a\nx.png,1.0,0\n", "demo.csv row 1"),
        ("image\nx.png\n", "demo.csv row 1"),
        (',a\n"x.png,1\n', "demo.csv"),
        (",a\ngone.png,1\n", "demo.csv row 2: image"),
    ],
)
def test_manyicl_faults(write, text, field):
    assert fault("manyicl", write("demo.csv", text, "x.png").parent).field == field


def test_manyicl_needs_its_files(tree):
    assert "neither demo.csv" in str(fault("manyicl", tree("x.png")))


# VL-ICL


def test_vl_icl_plain(write):
    source = write(
        "clevr/query.json",
        [{"id": 0, "image": ["clevr/q.png"], "question": "shape: cube", "answer": 3}],
        "clevr/q.png",
        "clevr/s.png",
    )
    write("clevr/support.json", [{"image": ["clevr/s.png"], "question": "shape: ball", "answer": 2}])
    found, _ = drafts("vl-icl", source.parent)
    assert [(one.id, one.text, one.answer, one.split) for one in found] == [
        ("support/0", "shape: ball", "2", "train"),
        ("query/0", "shape: cube", "3", "test"),
    ]


def test_vl_icl_operators_have_an_answer_each(write):
    source = write(
        "op/query.json",
        [{"image": ["op/q.png"], "question": "?", "operator": "x", "answer": 6}],
        "op/q.png",
        "op/s.png",
    )
    write("op/support.json", [{"image": ["op/s.png"], "question": "?", "answer": [3, -1, 2]}])
    found, _ = drafts("vl-icl", source.parent)
    assert [(one.answer, one.metadata["operator"]) for one in found] == [
        ("3", "+"),
        ("-1", "-"),
        ("2", "x"),
        ("6", "x"),
    ]
    write("op/support.json", [{"image": ["op/s.png"], "question": "?", "answer": [3, -1]}])
    assert fault("vl-icl", source.parent).field == "support.json[0]: answer"


def test_vl_icl_pairs_and_own_support(write):
    source = write(
        "mi/query.json",
        [{"image": ["mi/a.png", "mi/b.png"], "question": "?", "answer": "yes"}],
        "mi/a.png",
        "mi/b.png",
    )
    pair = {"image": ["mi/a.png", "mi/b.png"], "question": "?"}
    write("mi/support.json", [{"same": {**pair, "answer": "yes"}, "diff": {**pair, "answer": "no"}}])
    found, _ = drafts("vl-icl", source.parent)
    assert [(one.id, one.answer, len(one.images)) for one in found] == [
        ("support/0/same", "yes", 2),
        ("support/0/diff", "no", 2),
        ("query/0", "yes", 2),
    ]
    support = {
        "dax": {"images": ["mi/a.png", "mi/b.png"], "captions": []},
        "blicket": {"images": ["mi/b.png"]},
    }
    (source.parent / "support.json").unlink()
    write(
        "mi/query.json",
        [
            {
                "image": ["mi/a.png"],
                "question": "This is a",
                "answer": "dax",
                "classes": ["dax", "blicket"],
                "support": support,
            }
        ],
    )
    found, importer = drafts("vl-icl", source.parent)
    assert importer.lists == {"query/0": ["query/0/dax/0", "query/0/blicket/0", "query/0/dax/1"]}
    assert [one.split for one in found] == ["train"] * 3 + ["test"]
    write("mi/query.json", [{"image": ["mi/a.png"], "answer": "x", "latent": "style", "task": 1}])
    assert "pictures" in str(fault("vl-icl", source.parent))


# VQA


def vqa(write, *, swap=False):
    questions = [
        {
            "image_id": 458752,
            "question": "What is this photo taken looking through?",
            "question_id": 458752000,
        },
        {"image_id": 458752, "question": "What position is this man playing?", "question_id": 458752001},
    ]
    people = ["net"] * 7 + ["netting", "mesh", "net"]
    annotations = [
        {
            "question_type": "what is this",
            "multiple_choice_answer": "net",
            "answers": [
                {"answer": one, "answer_confidence": "maybe", "answer_id": i}
                for i, one in enumerate(people, 1)
            ],
            "image_id": 458752,
            "answer_type": "other",
            "question_id": 458752000,
        },
        {
            "answers": [{"answer": "catcher"}, {"answer": "pitcher"}, {"answer": "pitcher"}],
            "image_id": 458752,
            "question_id": 458752001,
        },
    ]
    if swap:
        annotations.reverse()
    source = write(
        "q.json",
        {"info": {"a": [1]}, "data_subtype": "train2014", "questions": questions},
        "COCO_train2014_000000458752.png",
    )
    return source, write("a.json", {"license": {}, "annotations": annotations}), people


@pytest.mark.parametrize("swap", [False, True])
def test_vqa_keeps_ten_annotators_and_groups_pictures(write, swap):
    source, annotations, people = vqa(write, swap=swap)
    found, _ = drafts(
        "vqa", source, annotations=annotations, image="COCO_train2014_{:012}.png", split="train"
    )
    first, second = sorted(found, key=lambda one: one.id)
    assert (first.id, first.answer, first.group, first.split) == ("458752000", "net", "458752", "train")
    assert references(first.metadata) == tuple(people)
    assert first.metadata["question_type"] == "what is this"
    assert second.answer == "pitcher", "the most frequent where no best one is told"


def test_vqa_faults(write):
    source, annotations, _ = vqa(write)
    assert fault("vqa", source).field == "annotations"
    assert fault("vqa", source, annotations=annotations).field == "image"
    assert fault("vqa", source, annotations=annotations, image="{:d}{:d}").field == "image"
    alone = write(
        "b.json", {"annotations": [{"question_id": 9, "image_id": 1, "answers": [{"answer": "x"}]}]}
    )
    assert fault("vqa", source, annotations=alone).field == "b.json: annotations[0]: question_id"
    other = write(
        "b.json", {"annotations": [{"question_id": 458752000, "image_id": 1, "answers": [{"answer": "x"}]}]}
    )
    assert fault("vqa", source, annotations=other, image="{}").field.endswith("image_id")
    twice = write("q2.json", {"questions": [{"question_id": 1, "image_id": "a", "question": "?"}] * 2})
    assert fault("vqa", twice, annotations=annotations).field == "q2.json: questions[1]: question_id"


def test_vizwiz_and_textvqa_name_their_pictures(write):
    source = write(
        "q.json",
        {"questions": [{"question_id": 1, "image_id": "VizWiz_val_0.png", "question": "?"}]},
        "VizWiz_val_0.png",
        "t.jpg",
    )
    annotations = write(
        "a.json",
        {
            "annotations": [
                {"question_id": 1, "image_id": "VizWiz_val_0.png", "answers": [{"answer": "unanswerable"}]}
            ]
        },
    )
    (one,), _ = drafts("vqa", source, annotations=annotations)
    assert one.images[0].name == "VizWiz_val_0.png"
    source = write(
        "q.json",
        {
            "questions": [
                {"question_id": 1, "image_id": "t", "question": "?"},
                {"question_id": 2, "image_id": "t", "question": "no answer"},
            ]
        },
    )
    annotations = write(
        "a.json", {"annotations": [{"question_id": 1, "image_id": "t", "answers": [{"answer": "x"}]}]}
    )
    (one,), importer = drafts("vqa", source, annotations=annotations)
    assert (one.images[0].name, importer.skipped) == ("t.jpg", 1)


# Hateful Memes


def test_hateful_memes(write):
    lines = [
        {
            "id": 42953,
            "img": "img/42953.png",
            "label": 0,
            "text": "its their character not their color that matters",
        },
        {"id": 1235, "img": "img/01235.png", "label": 1, "text": "mean"},
        {"id": 5, "img": "img/00005.png", "text": "unlabelled"},
    ]
    source = write("dev_seen.jsonl", "\n".join(map(json.dumps, lines)), "img/42953.png", "img/01235.png")
    found, importer = drafts("hateful-memes", source)
    assert [(one.id, one.answer, one.labels, one.split) for one in found] == [
        ("42953", "no", ("no",), "val"),
        ("01235", "yes", ("yes",), "val"),
    ]
    assert importer.skipped == 1
    assert [one.split for one in drafts("hateful-memes", source, split="test")[0]] == ["test", "test"]
    bad = write("train.jsonl", json.dumps({**lines[0], "label": 2}))
    assert fault("hateful-memes", bad).field == "train.jsonl:1: label"


# Karpathy


def test_karpathy_restval_is_training_and_all_captions_are_kept(write):
    image = {
        "filepath": "val2014",
        "sentids": [1, 2],
        "filename": "COCO_val2014_000000391895.png",
        "imgid": 0,
        "split": "restval",
        "sentences": [{"raw": "A man with a red helmet. ", "tokens": []}, {"raw": "Another one"}],
        "cocoid": 391895,
    }
    flickr = {"filename": "100.png", "split": "test", "sentences": [{"raw": "x"}], "imgid": 1}
    source = write(
        "dataset.json",
        {"images": [image, flickr, {**flickr, "filename": "empty.png", "sentences": []}], "dataset": "coco"},
        "val2014/COCO_val2014_000000391895.png",
        "100.png",
    )
    found, importer = drafts("karpathy", source)
    assert [(one.id, one.answer, one.split) for one in found] == [
        ("COCO_val2014_000000391895.png", "A man with a red helmet.", "train"),
        ("100.png", "x", "test"),
    ]
    assert references(found[0].metadata) == ("A man with a red helmet.", "Another one")
    assert found[0].metadata["cocoid"] == 391895
    assert importer.skipped == 1
    assert (
        fault("karpathy", write("d.json", {"images": [{**flickr, "split": "dev"}]})).field
        == "d.json: images[0]: split"
    )


# MMLongBench


def test_mmlongbench_numbers_belong_to_a_domain_and_a_set(write):
    domain = {
        "exemplar_list": [
            [[{"image": "a.png", "id": 0}, {"image": "b.png", "id": 1}], [{"image": "a.png", "id": 0}]],
            [[{"image": "a.png", "id": 1}]],
        ],
        "test_example": [{"image": "c.png", "answer": 1}],
    }
    source = write("K8.json", {"cars": domain, "birds": domain}, "a.png", "b.png", "c.png")
    found, importer = drafts("mmlongbench", source, domain="cars")
    assert [(one.id, one.labels, one.split) for one in found] == [
        ("train/a.png", ("0",), "train"),
        ("train/b.png", ("1",), "train"),
        ("test/c.png", ("1",), "test"),
    ]
    assert importer.skipped == 1
    assert drafts("mmlongbench", source, domain="cars", set=1)[0][0].labels == ("1",)
    error = fault("mmlongbench", source)
    assert (error.field, "cars, birds" in error.mend) == ("domain", True)
    assert fault("mmlongbench", source, domain="cats").field == "domain"
    assert fault("mmlongbench", source, domain="cars", set=2).field == "set"
    assert fault("mmlongbench", source, domain="cars", set=-1).field == "set"


# ISEKAI


def test_isekai_tells_classes_of_one_name_apart(write):
    lines = [
        {
            "class_id": "134",
            "class_name": "crane",
            "samples": ["a.png", "b.png"],
            "neighbors": [["517", "crane", "c.png"], ["1", "kit fox", "d.png"]],
        },
        {"class_id": "1", "class_name": "kit fox", "samples": ["d.png"], "neighbors": []},
    ]
    source = write("pairs.jsonl", "\n".join(map(json.dumps, lines)), "a.png", "b.png", "c.png", "d.png")
    found, importer = drafts("isekai", source)
    assert [(one.id, one.labels) for one in found] == [
        ("a.png", ("crane (134)",)),
        ("b.png", ("crane (134)",)),
        ("c.png", ("crane (517)",)),
        ("d.png", ("kit fox",)),
    ]
    assert importer.skipped == 1
    lines[1]["samples"] = ["a.png"]
    assert fault("isekai", write("pairs.jsonl", "\n".join(map(json.dumps, lines)))).field == "pairs.jsonl:2"


# CIRCLES


def test_circles_items(write):
    item = {
        "id": "7",
        "imgpath": "a.png",
        "question": "What is the category of the bird in this image?",
        "answer": "Crow",
    }
    array = write("items.json", [item], "a.png")
    (one,), _ = drafts("circles", array, task="cls", split="test")
    assert (one.id, one.text, one.answer, one.labels, one.split) == (
        "7",
        item["question"],
        "Crow",
        ("Crow",),
        "test",
    )
    (line,), _ = drafts("circles", write("items.jsonl", json.dumps({**item, "id": 7})))
    assert (line.id, line.labels) == ("7", ())
    assert fault("circles", array, task="qa").field == "task"
    assert "not exist" in str(
        fault("circles", write("x.json", [{**item, "imgpath": "huggingface:a/b/c/test/0/image"}]))
    )


# All


def test_references_are_read_back():
    assert references({}) == ()
    assert references({REFERENCES: packed(["two", "2", "2"])}) == ("two", "2", "2")
    for held in ("two", "[1]", 3, '{"a": 1}'):
        with pytest.raises(InvalidInput, match="JSON list"):
            references({REFERENCES: held})


def test_what_was_imported_is_stored_and_asked(write, tmp_path):
    """From a published file to a selection, ten annotators included."""
    source, annotations, people = vqa(write)
    with Engine(Settings(data_dir=tmp_path / "d", index_url="memory:", encoder="fake")) as engine:
        engine.create_pool("v", kind="vqa")
        importer = open_importer("vqa", source, annotations=annotations, image="COCO_train2014_{:012}.png")
        assert engine.add_all("v", importer.read()).added == 2
        assert references(engine.example("v", "458752000").metadata) == tuple(people)


FILES = ["circles", "coco", "cvat", "hateful-memes", "isekai", "karpathy", "label-studio", "mmlongbench"]


def test_all_are_registered():
    assert set(registry.names("importers")) >= {*FILES, "vqa", "vl-icl", "manyicl", "smmile", "arrow"}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    "content", ["", "{", "[", "[1]", '{"images": [1]}', "null", "\x00", "<annotations><image/></annotations>"]
)
def test_rubbish_is_one_error(write, kind, content):
    source = write("file", content)
    assert fault(kind, source).field
    with pytest.raises(InvalidInput, match="is a directory"):
        open_importer(kind, source.parent)
    source.write_bytes(b"\xff\xfe")
    assert fault(kind, source).field
