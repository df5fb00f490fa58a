"""The source that selectors see of a real pool, held to the one in memory, method by method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drafts import draft, rich_drafts
from pictures import encoded, picture
from pydantic import PrivateAttr

from shotsmith.domain.errors import NotFound
from shotsmith.domain.examples import ImageFile, Query
from shotsmith.domain.filters import Filter
from shotsmith.domain.plans import Plan
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.scoring import unit
from shotsmith.domain.sources import CandidateSource, PartsSpec
from shotsmith.engine import Engine
from shotsmith.engine import selecting as module
from shotsmith.selectors import ArraySource
from shotsmith.selectors.base import Card, SelectorBase
from shotsmith.selectors.chain import Chain
from shotsmith.selectors.label_view import LabelView, PerLabel

SPACES = ("image", "text", "joint")


class Spy(SelectorBase):
    """A selector that keeps what it was shown and chooses nothing."""

    card = Card("", "", "", "")
    fills = False
    _source: CandidateSource = PrivateAttr()

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Any]:
        self._source = source
        return []


@pytest.fixture(params=["memory:", None], ids=["memory", "edge"])
def pair(request, open_engine, monkeypatch: pytest.MonkeyPatch) -> tuple[CandidateSource, ArraySource]:
    """A pool through its index, and the same pool in memory."""
    engine: Engine = open_engine(index_url=request.param)
    engine.create_pool("p")
    engine.add("p", rich_drafts(60))
    engine.import_neighbours("p", "given", {"e008": ["e003", "e010", "e009", "e014"]})
    spy = Spy()
    monkeypatch.setattr(module, "build", lambda stages: Chain("spy", spy))
    query = engine.query_of("p", "e008")
    selection = engine.select("p", query, Recipe(evaluation=True))
    removed = [removal.id for removal in selection.removed]
    assert removed
    stored = {one.id: one for one in engine.examples("p", limit=200) if (one.split or "") in ("train", "")}
    index, uid = engine._stores.index, engine.pool("p").uid
    found = {space: index.vectors(uid, space, list(stored)) for space in SPACES}
    vectors = {id: {space: found[space][id] for space in SPACES if id in found[space]} for id in stored}
    asked = {space: row for space in SPACES if (row := spy._source.vector(space)) is not None}
    naive = ArraySource(
        vectors,
        asked,
        contents=stored,
        asked=query,
        removed=removed,
        lists={"given": ["e003", "e010", "e009", "e014"]},
    )
    return spy._source, naive


def same(real: Any, naive: Any) -> None:
    assert real == naive


def test_it_keeps_the_protocol(pair) -> None:
    assert all(isinstance(source, CandidateSource) for source in pair)


def test_lists_counts_and_draws(pair) -> None:
    real, naive = pair
    assert (real.kind, real.query) == (naive.kind, naive.query)
    assert real.modalities == naive.modalities
    assert list(real.ids()) == list(naive.ids())
    assert dict(real.labels()) == dict(naive.labels())
    assert list(real.labels()) == sorted(real.labels())
    for label in (None, *real.labels(), "nobody"):
        assert list(real.ids(label)) == list(naive.ids(label))
        for limit in (0, 1, 7, 99):
            assert list(real.draw(limit, 3, "scope", label)) == list(naive.draw(limit, 3, "scope", label))
    assert {id: real.label_of(id) for id in real.ids()} == {id: naive.label_of(id) for id in naive.ids()}
    some = [*list(real.ids())[:5], "nobody", "e008"]
    assert real.examples(some) == naive.examples(some)


@pytest.mark.parametrize("space", SPACES)
def test_similarities(pair, space: str) -> None:
    real, naive = pair
    for limit in (0, 1, 9, 99):
        assert real.nearest(space, limit) == naive.nearest(space, limit)
    vector = unit(np.arange(1, 1 + naive.everything(space).matrix.shape[1]))
    assert real.nearest(space, 9, vector) == naive.nearest(space, 9, vector)
    assert real.nearest_per_label(space, list(real.labels()), 4) == naive.nearest_per_label(
        space, list(naive.labels()), 4
    )
    some = ["e020", "e003", "nobody", "e022", "e020"]
    assert real.scores(space, some) == naive.scores(space, some)
    assert real.scores(space, some, vector) == naive.scores(space, some, vector)
    assert real.moments(space) == pytest.approx(naive.moments(space), abs=1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_vectors(pair, space: str) -> None:
    real, naive = pair
    for rows, expected in (
        (real.vectors(space, ["e020", "e003", "e022"]), naive.vectors(space, ["e020", "e003", "e022"])),
        (real.everything(space), naive.everything(space)),
        (real.everything(space, ["train"]), naive.everything(space, ["train"])),
    ):
        assert list(rows.ids) == list(expected.ids)
        assert np.array_equal(rows.matrix, expected.matrix)
    assert len(real.vectors(space, []).ids) == 0


def test_words(pair) -> None:
    real, naive = pair
    assert real.matching(99)
    for limit in (0, 1, 5, 99):
        assert real.matching(limit) == naive.matching(limit)


def test_restrictions(pair) -> None:
    for filter in (
        Filter(metadata={"site": "A"}),
        Filter(groups=("g1", "g2")),
        Filter(labels=("odd",), tags=()),
    ):
        real, naive = (source.within(filter) for source in pair)
        assert list(real.ids()) == list(naive.ids())
        assert real.nearest("image", 5) == naive.nearest("image", 5)
        assert list(real.everything("image").ids) == list(naive.everything("image").ids)
    real, naive = (
        source.without(list(source.ids())[::2]).within(Filter(metadata={"site": "B"})) for source in pair
    )
    assert list(real.ids()) == list(naive.ids())
    assert dict(real.labels()) == dict(naive.labels())
    assert list(real.draw(9, 1, "s")) == list(naive.draw(9, 1, "s"))


def test_plans_see_no_query_and_no_leak_guard(pair) -> None:
    seen = []

    def make(everyone: CandidateSource, size: int) -> Plan:
        seen.append((everyone.query, everyone.modalities, len(everyone.ids()), everyone.vector("image")))
        return Plan([(id,) for id in everyone.ids()], size)

    plans = [source.planned("key", 4, make) for source in pair]
    same(*([one.id for one in plan] for plan in plans))
    assert all(entry[:2] == (Query(), frozenset()) and entry[3] is None for entry in seen)
    assert seen[0][2] == seen[1][2] > len(pair[0].ids())
    assert pair[0].planned("key", 0, make) == []


def test_imported_lists(pair) -> None:
    same(*(source.neighbours("given") for source in pair))
    with pytest.raises(NotFound, match="no neighbour lists"):
        pair[0].neighbours("other")


def test_a_label_view_of_a_real_source(pair) -> None:
    views = [LabelView(PerLabel(source, tuple(source.labels())), "class 1") for source in pair]
    same(*(list(view.ids()) for view in views))
    same(*(view.nearest("image", 5) for view in views))
    same(*(view.matching(5) for view in views))
    same(*(list(view.ids("odd")) for view in views))
    same(*(list(view.draw(3, 0, "s")) for view in views))


def test_parts_are_encoded_once_and_kept(open_engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Engine = open_engine()
    engine.create_pool("p")
    engine.add("p", [draft(1, 1, metadata={"ocr": "EXIT 12"}), draft(2, 2, images=(), text="words alone")])
    spy = Spy()
    monkeypatch.setattr(module, "build", lambda stages: Chain("spy", spy))
    photo = [ImageFile("q.png", encoded(picture(5, hue=1))), ImageFile("r.png", encoded(picture(6, hue=1)))]
    engine.select("p", engine.query(photo, "what?", metadata={"ocr": "EXIT"}))
    spec = PartsSpec(2, ("ocr", "missing"))
    found = spy._source.parts(["e001", "e002", "nobody"], spec)
    assert [part.name for part in found["e001"]] == [
        "image 1",
        *(f"image 1, tile {n} of 4" for n in (1, 2, 3, 4)),
        "text",
        "ocr",
    ]
    assert [(part.kind, sorted(part.vectors)) for part in found["e002"]] == [("text", ["joint", "text"])]
    assert [part.name for part in spy._source.query_parts(spec)][:7] == [
        "image 1", "image 1, tile 1 of 4", "image 1, tile 2 of 4", "image 1, tile 3 of 4", "image 1, tile 4 of 4",
        "image 2", "image 2, tile 1 of 4",
    ]  # fmt: skip
    cached = engine._stores.embeddings
    pixels = engine.example("p", "e001").media[0].pixel_sha256
    keys = [f"tile:{pixels}:2.{tile}" for tile in range(4)]
    assert sorted(cached.get(engine.pool("p").encoder_id, keys)) == keys
    whole = picture(1, hue=1)
    corner = engine.encoder(engine.pool("p")).encode_images([whole.crop((12, 0, 24, 12))])["image"][0]
    assert np.array_equal(found["e001"][2].vectors["image"], corner)
    asked = picture(5, hue=1)
    mine = engine._encoders.embedder(engine.pool("p"))
    assert not cached.get(mine.encoder.id, [f"tile:{engine.query(photo).media[0].pixel_sha256}:2.0"])
    assert asked.size == (24, 24)
