from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shotsmith.domain.messages import Usage
from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.tokens import Calibrations, Features
from shotsmith.storage import CalibrationStates, Database


def counted(state: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"calls": (state["calls"] if state else 0) + 1, "third": 1 / 3}


def test_states_are_kept_by_model_and_by_rules(database: Database) -> None:
    states = CalibrationStates(database)
    assert states.get("m", "r1") is None
    assert states.update("m", "r1", counted) == {"calls": 1, "third": 1 / 3}
    assert states.update("m", "r1", counted) == {"calls": 2, "third": 1 / 3}
    assert states.get("m", "r1") == {"calls": 2, "third": 1 / 3}
    assert states.get("m", "r2") is None
    assert states.get("n", "r1") is None


def test_a_change_that_fails_leaves_what_there_was(database: Database) -> None:
    states = CalibrationStates(database)
    states.update("m", "r", counted)
    with pytest.raises(ZeroDivisionError):
        states.update("m", "r", lambda state: {"calls": 1 // 0})
    assert states.get("m", "r") == {"calls": 1, "third": 1 / 3}


def test_no_change_is_lost_between_threads_and_connections(database: Database, database_url: str) -> None:
    other = Database(database_url)
    both = [CalibrationStates(database), CalibrationStates(other)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: both[number % 2].update("m", "r", counted), range(40)))
    assert both[0].get("m", "r") == {"calls": 40, "third": 1 / 3}
    other.close()


def test_what_one_process_learns_another_reads(database: Database) -> None:
    facts = facts_of("anthropic/claude-sonnet-4-5")
    first = Calibrations(CalibrationStates(database))
    for turns in range(1, 21):
        features = Features(50 * turns, 361 * turns, 0, turns, turns)
        first.observe(facts, features, Usage(60 * turns + 361 * turns + 5 * turns + 40))
    second = Calibrations(CalibrationStates(database))
    assert second.of(facts) == first.of(facts)
    assert second.of(facts).calls == 20
    assert second.of(facts_of("anthropic/claude-opus-4-8")).calls == 0


def test_threads_learn_together(database: Database) -> None:
    facts = facts_of("gpt-4o")
    shared = Calibrations(CalibrationStates(database))
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda turns: shared.observe(
                    facts, Features(90, 765 * turns, 0, turns, turns), Usage(999 * turns)
                ),
                range(1, 41),
            )
        )
    assert shared.of(facts).calls == 40
    assert Calibrations(CalibrationStates(database)).of(facts) == shared.of(facts)
