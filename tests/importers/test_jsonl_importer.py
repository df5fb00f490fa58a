import base64
import json
import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.domain.examples import Draft, ImageFile
from shotsmith.importers.jsonl import JsonLines


@pytest.fixture
def write(tree, tmp_path):
    tree("a.png", "b.png")

    def line_file(*lines, raw: bytes | None = None) -> JsonLines:
        path = tmp_path / "data" / "demo.jsonl"
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n"
        path.write_bytes(text.encode() if raw is None else raw)
        return JsonLines(path)

    return line_file


def refusal(importer: JsonLines) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        list(importer.read())
    assert caught.value.mend
    return caught.value


def test_every_field(write, picture):
    record = {
        "id": "x1",
        "images": ["a.png", "b.png"],
        "text": "which one?",
        "answer": "the left",
        "labels": ["left", "up"],
        "group": "g",
        "split": "test",
        "tags": ["new"],
        "metadata": {"year": 2024, "ok": True, "note": "n"},
    }
    (draft,) = write(record).read()
    assert draft == Draft(
        where="demo.jsonl:1",
        id="x1",
        images=(ImageFile("a.png", picture(0)), ImageFile("b.png", picture(1))),
        text="which one?",
        answer="the left",
        labels=("left", "up"),
        group="g",
        split="test",
        tags=("new",),
        metadata={"year": 2024, "ok": True, "note": "n"},
    )


def test_one_and_many_may_be_spelled_either_way(write):
    one, many = write(
        {"image": "a.png", "label": "l", "tags": "t"}, {"images": ["a.png"], "labels": ["l"], "tags": ["t"]}
    ).read()
    assert (one.images, one.labels, one.tags) == (many.images, many.labels, many.tags)


def test_null_is_absent(write):
    (draft,) = write({"text": "t", "label": "l", "group": None, "image": None, "metadata": None}).read()
    assert draft == Draft(where="demo.jsonl:1", text="t", labels=("l",))


def test_blank_lines_count_but_hold_nothing(write):
    importer = write({"text": "a"}, "", "  \t", {"text": "b"})
    assert [draft.where for draft in importer.read()] == ["demo.jsonl:1", "demo.jsonl:4"]
    assert importer.total() == 2


def test_data_urls_absolute_paths_and_another_root(write, tmp_path, picture):
    url = "data:image/png;base64," + base64.b64encode(picture(9)).decode()
    absolute = str(tmp_path / "data" / "b.png")
    drafts = list(write({"image": url}, {"image": absolute}).read())
    assert [draft.images[0].data for draft in drafts] == [picture(9), picture(1)]
    source = tmp_path / "listing.jsonl"
    source.write_text('{"image": "a.png"}\n')
    (draft,) = JsonLines(source, root=tmp_path / "data").read()
    assert draft.images[0].data == picture(0)
    with pytest.raises(InvalidParameter, match="root"):
        JsonLines(source, root=tmp_path / "nowhere")


def test_a_byte_order_mark_is_no_part_of_the_text(write):
    importer = write(raw=b'\xef\xbb\xbf{"text": "a"}\r\n{"text": "b"}')
    assert [draft.text for draft in importer.read()] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ("{'text': 1}", "demo.jsonl:2", "not JSON"),
        ('{"text": "a"', "demo.jsonl:2", "not JSON"),
        ('["a.png"]', "demo.jsonl:2", "not a JSON object"),
        ("17", "demo.jsonl:2", "not a JSON object"),
        ('{"text": "a", "text": "b"}', "demo.jsonl:2", "'text' is given twice"),
        ('{"metadata": {"x": NaN}}', "demo.jsonl:2", "NaN is not a JSON number"),
        ('{"metadata": {"x": ' + "9" * 5000 + "}}", "demo.jsonl:2", "not usable JSON"),
        ("[" * 100_000, "demo.jsonl:2", "not usable JSON"),
        ('{"text": "\\ud83d"}', "demo.jsonl:2", "surrogates not allowed"),
        ('{"image": "a.png", "images": ["b.png"]}', "demo.jsonl:2: image", "both 'image' and 'images'"),
        ('{"label": "a", "labels": []}', "demo.jsonl:2: label", "both 'label' and 'labels'"),
        ('{"image": "c.png"}', "demo.jsonl:2: image", "does not exist"),
        ('{"image": "."}', "demo.jsonl:2: image", "no regular file"),
        ('{"image": "a\\u0000.png"}', "demo.jsonl:2: image", "does not exist"),
        ('{"image": "' + "n" * 5000 + '"}', "demo.jsonl:2: image", "cannot be read"),
        ('{"image": "https://example.org/a.png"}', "demo.jsonl:2: image", "not downloaded"),
        ('{"image": "data:image/png;base64,@@"}', "demo.jsonl:2: image", "data URL cannot be read"),
        ('{"image": "data:image/svg+xml,<svg/>"}', "demo.jsonl:2: image", "data URL cannot be read"),
        ('{"image": 5}', "demo.jsonl:2: image", "not a string or a list of strings"),
        ('{"image": ["a.png", null]}', "demo.jsonl:2: image", "not a string or a list of strings"),
        ('{"id": 5}', "demo.jsonl:2: id", "not a string"),
        ('{"text": ["a"]}', "demo.jsonl:2: text", "not a string"),
        ('{"label": true}', "demo.jsonl:2: label", "not a string or a list of strings"),
        ('{"labels": {"a": 1}}', "demo.jsonl:2: labels", "not a string or a list of strings"),
        ('{"metadata": []}', "demo.jsonl:2: metadata", "not an object"),
    ],
)
def test_refusals_name_line_field_and_mend(write, line, field, message):
    importer = write({"text": "fine"}, line, {"text": "never read"})
    drafts = importer.read()
    assert next(drafts).text == "fine"
    with pytest.raises(InvalidInput, match=message) as caught:
        next(drafts)
    assert caught.value.field == field
    assert caught.value.mend
    str(caught.value).encode()


def test_an_unknown_field_suggests_the_nearest(write):
    error = refusal(write({"lable": "a"}))
    assert error.field == "demo.jsonl:1: lable"
    assert "Did you mean 'label'?" in str(error.mend)


def test_bad_utf8_is_told_with_its_line(write):
    error = refusal(write(raw=b'{"text": "a"}\n{"text": "caf\xe9"}\n'))
    assert error.field == "demo.jsonl:2"
    assert "byte 14 of the line is not UTF-8" in str(error)


def test_a_missing_image_is_told_with_value_and_place(write):
    error = refusal(write({"image": "pics/c.png"}))
    assert error.value == "pics/c.png"
    assert str(Path("data") / "pics" / "c.png") in str(error.mend)


def test_sources_that_hold_nothing(write, tmp_path):
    assert "no example" in str(refusal(write("", "")))
    with pytest.raises(InvalidInput, match="does not exist"):
        JsonLines(tmp_path / "nowhere.jsonl")
    with pytest.raises(InvalidInput, match="is a directory"):
        JsonLines(tmp_path)


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
names = st.text(string.ascii_letters + string.digits + " äé-_", min_size=1, max_size=8).map("i{}.png".format)
numbers = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
scalars = words | st.booleans() | numbers
drafts = st.builds(
    Draft,
    where=st.just(""),
    id=st.none() | words,
    images=st.lists(
        st.builds(ImageFile, names, st.binary(max_size=20)), max_size=3, unique_by=lambda f: f.name
    ),
    text=words | st.just(""),
    answer=words | st.just(""),
    labels=st.lists(words, max_size=3).map(tuple),
    group=st.none() | words,
    split=st.none() | words,
    tags=st.lists(words, max_size=3).map(tuple),
    metadata=st.dictionaries(words, scalars, max_size=3),
)


def record_of(draft: Draft) -> dict[str, object]:
    return {
        "id": draft.id,
        "images": [file.name for file in draft.images],
        "text": draft.text,
        "answer": draft.answer,
        "labels": list(draft.labels),
        "group": draft.group,
        "split": draft.split,
        "tags": list(draft.tags),
        "metadata": dict(draft.metadata),
    }


@given(st.lists(drafts, min_size=1, max_size=4), st.booleans())
def test_what_is_written_is_what_is_read(given_drafts, ascii_only):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        expected = []
        for number, draft in enumerate(given_drafts, 1):
            (root / str(number)).mkdir()
            files = tuple(ImageFile(f"{number}/{file.name}", file.data) for file in draft.images)
            for file in files:
                (root / file.name).write_bytes(file.data)
            fields = {name: getattr(draft, name) for name in Draft.__slots__}
            expected.append(Draft(**fields | {"where": f"shots.jsonl:{number}", "images": files}))
        lines = [json.dumps(record_of(draft), ensure_ascii=ascii_only) for draft in expected]
        (root / "shots.jsonl").write_bytes("\n".join(lines).encode())
        importer = JsonLines(root / "shots.jsonl")
        assert list(importer.read()) == expected
        assert importer.total() == len(expected)
