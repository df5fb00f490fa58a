"""Runs and their outcomes, on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import inspect, text

from shotsmith.domain.errors import Busy, Conflict, NotFound
from shotsmith.domain.runs import Run
from shotsmith.storage import Database, OutcomeRow, Runs

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


@pytest.fixture
def runs(database: Database) -> Runs:
    return Runs(database)


def made(name: str = "r", **fields) -> Run:
    given = {"file": {"name": name, "seeds": [0, 1]}, "facts": {"items": ["ä", "b"]}, **fields}
    return Run(uuid4().hex, name, created_at=MOMENT, updated_at=MOMENT, **given)


def row(item: str, arm: str = "a", seed: int = 0, **body) -> OutcomeRow:
    return OutcomeRow(arm, seed, item, {"item": item, **body})


def test_what_is_created_is_found(runs: Runs) -> None:
    run = runs.create(made(spent={"one": {"calls": 3}}))
    assert runs.find("r") == runs.get("r") == run
    assert runs.get("r").created_at.tzinfo is not None
    assert runs.find("R") is None
    with pytest.raises(NotFound, match="There are: r"):
        runs.get("other")


def test_names_are_unique(runs: Runs) -> None:
    first = runs.create(made())
    with pytest.raises(Conflict, match="there is a run of that name"):
        runs.create(made())
    assert runs.all() == [first]


def test_the_newest_comes_first(runs: Runs) -> None:
    for day, name in ((2, "b"), (3, "c"), (1, "a"), (3, "d")):
        moment = MOMENT.replace(day=day)
        runs.create(Run(uuid4().hex, name, {}, {}, moment, moment))
    assert [one.name for one in runs.all()] == ["c", "d", "b", "a"]


def test_the_first_outcome_of_a_cell_stays(runs: Runs) -> None:
    uid = runs.create(made()).uid
    runs.put(uid, [row("x", answer="one"), row("y", seed=-(2**63)), row("x", arm="b", seed=2**63 - 1)])
    runs.put(uid, [row("x", answer="two"), row("z")])
    runs.put(uid, [])
    assert runs.count(uid) == 4
    assert set(runs.cells(uid)) == {("a", 0, "x"), ("a", -(2**63), "y"), ("b", 2**63 - 1, "x"), ("a", 0, "z")}
    assert [(one.arm, one.item) for one in runs.outcomes(uid)] == [
        ("a", "y"),
        ("a", "x"),
        ("a", "z"),
        ("b", "x"),
    ]
    assert {one.item: one.body.get("answer") for one in runs.outcomes(uid, ["a"])} == {
        "x": "one",
        "y": None,
        "z": None,
    }
    assert list(runs.outcomes(uid, [])) == []


def test_outcomes_are_kept_all_or_none(runs: Runs) -> None:
    uid = runs.create(made()).uid
    with pytest.raises(Exception):  # noqa: B017 - whatever the engine says to an arm that is None
        runs.put(uid, [row("x"), OutcomeRow(None, 0, "y", {})])  # type: ignore[arg-type]
    assert runs.count(uid) == 0


def test_bodies_come_back_as_they_went(runs: Runs) -> None:
    uid = runs.create(made()).uid
    said = {"said": 'Zürich "猫" \U0001f600 \u2028', "cost_usd": 1e-7, "labels": ["a", ""], "none": None}
    runs.put(uid, [row("x", **said)])
    (found,) = runs.outcomes(uid)
    assert found.body == {"item": "x", **said}


def test_outcomes_come_as_a_stream(runs: Runs) -> None:
    uid = runs.create(made()).uid
    runs.put(uid, [row(f"{number:05d}", arm=f"{number % 1100:04d}") for number in range(3300)])
    stream = runs.outcomes(uid, [f"{number:04d}" for number in range(1100)])
    assert next(stream).item == "00000"
    runs.put(uid, [row("more", arm="9999")])  # nobody waits for the reader
    found = [one.item for one in stream]
    assert len(found) == 3299
    assert len(list(runs.cells(uid))) == 3301


def test_several_sittings_spend_at_once_and_nothing_is_lost(runs: Runs, database_url: str) -> None:
    uid = runs.create(made()).uid
    others = [Database(database_url) for _ in range(3)]

    def sit(number: int) -> None:
        own = Runs(others[number % 3])
        for calls in range(1, 9):
            own.spend(uid, f"sitting {number}", {"calls": calls}, "waiting" if calls < 8 else "")

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(sit, range(6)))
    for one in others:
        one.close()
    found = runs.get("r")
    assert found.spent == {f"sitting {number}": {"calls": 8} for number in range(6)}
    assert found.updated_at > MOMENT
    runs.spend("no such uid", "sitting", {"calls": 1})  # a run that was deleted meanwhile


def test_deleting_takes_the_outcomes_along(runs: Runs, database: Database) -> None:
    kept, gone = runs.create(made("kept")), runs.create(made("gone"))
    for run in (kept, gone):
        runs.put(run.uid, [row("x"), row("y")])
    runs.delete("gone")
    assert runs.all() == [runs.get("kept")]
    with database.read() as connection:
        assert connection.execute(text("SELECT DISTINCT run_uid FROM outcomes")).scalars().all() == [kept.uid]
    with pytest.raises(NotFound):
        runs.delete("gone")
    with pytest.raises(NotFound, match="the run was deleted meanwhile"):
        runs.put(gone.uid, [row("z")])
    runs.create(made("gone"))  # the name is free again


def test_the_database_itself_deletes_outcomes_with_their_run(runs: Runs, database: Database) -> None:
    uid = runs.create(made()).uid
    runs.put(uid, [row("x")])
    with database.write() as connection:
        connection.execute(text("DELETE FROM runs"))
    assert runs.count(uid) == 0


def test_states_and_messages(runs: Runs) -> None:
    uid = runs.create(made()).uid
    runs.told(uid, "paused", "the provider is down")
    assert (runs.get("r").state, runs.get("r").message) == ("paused", "the provider is down")
    runs.claim(uid, lambda run: {**run.facts, "owner": 1})
    found = runs.get("r")
    assert (found.state, found.message, found.facts) == ("running", "", {"items": ["ä", "b"], "owner": 1})


def test_one_of_many_gets_to_run_it(runs: Runs, database_url: str) -> None:
    uid = runs.create(made(state="paused")).uid
    others = [Database(database_url) for _ in range(4)]

    def claim(number: int) -> bool:
        def take(run: Run) -> dict[str, int]:
            if run.state == "running":
                raise Busy("taken")
            return {"owner": number}

        try:
            Runs(others[number]).claim(uid, take)
        except Busy:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        won = list(threads.map(claim, range(4)))
    for one in others:
        one.close()
    assert won.count(True) == 1
    assert runs.get("r").facts == {"owner": won.index(True)}
    with pytest.raises(NotFound, match="the run was deleted meanwhile"):
        runs.claim("no such uid", lambda run: {})


def test_the_migration_goes_back_and_forward(runs: Runs, database: Database) -> None:
    runs.create(made())
    database.migrate("0005")
    assert not {"runs", "outcomes"} & set(inspect(database.engine).get_table_names())
    database.migrate()
    assert runs.all() == []
    runs.put(runs.create(made()).uid, [row("x")])
