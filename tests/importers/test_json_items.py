import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput
from shotsmith.importers import json_items as module
from shotsmith.importers.json_items import json_items

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("items") / "x.json"


@given(
    st.lists(VALUES, max_size=5),
    st.dictionaries(st.text(max_size=3), VALUES, max_size=3),
    st.integers(1, 9),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_items_are_those_of_the_whole_file_whatever_the_chunks(file, items, others, chunk, indent, ascii):
    whole = {**others, "wanted": items}
    file.write_text(
        json.dumps(whole, indent=indent, ensure_ascii=ascii), encoding="utf-8", errors="surrogatepass"
    )
    if any("\ud800" <= one <= "\udfff" for one in file.read_bytes().decode("utf-8", "surrogatepass")):
        return
    kept = module._CHUNK
    module._CHUNK = chunk
    try:
        assert list(json_items(file, "wanted")) == list(enumerate(json.loads(json.dumps(items))))
        file.write_text(json.dumps(items, indent=indent), encoding="utf-8")
        assert list(json_items(file)) == list(enumerate(items))
    finally:
        module._CHUNK = kept


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "ends too early"),
        ('{"wanted": [1, 2', "ends too early"),
        ('{"wanted": [1 2]}', "comma"),
        ('{"wanted" [1]}', "':' is missing"),
        ('{"other": []}', "no 'wanted'"),
        ('{"wanted": {}}', "not an array"),
        ("[]", "not an object"),
        ('{"wanted": [nope]}', "not JSON"),
    ],
)
def test_faults_name_their_place(file, text, what):
    file.write_text(text)
    with pytest.raises(InvalidInput, match=what) as caught:
        list(json_items(file, "wanted"))
    assert caught.value.field.startswith("x.json: character")


def test_what_came_before_a_fault_is_yielded(file):
    file.write_text("[1, 2, oops]")
    found = json_items(file)
    assert [next(found), next(found)] == [(0, 1), (1, 2)]
    with pytest.raises(InvalidInput):
        next(found)
