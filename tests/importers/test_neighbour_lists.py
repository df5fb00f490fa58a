from __future__ import annotations

import io
import json
import os
import pickle
import string
import tempfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.importers.neighbour_lists import read_lists

IDS = {"query_ids": ["q0", "q1"], "example_ids": ["a", "b", "c", "d"]}


@pytest.fixture
def write(tmp_path):
    """Writes a file: text or bytes as they are, other things as `json.dump` or `numpy.save` would."""

    def file(name: str, content: Any) -> Path:
        path = tmp_path / name
        if path.suffix == ".npy" and not isinstance(content, bytes):
            np.save(path, content)
        elif path.suffix == ".npz":
            np.savez(path, **content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content, indent=4))
        return path

    return file


@pytest.fixture
def rows(write):
    """The files that name the rows of a matrix."""
    return {option: write(f"{option}.txt", "\n".join(ids) + "\n") for option, ids in IDS.items()}


def refusal(path: Path, **options: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_lists(path, **options)
    assert caught.value.mend
    str(caught.value).encode()  # it can be printed
    return caught.value


def ofv2(queries: dict[int, dict[str, list[tuple[int, int]]]]) -> Any:
    """What OFv2_ICL_VQA's retrieval leaves: a defaultdict, with FAISS's int64 rows as they come."""
    found: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for query, named in queries.items():
        for key, pairs in named.items():
            scores = np.linspace(0.9, 0.1, len(pairs), dtype=np.float32)
            entries = [
                [id, score.tolist(), np.int64(row)] for (id, row), score in zip(pairs, scores, strict=True)
            ]
            found[query][key] = entries
    return found


VQA = ofv2(
    {
        262148000: {"SI": [(458752000, 0), (458752001, 1)], "SQ": [(25000, 9)]},
        262148001: {"SI": [(25000, 9), (458752000, 0)], "SQ": [(458752001, 1)]},
    }
)


# The published shapes


def test_explorecfg_names_coco_images_as_strings_and_numbers(write) -> None:
    path = write("train_set_clip.json", {"391895": [41673, 8599, 189356], "60623": [552041, 294730]})
    found = read_lists(path, query_id="COCO_val2014_{:012}.jpg", example_id="COCO_train2014_{:012}.jpg")
    assert found.lists == {
        "COCO_val2014_000000391895.jpg": [
            "COCO_train2014_000000041673.jpg",
            "COCO_train2014_000000008599.jpg",
            "COCO_train2014_000000189356.jpg",
        ],
        "COCO_val2014_000000060623.jpg": [
            "COCO_train2014_000000552041.jpg",
            "COCO_train2014_000000294730.jpg",
        ],
    }
    assert (found.key, found.without) == (None, 0)
    assert read_lists(path).lists == {"391895": ["41673", "8599", "189356"], "60623": ["552041", "294730"]}


def test_lever_lm_names_rows_of_the_training_set(write) -> None:
    path = write("candidates.json", json.dumps({2: [0, 3], 0: [1]}))
    ids = write("ids.txt", "a\nb\nc\nd\n")
    assert read_lists(path, query_ids=ids, example_ids=ids).lists == {"c": ["a", "d"], "a": ["b"]}


def test_ofv2_keeps_several_lists_a_query_in_one_pickle(write) -> None:
    path = write("validation_VQAv2.npy", VQA)
    for key, expected in (
        ("SI", {"262148000": ["458752000", "458752001"], "262148001": ["25000", "458752000"]}),
        ("SQ", {"262148000": ["25000"], "262148001": ["458752001"]}),
    ):
        found = read_lists(path, key=key)
        assert (found.lists, found.key, found.without) == (expected, key, 0)
    several = refusal(path)
    assert (several.field, several.mend) == ("key", "Name one of SI, SQ")
    assert "SI, SQ" in (refusal(path, key="SI_Q").mend or "")


def test_queries_without_the_key_are_counted(write) -> None:
    path = write(
        "di.npy", ofv2({1: {"SI": [(5, 0)], "DIIR": [(6, 1)]}, 2: {"SI": [(5, 0)]}, 3: {"SI": [(7, 2)]}})
    )
    found = read_lists(path, key="DIIR")
    assert (found.lists, found.without) == ({"1": ["6"]}, 2)


def test_one_key_need_not_be_named(write) -> None:
    found = read_lists(write("okvqa_validation_SQQR.npy", ofv2({1: {"SQ": [(5, 0)]}})))
    assert (found.lists, found.key) == ({"1": ["5"]}, "SQ")


@pytest.mark.parametrize("field", ["neighbours", "neighbors"])
def test_records_in_an_array_and_one_a_line(write, field: str) -> None:
    records = [
        {"id": "q/1", field: ["a", "b"]},
        {"id": 2, field: [["b", 0.75], ["a", 0.5], [7, 1]], "question": "passed over"},
    ]
    expected = {"q/1": ["a", "b"], "2": ["b", "a", "7"]}
    assert read_lists(write("array.json", records)).lists == expected
    lines = "\n\n".join(json.dumps(record) for record in records)
    assert read_lists(write("lines.jsonl", lines)).lists == expected
    assert (
        read_lists(write("windows.jsonl", b"\xef\xbb\xbf" + lines.replace("\n", "\r\n").encode())).lists
        == expected
    )
    assert read_lists(write("one.jsonl", json.dumps(records[0]) + "\n")).lists == {"q/1": ["a", "b"]}
    assert read_lists(write("array.npy", np.array(records, dtype=object))).lists == expected


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint16, ">i8"])
def test_a_matrix_of_row_numbers(write, rows, dtype) -> None:
    expected = {"q0": ["d", "a"], "q1": ["b", "c"]}
    matrix = np.array([[3, 0], [1, 2]], dtype=dtype)
    assert read_lists(write("I.npy", matrix), **rows).lists == expected
    assert read_lists(write("F.npy", np.asfortranarray(matrix)), **rows).lists == expected
    assert read_lists(write("one.npz", {"anything": matrix}), **rows).lists == expected
    named = read_lists(write("I.npy", matrix), query_id="test/{}", example_id="train/{}", **rows)
    assert named.lists["test/q0"] == ["train/d", "train/a"]


def test_faiss_says_with_minus_one_that_there_was_no_further_neighbour(write, rows) -> None:
    path = write("I.npy", np.array([[3, 0, -1], [1, -1, -1]]))
    assert read_lists(path, **rows).lists == {"q0": ["d", "a"], "q1": ["b"]}


def test_row_numbers_are_found_beside_distances(write, rows) -> None:
    both = {"D": np.array([[0.5], [0.25]], dtype=np.float32), "I": np.array([[3], [0]])}
    path = write("found.npz", both)
    assert read_lists(path, **rows).lists == {"q0": ["d"], "q1": ["a"]}
    assert read_lists(path, key="I", **rows).lists == {"q0": ["d"], "q1": ["a"]}
    assert "distances" in str(refusal(path, key="D", **rows))
    assert refusal(path, key="J", **rows).mend == "Name one of D, I"
    two = write("two.npz", {"image": both["I"], "text": both["I"]})
    assert refusal(two, **rows).mend == "Name one of image, text"
    assert read_lists(two, key="text", **rows).lists["q0"] == ["d"]


# The traps


@pytest.mark.parametrize(
    ("content", "field", "word"),
    [
        ('{"1": [2], "1": [3]}', "f.json", "twice"),
        ('{"1": [2], "01": [3]}', "f.json: 01", "two lists"),
        ('{"1": 2}', "f.json: 1", "not a list"),
        ('{"1": "abc"}', "f.json: 1", "not a list"),
        ('{"1": [2, true]}', "f.json: 1[1]", "not an id"),
        ('{"1": [2.5]}', "f.json: 1[0]", "not an id"),
        ('{"1": [NaN]}', "f.json: 1[0]", "not an id"),
        ('{"1": [null]}', "f.json: 1[0]", "not an id"),
        ('{"1": [{"id": 2}]}', "f.json: 1[0]", "not an id"),
        ('{"1": [[]]}', "f.json: 1[0]", "[id, score]"),
        ('{"1": [["a", "b"]]}', "f.json: 1[0]", "[id, score]"),
        ('{"1": [[1, 2, 3, 4]]}', "f.json: 1[0]", "[id, score]"),
        ('{"1": [""]}', "f.json: 1[0]", "empty"),
        ('{"1": [" a"]}', "f.json: 1[0]", "spaces"),
        (r'{"1": ["\ud800"]}', "f.json: 1[0]", "control characters"),
        (r'{"\ud800": [1]}', r"f.json: '\ud800'", "control characters"),
        ('{"1": [99999999999999999999]}', "f.json: 1[0]", "too large"),
        (f'{{"1": [{"9" * 5000}]}}', "f.json", "cannot be used"),
        ("[" * 100_000, "f.json", "cannot be used"),
        ('{"1": [2], "2": {"SI": [3]}}', "f.json: 2", "not a list"),
        ('{"1": {"SI": [3]}, "2": {"SI": 5}}', "f.json: 2.SI", "not a list"),
        ('[{"id": 1}]', "f.json[0]", "an id and neighbours"),
        ('[{"neighbours": [1]}]', "f.json[0]", "an id and neighbours"),
        ('[{"id": 1, "neighbours": [2], "neighbors": [3]}]', "f.json[0]", "an id and neighbours"),
        ('[{"id": [1], "neighbours": [2]}]', "f.json[0]: neighbours", "not an id"),
        ("[[1, 2], [3, 4]]", "f.json[0]", "not an object"),
        ('{"id": 1, "neighbours": [2]}\n{"id": 2}', "f.json:2", "an id and neighbours"),
        ('{"id": 1, "neighbours": [2]}\n\n{"id": 1,', "f.json:3", "not JSON"),
        ('{"id": 1, "neighbours": [2]}\n{"id": 1, "neighbours": [3]}', "f.json:2: neighbours", "two lists"),
        ("{}", "source", "no list"),
        ("[]", "source", "no list"),
        ("", "source", "not JSON"),
        ("3", "f.json", "not a list of records"),
        ("id,neighbours", "source", "not JSON"),
        ('{"1": [2]} {"2": [3]}', "source", "not JSON"),
        (b"\xff\xfe1", "source", "UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(write, content, field: str, word: str) -> None:
    options = {"query_id": "{:03}"} if "01" in str(content) else {}
    error = refusal(write("f.json", content), **options)
    assert error.field == field
    assert word in str(error)


def test_a_list_may_be_called_id(write) -> None:
    assert read_lists(write("f.json", {"id": [1], "neighbours": [2]})).lists == {
        "id": ["1"],
        "neighbours": ["2"],
    }


@pytest.mark.parametrize("template", ["", "test/", "{}{}", "{0}", "{:x}", "{:012", "{:123}", "{id}"])
def test_a_template_has_one_place_for_the_id(write, template: str) -> None:
    for option in ("query_id", "example_id"):
        error = refusal(write("f.json", {"1": [2]}), **{option: template})
        assert isinstance(error, InvalidParameter)
        assert error.field == option


def test_options_that_the_file_does_not_go_with(write, rows) -> None:
    lists, matrix = write("f.json", {"1": [2]}), write("I.npy", np.array([[3], [0]]))
    assert refusal(lists, key="SI").field == "key"
    assert refusal(matrix, key="SI", **rows).field == "key"
    assert refusal(lists, format="keyed").field == "f.json: 1"
    assert refusal(lists, format="records").field == "f.json[0]"
    assert refusal(write("k.json", {"1": {"SI": [2]}}), format="lists").field == "k.json: 1"
    assert "holds lists, not matrix" in str(refusal(lists, format="matrix"))
    assert "holds matrix, not keyed" in str(refusal(matrix, format="keyed"))
    assert refusal(lists, format="csv").field == "format"
    assert read_lists(lists, format="lists").lists == {"1": ["2"]}
    with pytest.raises(InvalidInput, match="does not exist"):
        read_lists("nowhere.json")


def test_a_matrix_needs_the_ids_of_its_rows(write, rows) -> None:
    path = write("I.npy", np.array([[3], [0]]))
    for option in rows:
        rest = {name: file for name, file in rows.items() if name != option}
        error = refusal(path, **rest)
        assert error.field == option
        assert f"--{option.replace('_', '-')}" in (error.mend or "")


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        (np.array([[0.5], [0.25]]), "distances"),
        (np.array([[True], [False]]), "whole numbers"),
        (np.array([["a"], ["b"]]), "whole numbers"),
        (np.array([1, 2]), "not a matrix"),
        (np.zeros((2, 2, 2), dtype=int), "not a matrix"),
        (np.array([[0]]), "has 1 rows, the file of query ids 2"),
        (np.array([[0], [1], [2]]), "has 3 rows, the file of query ids 2"),
        (np.array([[0], [4]]), "no such row"),
        (np.array([[0], [-2]]), "no such row"),
        (np.zeros(2, dtype=[("a", int)]), "not a matrix"),
    ],
)
def test_a_matrix_that_is_something_else(write, rows, matrix, word: str) -> None:
    error = refusal(write("I.npy", matrix), **rows)
    assert word in str(error)
    if "such row" in word:
        assert error.field == "I.npy: row 1[0]"


@pytest.mark.parametrize(
    ("content", "word"),
    [("q0\n\nq1\n", "blank"), ("\n\n", "no id"), (b"q0\nq\xff\n", "UTF-8"), ("q0\nq0\n", "two lists")],
)
def test_a_file_of_ids_that_would_shift_the_rows(write, rows, content, word: str) -> None:
    ids = write("ids.txt", content)
    assert word in str(refusal(write("I.npy", np.array([[3], [0]])), **{**rows, "query_ids": ids}))


def test_a_file_of_ids_as_editors_leave_it(write, rows) -> None:
    ids = write("ids.txt", b"\xef\xbb\xbfq0\r\nq 1\r\n\r\n")
    found = read_lists(write("I.npy", np.array([[3], [0]])), **{**rows, "query_ids": ids})
    assert found.lists == {"q0": ["d"], "q 1": ["a"]}


def test_row_numbers_of_json_must_be_rows(write, rows) -> None:
    for raw in (-1, 4, "x", "²", "1 "):
        error = refusal(write("f.json", {"0": [raw]}), **rows)
        assert error.message == "no such row"
        assert error.mend == "The file of ids names rows 0 to 3"


# Pickles


def npy(pickled: bytes) -> bytes:
    """A `.npy` file around a pickle."""
    buffer = io.BytesIO()
    np.save(buffer, np.empty((), dtype=object))
    header = buffer.getvalue()[: 10 + int.from_bytes(buffer.getvalue()[8:10], "little")]
    return header + pickled


class Evil:
    """Runs something when it is unpickled."""

    def __init__(self, run: Any, *arguments: Any) -> None:
        self.reduced = (run, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


def test_a_pickle_is_not_run(write, tmp_path) -> None:
    made = tmp_path / "made"
    evil = np.array({1: {"SI": [[Evil(os.mkdir, str(made)), 0.5, 1]]}}, dtype=object)
    path = write("evil.npy", evil)
    error = refusal(path, key="SI")
    assert "mkdir" in error.message
    assert "not run" in (error.mend or "")
    assert not made.exists()
    np.load(path, allow_pickle=True)
    assert made.exists()  # numpy would have made it: the file is as bad as it looks


@pytest.mark.parametrize(
    "evil",
    [
        Evil(eval, "1"),
        Evil(exec, "1"),
        Evil(getattr, {}, "get"),
        Evil(bytes, 5),
        Evil(np.load, "x"),
        Evil(np.fromfile, "x"),
        Evil(np.memmap, "x"),
        Evil(np.frombuffer, b"12345678"),
        Evil(np.dtype, [("a", "i8")]),
        Evil(np.dtype, "datetime64[s]"),
        Evil(defaultdict, os.getcwd),
        Evil(OrderedDict, [["a", 1]]),
        np.array([os.getcwd], dtype=object),
        np.zeros(2, dtype=[("a", int)]),
        np.datetime64("2020-01-01"),
        Path("x"),
        os.getcwd,
    ],
)
def test_a_pickle_that_mentions_anything_else_is_refused(write, evil) -> None:
    path = write("f.npy", npy(pickle.dumps({1: {"SI": [evil]}}, protocol=4)))
    assert "not data" in str(refusal(path))


@pytest.mark.parametrize("name", ["multiarray\nscalar", "multiarray\n_reconstruct"])
def test_a_pickle_cannot_change_what_reads_the_next_one(write, name: str) -> None:
    # The opcodes: a name, and a state that sets an attribute of what the name stands for.
    path = write("f.npy", npy(f"\x80\x02cnumpy.core.{name}\n(N}}(V__new__\nK\x01utb.".encode("latin1")))
    assert "cannot be read" in str(refusal(path))
    assert read_lists(write("good.npy", VQA), key="SQ").lists["262148000"] == ["25000"]


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize(
    "value",
    [
        {1: {"SI": [[5, 0.5, np.int64(0)], [np.int32(6), np.float32(0.25), 1]]}},
        {np.int64(1): {"SI": np.array([5, 6])}},
        {1: {"SI": np.array([5, 6], dtype=">i4")}},
        {np.str_("1"): {"SI": np.array(["5", "6"])}},
        {"1": {"SI": np.array([[5, 0], [6, 1]])}},
        {"1": {"SI": np.asfortranarray(np.array([[5, 0], [6, 1]]))}},
        {"1": {"SI": np.array([[5, 0.5], [6, 0.25]], dtype=object)}},
        {"1": OrderedDict(SI=[(5, 0.5), (6, 0.25)])},
        OrderedDict({1: {"SI": (5, 6)}}),
        {1: defaultdict(list, SI=["5", "6"])},
    ],
    ids=repr,
)
def test_numbers_strings_arrays_and_mappings_are_read_as_numpy_would(write, protocol: int, value) -> None:
    whole = np.empty((), dtype=object)
    whole[()] = value
    pickled = pickle.dumps(whole, protocol=protocol)
    assert read_lists(write("f.npy", npy(pickled))).lists == {"1": ["5", "6"]}
    if protocol < 4:  # names end with a line there: as numpy 1 wrote them
        older = pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        assert older != pickled
        assert read_lists(write("f.npy", npy(older))).lists == {"1": ["5", "6"]}


def test_python_2_wrote_bytes_for_strings(write) -> None:
    # {'1': {'SI': ['5', 6]}} with protocol 2 of Python 2.
    pickled = b"\x80\x02}U\x011}U\x02SI](U\x015K\x06ess."
    assert read_lists(write("f.npy", npy(pickled))).lists == {"1": ["5", "6"]}


@pytest.mark.parametrize("name", ["f.npy", "I.npy", "I.npz"])
def test_a_damaged_file_is_one_clear_error(write, rows, name: str) -> None:
    matrix = np.array([[3, 0], [1, 2]])
    whole = write(name, VQA if name == "f.npy" else {"I": matrix} if name == "I.npz" else matrix).read_bytes()
    for length in range(6, len(whole)):
        cut = write(f"cut{name}.bin", whole[:length])
        refusal(cut, **({"key": "SI"} if name == "f.npy" else rows))
    for place in range(6, 120):  # the header
        bad = write("bad.bin", whole[:place] + b"\xff" + whole[place + 1 :])
        with pytest.raises(InvalidInput):
            read_lists(bad, query_id="}")  # whatever it reads, this is refused
        try:
            read_lists(bad, **({"key": "SI"} if name == "f.npy" else rows))
        except InvalidInput as error:
            assert error.mend  # noqa: PT017


# Round trip

words = st.text(string.ascii_letters + string.digits + "/-_ ä中", min_size=1, max_size=12).filter(
    lambda text: text == text.strip()
)
ids = st.one_of(words, st.integers(-(2**62), 2**62))
tables = st.dictionaries(ids, st.lists(ids, max_size=6), min_size=1, max_size=6).filter(
    lambda table: len({str(query) for query in table}) == len(table)
)


@given(tables, st.sampled_from(["lists", "records", "lines", "pairs", "keyed", "npy", "npy keyed"]))
def test_what_is_written_in_any_shape_comes_back(table: dict[Any, list[Any]], shape: str) -> None:
    expected = {str(query): [str(id) for id in listed] for query, listed in table.items()}
    records = [{"id": query, "neighbours": listed} for query, listed in table.items()]
    nested = {query: {"SI": listed, "SQ": []} for query, listed in table.items()}
    pairs = [[[id, rank / 7] for rank, id in enumerate(one["neighbours"])] for one in records]
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "lists.bin"
        if shape.startswith("npy"):
            with path.open("wb") as file:
                np.save(file, np.array(nested if "keyed" in shape else table, dtype=object))
        else:
            whole = {
                "lists": table,
                "records": records,
                "pairs": [{**one, "neighbours": two} for one, two in zip(records, pairs, strict=True)],
                "keyed": nested,
            }
            text = "\n".join(map(json.dumps, records)) if shape == "lines" else json.dumps(whole[shape])
            path.write_text(text)
        key = "SI" if "keyed" in shape else None
        assert read_lists(path, key=key).lists == expected


@given(
    st.lists(words, min_size=1, max_size=8, unique=True), st.lists(words, min_size=1, max_size=8), st.data()
)
def test_a_matrix_comes_back_by_its_ids(queries: list[str], examples: list[str], data) -> None:
    row = st.lists(st.integers(-1, len(examples) - 1), min_size=3, max_size=3)
    matrix = [data.draw(row) for _ in queries]
    with tempfile.TemporaryDirectory() as home:
        path, names, others = (Path(home) / name for name in ("I.npy", "q.txt", "e.txt"))
        np.save(path, np.array(matrix))
        names.write_text("\n".join(queries))
        others.write_text("\n".join(examples))
        found = read_lists(path, query_ids=names, example_ids=others)
        assert found.lists == {
            query: [examples[place] for place in places if place >= 0]
            for query, places in zip(queries, matrix, strict=True)
        }
