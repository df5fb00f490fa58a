"""What every `VectorIndex` does, whatever is behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from index_points import DIMS, expected_hits, ids, point, random_units, vector

from shotsmith.domain.errors import Conflict, InvalidInput, NotFound
from shotsmith.domain.filters import Filter
from shotsmith.domain.protocols import Hit, Point, Search, VectorIndex

X, Y = vector(1, 0, 0, 0), vector(0, 1, 0, 0)
BOTH = vector(1, 1, 0, 0)


def test_satisfies_the_protocol(index: VectorIndex) -> None:
    assert isinstance(index, VectorIndex)


def test_nearest_first_with_quantised_cosines(index: VectorIndex, collection: str) -> None:
    index.upsert(collection, [point("x", X), point("y", Y), point("between", BOTH)])
    assert index.search(collection, Search("image", X, 2)) == [Hit("x", 1.0), Hit("between", 0.707107)]


def test_ties_are_broken_by_id_even_when_many_tie_at_the_limit(index: VectorIndex, collection: str) -> None:
    index.upsert(collection, [point(f"{n:03}", X) for n in reversed(range(500))] + [point("best", BOTH)])
    assert ids(index.search(collection, Search("image", BOTH, 5))) == ["best", "000", "001", "002", "003"]


def test_points_without_the_space_are_not_found_there(index: VectorIndex, collection: str) -> None:
    index.upsert(collection, [point("image", X), point("text", None, vector(1, 0, 0)), point("neither")])
    assert ids(index.search(collection, Search("image", X, 9))) == ["image"]
    assert index.count(collection) == 3
    assert {stored.id: set(stored.spaces) for stored in index.scroll(collection)} == {
        "image": {"image"},
        "text": {"text"},
        "neither": set(),
    }


def test_an_upsert_replaces_the_whole_point(index: VectorIndex, collection: str) -> None:
    index.upsert(collection, [point("a", X, vector(1, 0, 0), labels=["old"], metadata={"n": 1})])
    assert ids(index.search(collection, Search("image", X, 9))) == ["a"]
    index.upsert(collection, [point("a", None, vector(0, 1, 0), labels=["new"])])
    assert index.search(collection, Search("image", X, 9)) == []
    assert index.search(collection, Search("text", vector(0, 1, 0), 9)) == [Hit("a", 1.0)]
    assert index.count(collection, Filter(labels=("old",))) == 0
    assert index.count(collection, Filter(metadata={"n": 1})) == 0
    assert index.count(collection) == 1


def test_the_last_of_equal_ids_in_one_upsert_wins(index: VectorIndex, collection: str) -> None:
    index.upsert(collection, [point("a", X), point("b", X), point("a", Y)])
    assert index.search(collection, Search("image", Y, 9)) == [Hit("a", 1.0), Hit("b", 0.0)]


def test_upserting_twice_changes_nothing(index: VectorIndex, collection: str) -> None:
    points = [point(f"p{n}", row) for n, row in enumerate(random_units(20, 4))]
    index.upsert(collection, points)
    first = index.search(collection, Search("image", X, 20))
    index.upsert(collection, points)
    assert index.search(collection, Search("image", X, 20)) == first
    assert index.count(collection) == 20


def test_deleted_points_are_gone_and_unknown_ids_are_ignored(index: VectorIndex, collection: str) -> None:
    index.upsert(collection, [point("a", X), point("b", X)])
    assert len(index.search(collection, Search("image", X, 9))) == 2
    index.delete(collection, ["a", "never"])
    index.delete(collection, [])
    assert ids(index.search(collection, Search("image", X, 9))) == ["b"]
    assert [stored.id for stored in index.scroll(collection)] == ["b"]


IDS = [
    " ",
    "a",
    "ünïcödé",
    "日本語/☃",
    "a\x00b",
    "line\nbreak",
    "../../etc",
    "e" * 2000,
    "é",
    "e\u0301",
    "'\"\\",
]


def test_ids_are_arbitrary_text(index: VectorIndex, collection: str) -> None:
    index.upsert(collection, [point(id, X) for id in IDS])
    assert ids(index.search(collection, Search("image", X, 20))) == sorted(IDS)
    assert {stored.id for stored in index.scroll(collection)} == set(IDS)
    only = [Search("image", X, 20, Filter(ids=(id,))) for id in IDS]
    assert index.search_many(collection, only) == [[Hit(id, 1.0)] for id in IDS]
    without = [Search("image", X, 20, Filter(without_ids=(id,))) for id in IDS]
    assert [len(hits) for hits in index.search_many(collection, without)] == [len(IDS) - 1] * len(IDS)


FILTERED = [
    point("a", X, labels=["cat", "pet"], tags=["t1"], split="train", group="g1", metadata={"site": "A"}),
    point("b", X, labels=["dog", "pet"], tags=["t1", "t2"], split="test", group="g2", metadata={"site": "B"}),
    point("c", X, labels=[], tags=[], split="", group="", metadata={}),
    point("d", X, labels=[""], tags=[""], split="train", group="g1", metadata={"site": ""}),
]


FILTERS = [
    (Filter(), "abcd"),
    (Filter(labels=("pet",)), "ab"),
    (Filter(labels=("cat", "dog", "none")), "ab"),
    (Filter(labels=("",)), "d"),
    (Filter(labels=()), ""),
    (Filter(tags=("t2",)), "b"),
    (Filter(tags=("t1", "t2")), "ab"),
    (Filter(tags=()), ""),
    (Filter(splits=("train", "")), "acd"),
    (Filter(splits=("",)), "c"),
    (Filter(splits=()), ""),
    (Filter(groups=("g1",)), "ad"),
    (Filter(groups=("",)), "c"),
    (Filter(groups=()), ""),
    (Filter(without_groups=("g1",)), "bc"),
    (Filter(without_groups=("",)), "abcd"),
    (Filter(without_groups=("", "g2")), "acd"),
    (Filter(ids=("c", "a", "nobody")), "ac"),
    (Filter(ids=()), ""),
    (Filter(without_ids=("c", "a", "nobody")), "bd"),
    (Filter(metadata={"site": "A"}), "a"),
    (Filter(metadata={"site": ""}), "d"),
    (Filter(metadata={"Site": "A"}), ""),
    (Filter(labels=("pet",), splits=("test",), without_ids=("a",), metadata={"site": "B"}), "b"),
    (Filter(labels=("pet",), groups=("g1",), without_groups=("g1",)), ""),
    (Filter(labels=("pet",), also=(Filter(labels=("cat",)),)), "a"),
    (Filter(tags=("t1",), also=(Filter(labels=("cat",)), Filter(without_ids=("a",)))), ""),
    (Filter(also=(Filter(splits=("train",), also=(Filter(metadata={"site": "A"}),)),)), "a"),
    (Filter(also=(Filter(groups=()),)), ""),
]


def test_filters(index: VectorIndex, collection: str) -> None:
    index.upsert(collection, FILTERED)
    found = index.search_many(collection, [Search("image", X, 9, filter) for filter, _ in FILTERS])
    for (filter, passing), hits in zip(FILTERS, found, strict=True):
        assert "".join(p.id for p in FILTERED if filter.matches(p.id, p.payload)) == passing, filter
        assert "".join(ids(hits)) == passing, filter
    for filter, passing in FILTERS[::4]:
        assert index.count(collection, filter) == len(passing), filter


VALUES: list[Any] = [
    True, False, 0, 1, 1.0, 0.0, -0.0, 0.5, "1", "true", "True", "", "é", "e\u0301", None,
    2**53, 2**53 + 1, float(2**53), -(2**80), 1e300, 5e-324, 0.1 + 0.2, 0.3,
]  # fmt: skip


def test_metadata_equality(index: VectorIndex, collection: str) -> None:
    """Numbers compare by value, a bool is no number, text compares by code point."""
    index.upsert(collection, [point(f"{n:02}", X, metadata={"v": value}) for n, value in enumerate(VALUES)])
    searches = [Search("image", X, 99, Filter(metadata={"v": wanted})) for wanted in VALUES]
    for wanted, hits in zip(VALUES, index.search_many(collection, searches), strict=True):
        alike = [
            f"{n:02}"
            for n, value in enumerate(VALUES)
            if value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
        ]
        assert ids(hits) == alike, wanted


NAMES = ["a.b", "a[0]", "a[]", '"quoted"', "", " ", "ключ", "a\\b", "id", "$x", "\x1f", "b"]


def test_metadata_names_are_arbitrary_text(index: VectorIndex, collection: str) -> None:
    full, small = {name: f"value of {name}" for name in NAMES}, {"b": "w"}
    index.upsert(collection, [point("full", X, metadata=full), point("small", X, metadata=small)])
    stored = {stored.id: stored.payload["metadata"] for stored in index.scroll(collection)}
    assert stored == {"full": full, "small": small}
    present = [Search("image", X, 9, Filter(metadata={name: value})) for name, value in full.items()]
    assert [ids(hits) for hits in index.search_many(collection, present)] == [["full"]] * len(NAMES)
    swapped = [Search("image", X, 9, Filter(metadata={name: "w"})) for name in NAMES]
    assert [ids(hits) for hits in index.search_many(collection, swapped)] == [
        ["small"] if name == "b" else [] for name in NAMES
    ]


def test_filters_with_thousands_of_ids(index: VectorIndex, collection: str) -> None:
    rows = random_units(300, 4)
    points = [point(f"p{n}", row) for n, row in enumerate(rows)]
    index.upsert(collection, points)
    many = tuple(f"p{n}" for n in range(10, 5010))
    for filter in (Filter(ids=many), Filter(without_ids=many)):
        search = Search("image", X, 400, filter)
        assert index.search(collection, search) == expected_hits(points, search)


def test_scores_of_given_ids(index: VectorIndex, collection: str) -> None:
    points = [point(f"p{n:02}", row) for n, row in enumerate(random_units(40, 4))]
    index.upsert(collection, points)
    wanted = ("p39", "p00", "p17", "absent", "p00")
    search = Search("image", Y, len(wanted), Filter(ids=wanted))
    assert index.search(collection, search) == expected_hits(points, search)


def test_a_limit_beyond_the_collection_returns_everything(index: VectorIndex, collection: str) -> None:
    points = [point(f"p{n}", row) for n, row in enumerate(random_units(1100, 4))]
    index.upsert(collection, points)
    for limit in (1100, 10**9):
        search = Search("image", X, limit)
        assert index.search(collection, search) == expected_hits(points, search)
    assert index.search(collection, Search("image", X, 0)) == []


def test_search_many_keeps_the_order_of_its_questions(index: VectorIndex, collection: str) -> None:
    points = [
        point(f"p{n}", row, row[:3] / np.linalg.norm(row[:3])) for n, row in enumerate(random_units(30, 4))
    ]
    index.upsert(collection, points)
    searches = [
        Search("image", X, 3),
        Search("text", vector(0, 0, 1), 4),
        Search("image", Y, 2, Filter(ids=())),
        Search("image", Y, 0),
        Search("image", X, 3, Filter(without_ids=("p0", "p1")), exact=True),
    ]
    assert index.search_many(collection, searches) == [expected_hits(points, search) for search in searches]
    assert index.search_many(collection, []) == []


def test_search_per_label_counts_an_example_for_every_label_it_carries(
    index: VectorIndex, collection: str
) -> None:
    points = [
        point("a", X, labels=["cat", "pet"], tags=["t"]),
        point("b", BOTH, labels=["cat"], tags=["t"]),
        point("c", X, labels=["pet"], tags=["t"]),
        point("d", X, labels=["cat"]),
        point("e", X, tags=["t"]),
    ]
    index.upsert(collection, points)
    search = Search("image", X, 2, Filter(tags=("t",)))
    found = index.search_per_label(collection, search, ["pet", "cat", "", "none", "cat"])
    assert {label: ids(hits) for label, hits in found.items()} == {
        "pet": ["a", "c"],
        "cat": ["a", "b"],
        "": [],
        "none": [],
    }
    assert list(found) == ["pet", "cat", "", "none"]
    assert index.search_per_label(collection, search, []) == {}


def test_vectors_come_back_bit_for_bit_and_missing_ones_are_absent(
    index: VectorIndex, collection: str
) -> None:
    rows = random_units(40, 4)
    index.upsert(
        collection,
        [point(f"p{n:02}", row) for n, row in enumerate(rows)] + [point("text", None, vector(1, 0, 0))],
    )
    wanted = ["p03", "nobody", "text", *(f"p{n:02}" for n in range(39, -1, -1)), "p03"]
    found = index.vectors(collection, "image", wanted)
    assert list(found) == ["p03", *(f"p{n:02}" for n in range(39, -1, -1) if n != 3)]
    assert all(found[f"p{n:02}"].tobytes() == row.tobytes() for n, row in enumerate(rows))
    assert {row.dtype for row in found.values()} == {np.dtype(np.float32)}
    assert list(index.vectors(collection, "text", wanted)) == ["text"]
    assert index.vectors(collection, "image", []) == {}
    index.delete(collection, ["p03"])
    assert "p03" not in index.vectors(collection, "image", ["p03", "p04"])
    with pytest.raises(InvalidInput, match="unknown space"):
        index.vectors(collection, "smell", ["p01"])


def test_scroll_lists_every_point_once_whatever_the_page(index: VectorIndex, collection: str) -> None:
    points = [point(f"p{n}", X, metadata={"n": n}, labels=["x"], tags=["y"]) for n in range(25)]
    index.upsert(collection, points)
    for page in (1, 7, 25, 1000):
        stored = {stored.id: dict(stored.payload) for stored in index.scroll(collection, page)}
        assert stored == {point.id: dict(point.payload) for point in points}
        assert sum(1 for _ in index.scroll(collection, page)) == 25
    with pytest.raises(InvalidInput):
        index.scroll(collection, 0)


def test_stored_payloads_are_copies(index: VectorIndex, collection: str) -> None:
    mine = point("a", X, labels=["x"], metadata={"k": "v"})
    index.upsert(collection, [mine])
    mine.payload["labels"].append("y")
    mine.payload["metadata"]["k"] = "w"
    assert next(index.scroll(collection)).payload["metadata"] == {"k": "v"}
    assert index.count(collection, Filter(labels=("y",))) == 0


def test_collections_come_and_go(index: VectorIndex, fresh: str) -> None:
    assert not index.exists(fresh)
    index.create(fresh, DIMS)
    index.create(fresh, dict(reversed(DIMS.items())))
    assert index.exists(fresh)
    index.upsert(fresh, [point("a", X)])
    with pytest.raises(Conflict, match="exists with the spaces"):
        index.create(fresh, {"image": 5})
    assert index.count(fresh) == 1
    index.drop(fresh)
    assert not index.exists(fresh)
    index.drop(fresh)
    index.create(fresh, {"image": 5})
    assert index.count(fresh) == 0
    assert index.search(fresh, Search("image", vector(1, 0, 0, 0, 0), 3)) == []


def test_an_alias_is_swapped_while_what_it_named_stays(
    index: VectorIndex, collection: str, fresh: str
) -> None:
    alias = f"alias-of-{fresh}"
    index.upsert(collection, [point("old", X)])
    index.create(fresh, {"image": 2})
    index.upsert(fresh, [point("new", vector(1, 0))])
    index.swap(alias, collection)
    assert index.exists(alias)
    assert ids(index.search(alias, Search("image", X, 9))) == ["old"]
    index.swap(alias, fresh)
    assert ids(index.search(alias, Search("image", vector(1, 0), 9))) == ["new"]
    assert index.count(collection) == 1
    index.upsert(alias, [point("through", vector(0, 1))])
    assert index.count(fresh) == 2
    for claim in (
        lambda: index.create(alias, DIMS),
        lambda: index.drop(alias),
        lambda: index.swap(fresh, collection),
    ):
        with pytest.raises(Conflict):
            claim()
    for target in ("nothing", alias):
        with pytest.raises(NotFound):
            index.swap(alias, target)
    index.drop(fresh)
    assert not index.exists(alias)


def test_a_reader_never_sees_an_alias_missing_while_it_is_swapped(
    index: VectorIndex, collection: str, fresh: str
) -> None:
    alias = f"alias-of-{fresh}"
    index.create(fresh, DIMS)
    index.upsert(collection, [point("old", X)])
    index.upsert(fresh, [point("new", X)])
    index.swap(alias, collection)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(lambda: {ids(index.search(alias, Search("image", X, 9)))[0] for _ in range(60)})
        for turn in range(10):
            index.swap(alias, (fresh, collection)[turn % 2])
        assert reading.result() <= {"old", "new"}


def test_an_unknown_collection_is_not_found(index: VectorIndex, fresh: str) -> None:
    for call in (
        lambda: index.search(fresh, Search("image", X, 1)),
        lambda: index.search_many(fresh, []),
        lambda: index.search_per_label(fresh, Search("image", X, 1), ["a"]),
        lambda: index.count(fresh),
        lambda: index.count(fresh, Filter(ids=())),
        lambda: list(index.scroll(fresh)),
        lambda: index.upsert(fresh, [point("a", X)]),
        lambda: index.upsert(fresh, []),
        lambda: index.delete(fresh, ["a"]),
        lambda: index.delete(fresh, []),
    ):
        with pytest.raises(NotFound, match="no such collection"):
            call()


BAD_VECTORS: list[Any] = [
    np.array([1, 0, 0], np.float32),
    np.array([[1, 0, 0, 0]], np.float32),
    np.array([np.nan, 0, 0, 1], np.float32),
    np.array([np.inf, 0, 0, 0], np.float32),
    np.array([1.01, 0, 0, 0], np.float32),
    np.zeros(4, np.float32),
    np.array([1e30, 1e30, 0, 0], np.float32),
    np.array([1e300, 0, 0, 0]),
    np.array(["a", "b", "c", "d"]),
    None,
]


def test_bad_vectors_are_refused_and_nothing_is_written(index: VectorIndex, collection: str) -> None:
    for bad in BAD_VECTORS:
        with pytest.raises(InvalidInput):
            index.upsert(collection, [point("good", X), Point("bad", {"image": bad}, point("bad").payload)])
        with pytest.raises(InvalidInput):
            index.search(collection, Search("image", bad, 1))
    assert index.count(collection) == 0


def test_other_bad_input_is_refused(index: VectorIndex, collection: str) -> None:
    good = point("a", X)
    for call in (
        lambda: index.search(collection, Search("sound", X, 1)),
        lambda: index.search(collection, Search("image", X, -1)),
        lambda: index.search(collection, Search("image", X, 1, Filter(labels="cat"))),  # type: ignore[arg-type]
        lambda: index.search(collection, Search("image", X, 1, Filter(metadata={"n": float("nan")}))),
        lambda: index.upsert(collection, [point("", X)]),
        lambda: index.upsert(collection, [point("\ud800", X)]),
        lambda: index.upsert(collection, [point("a", X, labels="cat")]),
        lambda: index.upsert(collection, [point("a", X, labels=["\udfff"])]),
        lambda: index.upsert(collection, [point("a", X, split=None)]),
        lambda: index.upsert(collection, [point("a", X, unknown=1)]),
        lambda: index.upsert(collection, [point("a", X, metadata={"n": float("inf")})]),
        lambda: index.upsert(collection, [Point("a", {"sound": X}, good.payload)]),
        lambda: index.upsert(collection, [Point("a", {}, {"label": "x"})]),
        lambda: index.delete(collection, [""]),
        lambda: index.create("", DIMS),
        lambda: index.create("../up", DIMS),
        lambda: index.create("x" * 200, DIMS),
        lambda: index.create("empty", {}),
        lambda: index.create("zero", {"image": 0}),
        lambda: index.swap("a/b", collection),
    ):
        with pytest.raises(InvalidInput):
            call()
    assert index.count(collection) == 0


def test_nearly_unit_vectors_are_normalised_and_unit_ones_kept(index: VectorIndex, collection: str) -> None:
    index.upsert(collection, [point("loose", X * np.float32(1.0005)), point("exact", X)])
    assert index.search(collection, Search("image", X * np.float32(0.9995), 9)) == [
        Hit("exact", 1.0),
        Hit("loose", 1.0),
    ]


def test_threads_share_an_index(index: VectorIndex, collection: str) -> None:
    points = [point(f"p{n:02}", row) for n, row in enumerate(random_units(40, 4))]

    def work(worker: int) -> list[Hit]:
        mine = points[worker * 10 : worker * 10 + 10]
        index.upsert(collection, mine)
        found = index.search(collection, Search("image", X, 9, Filter(ids=tuple(p.id for p in mine))))
        index.flush()
        return found

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(4)))
    for worker, found in enumerate(results):
        mine = points[worker * 10 : worker * 10 + 10]
        assert found == expected_hits(mine, Search("image", X, 9))
    assert index.search(collection, Search("image", X, 40)) == expected_hits(points, Search("image", X, 40))
