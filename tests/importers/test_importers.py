import pytest

from shotsmith import registry
from shotsmith.domain.errors import InvalidInput, InvalidParameter, UnknownName
from shotsmith.domain.examples import Draft
from shotsmith.importers import Importer, open_importer


@pytest.fixture
def sources(tree):
    root = tree("cat/a.png")
    (root / "shots.jsonl").write_text('{"image": "cat/a.png", "label": "cat", "answer": "cat"}\n')
    (root / "shots.csv").write_text("image,label,answer\ncat/a.png,cat,cat\n")
    return {"imagefolder": root, "jsonl": root / "shots.jsonl", "csv": root / "shots.csv"}


@pytest.mark.parametrize("kind", ["imagefolder", "jsonl", "csv"])
def test_every_importer_says_the_same_of_the_same_example(sources, kind):
    importer = open_importer(kind, str(sources[kind]))
    assert isinstance(importer, Importer)
    (draft,) = importer.read()
    assert (draft.images[0].name, draft.labels, draft.answer) == ("cat/a.png", ("cat",), "cat")
    assert draft.images[0].data == (sources["imagefolder"] / "cat" / "a.png").read_bytes()
    assert importer.total() == 1
    assert list(importer.read()) == [draft], "a second reading begins anew"


def test_all_registered_importers_can_be_opened(sources):
    assert set(registry.names("importers")) >= set(sources)
    for kind in sources:
        assert next(open_importer(kind, sources[kind]).read()).__class__ is Draft


def test_options_are_passed_on_and_checked(sources):
    assert open_importer("imagefolder", sources["imagefolder"], splits=False).total() == 1
    with pytest.raises(InvalidParameter, match="delimiter, root") as caught:
        open_importer("csv", sources["csv"], delimeter=";")
    assert caught.value.field == "delimeter"
    with pytest.raises(UnknownName, match="Did you mean 'jsonl'"):
        open_importer("json", sources["jsonl"])
    with pytest.raises(InvalidInput, match="is a directory"):
        open_importer("jsonl", sources["imagefolder"])
