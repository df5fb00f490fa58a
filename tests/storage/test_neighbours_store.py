"""Neighbour lists on both databases, and the checks before they are stored."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput, InvalidParameter, NotFound
from shotsmith.domain.examples import Example, Pool
from shotsmith.domain.neighbours import Imported
from shotsmith.engine.neighbours import import_lists
from shotsmith.storage import Database, Examples, Neighbours, Pools
from shotsmith.storage.database import now
from shotsmith.storage.pools import new_uid


def make_pool(database: Database, *ids: str, name: str = "p") -> Pool:
    pool = Pool(
        name=name, uid=new_uid(), kind="classification", encoder="fake", encoder_id="fake", created_at=now()
    )
    Pools(database).create(pool)
    if ids:
        Examples(database).write(pool.uid, [Example(id=id, text=f"text of {id}", answer="x") for id in ids])
    return pool


@pytest.fixture
def pool(database: Database) -> Pool:
    return make_pool(database, "a", "b", "c", "d")


@pytest.fixture
def put(database: Database, pool: Pool):
    """Imports lists into the pool under the name SI."""

    def put_(lists, name: str = "SI", **options) -> Imported:
        return import_lists(pool, name, lists, Examples(database), Neighbours(database), **options)

    return put_


def kept(database: Database, pool: Pool, *queries: str, name: str = "SI") -> list[tuple[str, ...]]:
    return [Neighbours(database).get(pool.uid, name, query) for query in queries]


def test_lists_come_back_best_first_and_only_by_their_name_pool_and_query(database, pool, put) -> None:
    other = make_pool(database, name="q")
    assert put({"a": ["d", "b"], "ключ/ä 1": ["c"]}) == Imported(lists=2, ids=3, new_queries=1)
    put({"a": ["c"]}, "SQ")
    assert kept(database, pool, "a", "ключ/ä 1", "b") == [("d", "b"), ("c",), ()]
    store = Neighbours(database)
    assert store.get(pool.uid, "SQ", "a") == ("c",)
    assert store.get(pool.uid, "SI", None) == ()
    assert store.names(pool.uid) == {"SI": 2, "SQ": 1}
    assert store.names(other.uid) == {}
    with pytest.raises(NotFound, match="There are: SI, SQ"):
        store.get(pool.uid, "si", "a")
    with pytest.raises(NotFound, match="shotsmith neighbours import"):
        store.get(other.uid, "SI", "a")


def test_an_import_takes_the_place_of_the_one_before(database, pool, put) -> None:
    put({"a": ["b"], "b": ["a"]})
    put({"b": ["c"], "c": ["a"]})
    assert kept(database, pool, "a", "b", "c") == [(), ("c",), ("a",)]
    assert Neighbours(database).names(pool.uid) == {"SI": 2}


@pytest.mark.parametrize(
    ("lists", "field", "word"),
    [
        ({}, "lists", "no neighbour lists"),
        ({"a": ["b"], "b": []}, "lists: b", "the list is empty"),
        ({"a": ["b"], "b": "abc"}, "lists: b", "not a list of ids"),
        ({"a": ["b"], "b": ["a", 1]}, "lists: b", "not a list of ids"),
        ({"a": ["b"], "": ["a"]}, "lists", "empty"),
        ({"a": ["b"], "x\x00": ["a"]}, "lists", "control characters"),
        ({"a": ["b"], "x\ud800": ["a"]}, "lists", "control characters"),
        ({"a": ["b"], "é" * 300: ["a"]}, "lists", "longer than 512 bytes"),
        ({"a": ["b", "x"], "b": ["y", "x", "z", "w"]}, "lists", "4 ids are not in the pool p (got x, y, z)"),
        ({"a": ["b", "x"]}, "lists", "1 id is not in the pool p (got x). Ids there look like a"),
        ({"a": ["\ud800"]}, "lists", r"(got \ud800)"),
        ({"a": ["a"], "b": ["b", "b"]}, "lists", "nothing is left"),
    ],
)
def test_one_bad_list_and_nothing_changes(database, pool, put, lists, field: str, word: str) -> None:
    put({"a": ["d"]})
    with pytest.raises(InvalidInput) as caught:
        put(lists)
    assert caught.value.field == field
    assert word in str(caught.value)
    assert caught.value.mend
    str(caught.value).encode()
    assert kept(database, pool, "a", "b") == [("d",), ()]


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "-x", "x" * 101, "ä", "x\n", "a?"])
def test_names_fit_into_addresses_and_recipes(put, name: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        put({"a": ["b"]}, name)
    assert caught.value.field == "name"


def test_repeated_ids_and_the_query_itself_are_left_out_and_counted(database, pool, put) -> None:
    done = put({"a": ["d", "a", "d", "b", "a"], "b": ["b"]})
    assert done == Imported(lists=1, ids=2, repeated=2, itself=2, emptied=1)
    assert kept(database, pool, "a", "b") == [("d", "b"), ()]


def test_unknown_ids_are_left_out_when_told_to_and_counted(database, pool, put) -> None:
    done = put({"a": ["x", "d", "y", "x"], "b": ["x"], "q": ["q", "y", "c"]}, skip_unknown=True)
    assert done == Imported(lists=2, ids=2, new_queries=1, repeated=1, itself=1, unknown=4, emptied=1)
    assert kept(database, pool, "a", "b", "q") == [("d",), (), ("c",)]
    with pytest.raises(InvalidInput, match="nothing is left"):
        put({"a": ["x"]}, skip_unknown=True)
    assert kept(database, pool, "a") == [("d",)]


def test_a_pool_without_examples_has_no_neighbours(database) -> None:
    empty = make_pool(database)
    with pytest.raises(InvalidInput, match="It holds no example yet"):
        import_lists(empty, "SI", {"a": ["b"]}, Examples(database), Neighbours(database))


def test_another_pools_examples_are_unknown(database, pool, put) -> None:
    make_pool(database, "z", name="q")
    with pytest.raises(InvalidInput, match="got z"):
        put({"a": ["z"]})


def test_many_lists_are_written_whole_or_not_at_all(database, pool) -> None:
    store = Neighbours(database)
    assert store.write(pool.uid, "SI", ((f"q{number:04d}", ["a", "b"]) for number in range(1203))) == 1203

    def breaking():
        yield from ((f"r{number:04d}", ["c"]) for number in range(1100))
        raise RuntimeError("the source ended early")

    with pytest.raises(RuntimeError):
        store.write(pool.uid, "SI", breaking())
    assert store.names(pool.uid) == {"SI": 1203}
    assert store.get(pool.uid, "SI", "q1202") == ("a", "b")


def test_lists_go_with_their_pool(database, pool, put) -> None:
    put({"a": ["b"]})
    Pools(database).delete("p")
    assert Neighbours(database).names(pool.uid) == {}
    with pytest.raises(NotFound, match="the pool was deleted"):
        Neighbours(database).write(pool.uid, "SI", [("a", ["b"])])


def test_two_imports_at_once_leave_the_lists_of_one(database, pool) -> None:
    store, errors = Neighbours(database), []
    start = threading.Barrier(4)

    def work(id: str) -> None:
        start.wait()
        try:
            for _ in range(5):
                store.write(pool.uid, "SI", [(f"q{number}", [id]) for number in range(30)])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(id,)) for id in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.names(pool.uid) == {"SI": 30}
    assert len({store.get(pool.uid, "SI", f"q{number}") for number in range(30)}) == 1


known = [f"e{number}" for number in range(6)]
some = st.sampled_from([*known, "x", "y"])
tables = st.dictionaries(st.sampled_from([*known, "q"]), st.lists(some, min_size=1, max_size=8), min_size=1)


@given(lists=tables)
def test_what_is_stored_is_the_list_without_what_cannot_be_shown(tmp_path_factory, lists) -> None:
    """The rule, written down once more: first occurrences, in the pool, not the query."""
    database = Database(tmp_path_factory.getbasetemp() / f"lists-{os.getpid()}.db")
    try:
        pool = make_pool(database, *known, name=new_uid())
        pool = replace(pool, size=len(known))
        expected = {
            query: tuple(id for rank, id in enumerate(ids) if id not in (query, *ids[:rank]) and id in known)
            for query, ids in lists.items()
        }
        left = {query: ids for query, ids in expected.items() if ids}
        try:
            done = import_lists(
                pool, "SI", lists, Examples(database), Neighbours(database), skip_unknown=True
            )
        except InvalidInput:
            assert not left
            return
        assert {query: kept(database, pool, query)[0] for query in lists} == expected
        given_, stored = sum(map(len, lists.values())), sum(map(len, left.values()))
        assert (done.lists, done.ids) == (len(left), stored)
        assert done.ids + done.repeated + done.itself + done.unknown == given_
        assert done.lists + done.emptied == len(lists)
        assert done.new_queries == len(left.keys() - set(known))
    finally:
        database.close()
