"""COCO-style files and exports of label tools, each in its published shape."""

import json

import pytest

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.domain.references import references
from shotsmith.importers import open_importer


@pytest.fixture
def write(tree):
    def build(name, content, *pictures):
        path = tree(*pictures) / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return build


def drafts(kind, source, **options):
    importer = open_importer(kind, source, **options)
    found = list(importer.read())
    assert list(importer.read()) == found, "a second reading begins anew"
    return found, importer


def fault(kind, source, **options):
    with pytest.raises((InvalidInput, InvalidParameter)) as caught:
        list(open_importer(kind, source, **options).read())
    return caught.value


COCO = {
    "info": {"year": 2017},
    "categories": [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
    "annotations": [
        {"id": 1, "image_id": 9, "category_id": 90, "area": 10.0, "bbox": [0, 0, 1, 1], "iscrowd": 0},
        {"id": 2, "image_id": 9, "category_id": 1, "area": 9.0, "bbox": [0, 0, 1, 1], "iscrowd": 0},
        {"id": 3, "image_id": 9, "category_id": 1, "area": 9.0, "bbox": [0, 0, 1, 1], "iscrowd": 1},
    ],
    "images": [{"id": 9, "file_name": "000000000009.png"}, {"id": 10, "file_name": "none.png"}],
}


@pytest.mark.parametrize("order", [list(COCO), list(COCO)[::-1]])
def test_coco_objects_by_area_whatever_the_order_of_the_file(write, order):
    source = write("instances_val2017.json", {name: COCO[name] for name in order}, "000000000009.png")
    (one,), importer = drafts("coco", source, split="val")
    assert (one.id, one.labels, one.split) == ("000000000009.png", ("person", "toothbrush"), "val")
    assert importer.skipped == 1


def test_coco_captions(write):
    said = [{"id": i, "image_id": 9, "caption": text} for i, text in enumerate(["A bowl. ", "Food"])]
    source = write("captions.json", {"images": COCO["images"], "annotations": said}, "000000000009.png")
    (one,), _ = drafts("coco", source)
    assert (one.answer, one.labels, references(one.metadata)) == ("A bowl.", (), ("A bowl.", "Food"))


def test_coco_faults(write):
    unknown = [{"image_id": 9, "category_id": 2}]
    assert fault("coco", write("x.json", {**COCO, "annotations": unknown}, "000000000009.png")).value == "2"
    lost = [{"image_id": 7, "category_id": 1}, *COCO["annotations"]]
    assert "not in images" in str(fault("coco", write("x.json", {**COCO, "annotations": lost})))
    assert (
        fault("coco", write("x.json", {**COCO, "images": [{"id": 9}]})).field
        == "x.json: images[0]: file_name"
    )


def choice(*values, name="choice", kind="choices"):
    return {
        "id": "a",
        "from_name": name,
        "to_name": "img",
        "type": kind,
        "value": {"text" if kind == "textarea" else kind: list(values)},
    }


def annotation(*results, **fields):
    return {"id": 1001, "result": list(results), "was_cancelled": False, "ground_truth": False, **fields}


def task(number, *annotations, image="/data/upload/1/a.png", **data):
    return {
        "id": number,
        "data": {"image": image, **data},
        "annotations": list(annotations),
        "predictions": [annotation(choice("wrong"))],
    }


def test_label_studio(write):
    tasks = [
        task(1, annotation(choice("cat"))),
        task(
            2,
            annotation(choice("dog")),
            annotation(choice("cat")),
            annotation(choice("cat")),
            annotation(choice("yak"), was_cancelled=True),
        ),
        task(
            3,
            annotation(choice("dog")),
            annotation(choice("cat")),
            annotation(choice("yak"), ground_truth=True),
        ),
        task(4, annotation(was_cancelled=True)),
        task(5, image="/data/local-files/?d=1/b%20c.png", text="What?")
        | {"annotations": [annotation(choice("two lines", kind="textarea"))]},
        task(
            6,
            annotation(
                choice("car", kind="rectanglelabels"),
                choice("car", kind="rectanglelabels"),
                choice("bus", kind="rectanglelabels"),
            ),
        ),
        task(7),
    ]
    source = write("export.json", tasks, "1/a.png", "1/b c.png")
    found, importer = drafts("label-studio", source, split="train")
    assert [(one.id, one.labels, one.answer, references(one.metadata)) for one in found] == [
        ("task-1", ("cat",), "", ()),
        ("task-2", ("cat",), "", ("dog", "cat", "cat")),
        ("task-3", ("yak",), "", ("dog", "cat", "yak")),
        ("task-5", (), "two lines", ()),
        ("task-6", ("car", "bus"), "", ()),
    ]
    assert found[3].images[0].name == "1/b c.png"
    assert found[3].text == "What?"
    assert {one.split for one in found} == {"train"}
    assert importer.skipped == 2


def test_label_studio_faults(write):
    two = [task(1, annotation(choice("cat"), choice("big", name="size")))]
    source = write("export.json", two, "1/a.png")
    assert fault("label-studio", source).mend == "Name one of choice, size"
    assert drafts("label-studio", source, control="size")[0][0].labels == ("big",)
    assert "JSON-MIN" in str(
        fault("label-studio", write("export.json", [{"id": 1, "image": "x", "choice": "cat"}]))
    )
    away = [task(1, annotation(choice("cat")), image="https://example.com/1.jpg")]
    assert "not downloaded" in str(fault("label-studio", write("export.json", away)))
    bad = [{**task(1), "annotations": 3}]
    assert fault("label-studio", write("export.json", bad)).field == "export.json[0]: annotations"


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><project><name>p</name><labels><label><name>cat</name></label></labels></project></meta>
  <image id="0" name="a.png" subset="Train" width="4" height="4">
    <tag label="cat" source="manual"><attribute name="sex">f</attribute></tag>
    <box label="head" source="manual" occluded="0" xtl="0" ytl="0" xbr="1" ybr="1" z_order="0"></box>
  </image>
  <image id="1" name="sub/b.png" subset="default" width="4" height="4">
    <box label="head" xtl="0" ytl="0" xbr="1" ybr="1"/><polygon label="tail" points="0,0;1,1;1,0"/>
    <box label="head" xtl="2" ytl="2" xbr="3" ybr="3"/>
  </image>
  <image id="2" name="c.png" width="4" height="4"></image>
</annotations>
"""


def test_cvat(write):
    source = write("annotations.xml", CVAT, "images/a.png", "images/sub/b.png")
    found, importer = drafts("cvat", source)
    assert [(one.id, one.labels, one.split) for one in found] == [
        ("a.png", ("cat",), "train"),
        ("sub/b.png", ("head", "tail"), None),
    ]
    assert importer.skipped == 1


def test_cvat_faults(write):
    video = '<annotations><track id="0" label="car"><box frame="0"/></track></annotations>'
    assert "video" in str(fault("cvat", write("annotations.xml", video)))
    assert "not a CVAT export" in str(fault("cvat", write("annotations.xml", "<root/>")))
    doubled = "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 100}">' for i in range(5))
    bomb = f'<!DOCTYPE a [<!ENTITY a "{"x" * 1000}">{doubled}]><annotations>&f;</annotations>'
    assert "not XML" in str(fault("cvat", write("annotations.xml", bomb)))
    cut = CVAT[: CVAT.index('<image id="1"')]
    source = write("annotations.xml", cut, "a.png")
    found = open_importer("cvat", source, root=source.parent).read()
    assert next(found).id == "a.png", "what came before stays good"
    with pytest.raises(InvalidInput, match="not XML"):
        next(found)
