from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import Conflict, ExampleConflict, NotFound
from shotsmith.domain.examples import Example, Pool
from shotsmith.domain.media import Media
from shotsmith.storage import Database, Examples, Outbox, Pools
from shotsmith.storage.database import now
from shotsmith.storage.pools import new_uid

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def picture(number: int) -> Media:
    return Media("image", f"{number:064x}", "image/png", 10, 4, 3, f"{number % 3:064x}", "0" * 16)


def make_pool(database: Database, name: str = "p") -> Pool:
    pool = Pool(
        name=name, uid=new_uid(), kind="classification", encoder="fake", encoder_id="fake", created_at=now()
    )
    return Pools(database).create(pool)


def test_what_is_stored_comes_back_whole(database: Database) -> None:
    pool, store = make_pool(database), Examples(database)
    example = Example(
        id="ключ/ä 1",
        media=(picture(1), picture(2), picture(1)),
        text="line\nline",
        answer="да",
        labels=("b", "a"),
        group="g",
        split="test",
        tags=("x", "y"),
        metadata={"n": 1, "f": 0.1, "s": "é", "b": True},
    )
    store.write(pool.uid, [example])
    found = store.get(pool.uid, [example.id])[example.id]
    assert found.created_at is not None
    assert found.created_at.tzinfo is not None
    assert replace(found, created_at=None) == example
    assert found.content_sha256 == example.content_sha256


def test_the_same_again_is_a_no_op(database: Database) -> None:
    pool, store, outbox = make_pool(database), Examples(database), Outbox(database)
    batch = [Example("a", text="1"), Example("b", text="2"), Example("a", text="1")]
    assert store.write(pool.uid, batch) == (["a", "b"], [], ["a"], [])
    version = Pools(database).get("p").version
    assert store.write(pool.uid, batch[:2]) == ([], [], ["a", "b"], [])
    assert Pools(database).get("p").version == version
    assert outbox.count(pool.uid) == 2


@pytest.mark.parametrize("clash", [[Example("a", text="other")], [Example("z"), Example("z", text="x")]])
def test_another_content_under_a_known_id_leaves_everything_as_it_was(database: Database, clash) -> None:
    pool, store = make_pool(database), Examples(database)
    store.write(pool.uid, [Example("a", text="1")])
    before = Pools(database).get("p")
    with pytest.raises(ExampleConflict, match="other content"):
        store.write(pool.uid, [Example("new"), *clash])
    assert Pools(database).get("p") == before
    assert list(store.get(pool.uid, ["a", "new", "z"])) == ["a"]
    assert store.write(pool.uid, clash[-1:], "skip").skipped in (["a"], [])


def test_replacing_keeps_the_date_and_counts_once(database: Database) -> None:
    pool, store = make_pool(database), Examples(database)
    store.write(pool.uid, [Example("a", text="1", media=(picture(1), picture(2)))])
    first = store.get(pool.uid, ["a"])["a"]
    done = store.write(pool.uid, [Example("a", text="2", media=(picture(2),))], "replace")
    assert done.replaced == ["a"]
    found = store.get(pool.uid, ["a"])["a"]
    assert (found.text, found.media, found.created_at) == ("2", (picture(2),), first.created_at)
    assert Pools(database).get("p").size == 1


def test_a_pool_name_is_taken_once(database: Database) -> None:
    make_pool(database)
    with pytest.raises(Conflict, match="exists already"):
        make_pool(database)
    with pytest.raises(NotFound, match="Pools here: p"):
        Pools(database).get("q")


def test_pages_go_by_code_point_and_miss_nothing(database: Database) -> None:
    pool, store = make_pool(database), Examples(database)
    ids = ["B", "a", "Z", "ä", "z", "_", "10", "9", "é", "e"]
    store.write(pool.uid, [Example(id, text=id) for id in ids])
    seen, after = [], None
    while page := store.page(pool.uid, after=after, limit=3):
        seen += [example.id for example in page]
        after = seen[-1]
    assert seen == sorted(ids)


def test_a_task_stays_until_what_was_indexed_is_current(database: Database) -> None:
    pool, store, outbox = make_pool(database), Examples(database), Outbox(database)
    store.write(pool.uid, [Example("a", text="1"), Example("b", text="1")])
    tasks = outbox.pending(pool.uid, 10)
    indexed = store.contents(pool.uid)
    store.write(pool.uid, [Example("a", text="2")], "replace")
    store.delete(pool.uid, ["b"])
    # Another process settles the newer tasks first: what was written over its work must still become pending.
    newer = [task for task in outbox.pending(pool.uid, 10) if task not in tasks]
    outbox.done(pool.uid, newer, {"a": store.contents(pool.uid)["a"], "b": None})
    outbox.done(pool.uid, tasks, indexed)
    assert {task.id for task in outbox.pending(pool.uid, 10)} == {"a", "b"}
    tasks = outbox.pending(pool.uid, 10)
    outbox.done(pool.uid, tasks, {"a": store.contents(pool.uid)["a"], "b": None})
    assert outbox.count(pool.uid) == 0


def test_writers_in_parallel_lose_nothing(database: Database) -> None:
    pool, store = make_pool(database), Examples(database)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(10):
                store.write(pool.uid, [Example(f"{number}-{step}", media=(picture(step), picture(step + 1)))])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Pools(database).get("p").size == 40
    assert len(store.contents(pool.uid)) == 40


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Database:
    opened = Database(f"sqlite:///{tmp_path_factory.mktemp('db') / 'test.db'}")
    yield opened
    opened.close()


@given(
    batch=st.lists(
        st.builds(Example, id=keys, text=texts, labels=st.tuples(keys)), unique_by=lambda one: one.id
    ),
    data=st.data(),
)
def test_the_version_depends_on_what_is_stored_not_on_how(shared: Database, batch, data) -> None:
    pools, store = Pools(shared), Examples(shared)
    one, two = make_pool(shared, new_uid()), make_pool(shared, new_uid())
    store.write(one.uid, batch)
    extra = Example("\uffffextra", text="gone soon")
    store.write(two.uid, [extra])
    for example in data.draw(st.permutations(batch)):
        store.write(two.uid, [replace(example, text="draft")])
        store.write(two.uid, [example], "replace")
    if batch:
        assert pools.get(one.name).version != pools.get(two.name).version
    store.delete(two.uid, [extra.id, "nobody"])
    assert pools.get(one.name).version == pools.get(two.name).version
    assert pools.get(one.name).size == pools.get(two.name).size == len(batch)
