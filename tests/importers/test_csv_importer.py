import csv
import io
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.domain.examples import Draft, ImageFile
from shotsmith.importers.csv import Csv
from shotsmith.importers.jsonl import JsonLines


@pytest.fixture
def write(tree, tmp_path):
    tree("a.png", "b.png")

    def table(text: str | bytes, **options) -> Csv:
        path = tmp_path / "data" / "demo.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Csv(path, **options)

    return table


def test_every_column(write, picture):
    (draft,) = write(
        "id,images,text,answer,labels,group,split,tags,metadata.year\n"
        'x1,a.png;b.png,"a, ""b""\nc",left,left; up,g,test,new;old,2024\n'
    ).read()
    assert draft == Draft(
        where="demo.csv row 2",
        id="x1",
        images=(ImageFile("a.png", picture(0)), ImageFile("b.png", picture(1))),
        text='a, "b"\nc',
        answer="left",
        labels=("left", "up"),
        group="g",
        split="test",
        tags=("new", "old"),
        metadata={"year": "2024"},
    )


def test_label_is_one_and_labels_are_many(write):
    one, many = write("label,labels,text\na;b,,x\n,a;b,y\n").read()
    assert one.labels == ("a;b",)
    assert many.labels == ("a", "b")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("given_as", [None, "itself"])
def test_delimiters_are_sniffed_or_given(write, mark, given_as):
    text = f"image{mark}text{mark}label\na.png{mark}one, two{mark}x\n".replace(
        "one, two", '"one, two; three"'
    )
    (draft,) = write(text, delimiter=mark if given_as else None).read()
    assert (draft.text, draft.labels) == ("one, two; three", ("x",))


def test_delimiters_have_names(write):
    (draft,) = write("text\tlabel\na\tb\n", delimiter="tab").read()
    assert draft.labels == ("b",)
    with pytest.raises(InvalidParameter, match="not a delimiter"):
        write("text|label\n", delimiter="|")


def test_one_column_needs_no_delimiter(write):
    assert [draft.text for draft in write("text\nhello\n").read()] == ["hello"]


def test_rows_count_as_in_a_spreadsheet_and_blank_ones_are_passed_over(write):
    importer = write(b'\xef\xbb\xbftext,label\r\n"a\r\nb",x\r\n,\r\n\r\nc,y\r\n')
    drafts = list(importer.read())
    assert [draft.where for draft in drafts] == ["demo.csv row 2", "demo.csv row 5"]
    assert drafts[0].text == "a\r\nb"
    assert importer.total() == 2


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("a.png,cat\nb.png,dog\n", "demo.csv row 1", "names no known column"),
        ("", "demo.csv row 1", "names no known column"),
        ("text,lable\na,b\n", "demo.csv row 1: lable", "Did you mean 'label'"),
        ("text,metadata.\na,b\n", "demo.csv row 1: metadata.", "unknown"),
        ("text,\na,b\n", "demo.csv row 1: ", "unknown"),
        ("text,text\na,b\n", "demo.csv row 1: text", "given twice"),
        ("text,label\n", "source", "holds no example"),
        ("text,label\na,b\nc\n", "demo.csv row 3", "has 1 cells, the header 2"),
        ("text,label\na,b\nc,d,e\n", "demo.csv row 3", "has 3 cells, the header 2"),
        ('text,label\na,b\n"c,d\n', "demo.csv row 3", "cannot be read"),
        ('text,label\na,b\n"c"d,e\n', "demo.csv row 3", "cannot be read"),
        ("text,label\na," + "b" * 200_000 + "\n", "demo.csv row 2", "field larger than field limit"),
        ("image,label\na.png,b\nc.png,d\n", "demo.csv row 3: image", "does not exist"),
        ("image,images\na.png,b.png\n", "demo.csv row 2: image", "both"),
        (b"text,label\na,b\ncaf\xe9,d\n", "demo.csv:3", "not UTF-8"),
        ("text,label\na,b\n".encode("utf-16"), "demo.csv:1", "not UTF-8"),
    ],
)
def test_refusals_name_row_and_mend(write, text, field, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        list(write(text).read())
    assert caught.value.field == field
    assert caught.value.mend


def test_rows_before_the_bad_one_are_good(write):
    drafts = write("text,label\na,b\nc\n").read()
    assert next(drafts).text == "a"
    with pytest.raises(InvalidInput):
        next(drafts)


def test_total_leaves_errors_to_read(write):
    assert write('text\n"open\n').total() is None


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10)
keys = words.filter(lambda word: word == word.strip() and ";" not in word)
records = st.fixed_dictionaries(
    {"text": words.filter(str.strip)},
    optional={
        "id": words,
        "answer": words,
        "labels": st.lists(keys, min_size=1, max_size=3),
        "group": words,
        "split": words,
        "tags": st.lists(keys, min_size=1, max_size=2),
        "metadata": st.fixed_dictionaries({}, optional={"a": words, "b c": words}).filter(bool),
    },
)
COLUMNS = ["id", "text", "answer", "labels", "group", "split", "tags", "metadata.a", "metadata.b c"]


def cells(record):
    flat = {name: ";".join(value) if isinstance(value, list) else value for name, value in record.items()}
    flat |= {f"metadata.{name}": value for name, value in flat.pop("metadata", {}).items()}
    return [flat.get(column, "") for column in COLUMNS]


@given(st.lists(records, min_size=1, max_size=4), st.sampled_from(",;\t"))
def test_csv_and_jsonl_say_the_same(given_records, mark):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "x.jsonl").write_text("\n".join(map(json.dumps, given_records)), "utf-8")
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=mark).writerows([COLUMNS, *map(cells, given_records)])
        (root / "x.csv").write_bytes(out.getvalue().encode())
        from_json = [replace(draft, where="") for draft in JsonLines(root / "x.jsonl").read()]
        from_csv = [replace(draft, where="") for draft in Csv(root / "x.csv").read()]
        assert from_csv == from_json
