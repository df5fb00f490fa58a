"""All indexes give the same hits, and those are the reference's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from index_points import DIMS, expected_hits, point

from shotsmith.domain.filters import Filter
from shotsmith.domain.protocols import Point, Search, VectorIndex
from shotsmith.domain.scoring import Vector, unit

WORDS = ("", "a", "A", "é")
words = st.sampled_from(WORDS)
some_words = st.lists(words, max_size=3, unique=True)
# Few numbers, so that many vectors tie; some differ by less than float32 scores can tell.
numbers = st.sampled_from((0.0, 1.0, -1.0, 0.5, 1.0 + 2**-22, 0.3))
values = st.sampled_from((True, 1, 1.0, "1", "", 0, False, 2.5))
metadata = st.dictionaries(st.sampled_from(("k", "k.k", '"')), values, max_size=2)
names = st.sampled_from((*"abcdefgh", "ä", "a b"))


@st.composite
def vectors(draw: Any, dims: int) -> Vector:
    row = draw(st.lists(numbers, min_size=dims, max_size=dims).filter(any))
    return unit(np.array(row))


@st.composite
def points(draw: Any) -> Point:
    labels = draw(some_words)
    return point(
        draw(names),
        draw(st.none() | vectors(4)),
        draw(st.none() | vectors(3)),
        labels=labels,
        tags=draw(some_words),
        split=draw(words),
        group=draw(words),
        metadata=draw(metadata),
    )


def maybe(strategy: Any) -> Any:
    return st.none() | st.lists(strategy, max_size=3).map(tuple)


filters = st.builds(
    Filter,
    labels=maybe(words),
    tags=maybe(words),
    splits=maybe(words),
    groups=maybe(words),
    ids=maybe(names),
    without_ids=st.lists(names, max_size=3).map(tuple),
    without_groups=st.lists(words, max_size=2).map(tuple),
    metadata=metadata,
) | st.just(Filter())


@st.composite
def searches(draw: Any) -> Search:
    space, dims = draw(st.sampled_from((("image", 4), ("text", 3))))
    return Search(space, draw(vectors(dims)), draw(st.integers(0, 12)), draw(filters), draw(st.booleans()))


@pytest.fixture(scope="module")
def collection(indexes: dict[str, VectorIndex]) -> Iterator[Callable[[str], str]]:
    """A collection of each kind; both protocols of the test server share their names."""
    for kind, index in indexes.items():
        index.create(f"equality-{kind}", DIMS)
    yield "equality-{}".format
    for kind, index in indexes.items():
        index.drop(f"equality-{kind}")


@settings(max_examples=25)
@given(
    written=st.lists(points(), max_size=10),
    deleted=st.lists(names, max_size=2),
    asked=st.lists(searches(), min_size=1, max_size=5),
)
@example(
    written=[point("a", unit(np.ones(4)), labels=["a"])],
    deleted=[],
    asked=[Search("image", unit(np.ones(4)), 1)],
)
def test_every_index_agrees_with_the_reference(
    indexes: dict[str, VectorIndex],
    collection: Callable[[str], str],
    written: list[Point],
    deleted: list[str],
    asked: list[Search],
) -> None:
    held = {point.id: point for point in written if point.id not in deleted}
    expected = [expected_hits(held.values(), search) for search in asked]
    labelled = {label: expected_hits(held.values(), asked[0], label) for label in WORDS}
    count = sum(asked[0].filter.matches(p.id, p.payload) for p in held.values())
    contents = {id: (dict(p.payload), set(p.vectors)) for id, p in held.items()}
    for kind, index in indexes.items():
        name = collection(kind)
        index.upsert(name, written)
        index.delete(name, deleted)
        try:
            assert index.search_many(name, asked) == expected, kind
            assert index.search_per_label(name, asked[0], WORDS) == labelled, kind
            assert index.count(name, asked[0].filter) == count, kind
            stored = {s.id: (dict(s.payload), set(s.spaces)) for s in index.scroll(name, page=3)}
            assert stored == contents, kind
        finally:
            index.delete(name, list(held))
