"""The embedded engine in one process: files, caches, graphs."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from index_points import DIMS, expected_hits, ids, point, random_units, vector

from shotsmith.domain.errors import NotFound, Unavailable
from shotsmith.domain.filters import Filter
from shotsmith.domain.protocols import Hit, Search
from shotsmith.retrieval.index import edge_store
from shotsmith.retrieval.index.edge_files import EdgeFiles
from shotsmith.retrieval.index.edge_rows import RowCache
from shotsmith.retrieval.index.edge_store import EdgeStore

X = vector(1, 0, 0, 0)


@pytest.fixture
def store(directory: Path) -> Iterator[EdgeStore]:
    store = EdgeStore(directory)
    yield store
    store.close()


def test_everything_is_found_again(directory: Path, store: EdgeStore) -> None:
    points = [point(f"p{n}", row, labels=[f"l{n % 3}"]) for n, row in enumerate(random_units(50, 4))]
    store.create("c", DIMS)
    store.upsert("c", points)
    store.swap("alias", "c")
    store.close()
    again = EdgeStore(directory)
    search = Search("image", X, 10, Filter(labels=("l1",)))
    assert again.search("alias", search) == expected_hits(points, search)
    again.close()


def test_what_was_cut_short_is_cleaned_up(directory: Path, store: EdgeStore) -> None:
    store.create("kept", DIMS)
    store.create("gone", DIMS)
    store.swap("dangling", "gone")
    store.close()
    collections = directory / "collections"
    (collections / "half" / "shard").mkdir(parents=True)
    (directory / "aliases.json.1.tmp").touch()
    (collections / "gone").rename(collections / ".dropped-1")
    again = EdgeStore(directory)
    assert again.exists("kept")
    assert not any(again.exists(name) for name in ("half", "gone", "dangling"))
    assert [path.name for path in collections.iterdir()] == ["kept"]
    assert not list(directory.glob("*.tmp"))
    again.create("half", DIMS)
    again.close()


def test_a_failed_creation_leaves_nothing(
    directory: Path, store: EdgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(EdgeFiles, "commit", full)
        with pytest.raises(Unavailable, match="No space left"):
            store.create("c", DIMS)
    assert not store.exists("c")
    assert list((directory / "collections").iterdir()) == []
    store.create("c", DIMS)


def test_a_damaged_collection_is_reported_and_others_work(directory: Path, store: EdgeStore) -> None:
    store.create("damaged", DIMS)
    store.create("whole", DIMS)
    store.close()
    shutil.rmtree(directory / "collections" / "damaged" / "shard")
    again = EdgeStore(directory)
    with pytest.raises(Unavailable, match="doctor --repair"):
        again.count("damaged")
    assert again.count("whole") == 0
    again.drop("damaged")
    again.create("damaged", DIMS)
    again.close()


def test_a_dropped_collection_leaves_no_rows_behind(store: EdgeStore) -> None:
    for image in (X, vector(0, 1, 0, 0)):
        store.create("c", DIMS)
        store.upsert("c", [point("a", image)])
        assert store.search("c", Search("image", image, 1)) == [Hit("a", 1.0)]
        store.drop("c")
    with pytest.raises(NotFound):
        list(store.scroll("c"))


def test_a_collection_dropped_while_it_is_listed_is_not_found(store: EdgeStore) -> None:
    store.create("c", DIMS)
    store.upsert("c", [point(f"p{n}", X) for n in range(5)])
    listed = store.scroll("c", page=2)
    next(listed)
    store.drop("c")
    with pytest.raises(NotFound):
        list(listed)


def test_the_graph_is_built_on_demand_and_changes_no_scores(
    store: EdgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_store, "GRAPH_FROM", 500)
    rows = random_units(1200, 16)
    points = {f"{n:04}": point(f"{n:04}", row, labels=[f"l{n % 4}"]) for n, row in enumerate(rows)}
    store.create("c", {"image": 16})
    store.upsert("c", list(points.values())[:500])
    assert not store.optimise("c")
    store.upsert("c", list(points.values())[500:])
    assert store.optimise("c")
    assert not store.optimise("c")
    changed = [point(f"{n:04}", row) for n, row in enumerate(random_units(50, 16, seed=1))]
    gone = [f"{n:04}" for n in range(100, 150)]
    store.upsert("c", changed)
    store.delete("c", gone)
    points = {id: p for id, p in {**points, **{p.id: p for p in changed}}.items() if id not in gone}
    found = missed = 0
    for n, query in enumerate(random_units(20, 16, seed=2)):
        filter = Filter(labels=(f"l{n % 4}",)) if n % 2 else Filter()
        search = Search("image", query, 10, filter, exact=True)
        best = expected_hits(points.values(), search)
        assert store.search("c", search) == best
        approximate = store.search("c", Search("image", query, 10, filter))
        scores = {hit.id: hit.score for hit in expected_hits(points.values(), Search("image", query, 2000))}
        assert all(hit.score == scores[hit.id] for hit in approximate)
        found += len(set(approximate) & set(best))
        missed += len(set(best) - set(approximate))
    assert missed <= 0.05 * found
    everything = Search("image", rows[0], 2000)
    assert store.search("c", everything) == expected_hits(points.values(), everything)


def test_rows_come_from_memory_once_they_were_read(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create("c", DIMS)
    store.upsert("c", [point("a", X, vector(1, 0, 0))])
    reads: list[str] = []
    put = RowCache.put

    def counted(self: RowCache, key: object, id: str, row: np.ndarray) -> None:
        reads.append(id)
        put(self, key, id, row)  # type: ignore[arg-type]

    monkeypatch.setattr(RowCache, "put", counted)
    for _ in range(3):
        store.search("c", Search("image", X, 1))
    assert reads == ["a"]
    store.search("c", Search("text", vector(1, 0, 0), 1))
    assert reads == ["a", "a"]
    store.upsert("c", [point("a", vector(0, 1, 0, 0))])
    assert store.search("c", Search("image", X, 1)) == [Hit("a", 0.0)]


def test_the_cache_forgets_what_was_used_least_recently() -> None:
    row = np.zeros(4, np.float32)  # 16 bytes
    cache = RowCache(limit=32)
    cache.put("a", "A", row)
    cache.put("b", "B", row)
    cache.get("a")
    cache.put("c", "C", row)
    assert [cache.get(key) is not None for key in "abc"] == [True, False, True]
    cache.forget("a")
    cache.put("d", "D", row)
    cache.put("d", "D", row)
    assert [cache.get(key) is not None for key in "acd"] == [False, True, True]


def test_a_search_waits_for_no_more_than_one_batch(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two batches of a bulk write others get their turn."""
    store.create("c", DIMS)
    seen: list[int] = []
    write = EdgeStore._write

    def watched(self: EdgeStore, collection: str, points: list[object]) -> None:
        seen.append(len(points))
        write(self, collection, points)  # type: ignore[arg-type]

    monkeypatch.setattr(EdgeStore, "_write", watched)
    store.upsert("c", [point(f"{n:04}", X) for n in range(2500)])
    assert seen == [1000, 1000, 500]
    assert ids(store.search("c", Search("image", X, 1))) == ["0000"]
