"""What a run found stays readable when its pool changes."""

from __future__ import annotations

import pytest
from experiment_pools import draft

from shotsmith.domain.errors import Conflict
from shotsmith.experiments.design import ExperimentFile
from shotsmith.experiments.runs import findings, run_experiment

FILE = ExperimentFile.read({"name": "r", "pool": "p", "shots": [1]})


def test_a_finished_run_is_read_and_says_that_the_pool_changed(engine):
    before = run_experiment(engine, FILE)
    engine.add("p", [draft(90, 1, split="train")])
    plan, after = findings(engine, "r")
    assert after.outcomes == before.outcomes
    assert "changed" in plan.notes[0]
    with pytest.raises(Conflict, match="two pools"):
        run_experiment(engine, FILE)


def test_items_that_are_gone_are_told(engine):
    before = run_experiment(engine, FILE)
    engine.delete_examples("p", [before.items[0]])
    plan, after = findings(engine, "r")
    assert after.items == before.items[1:]
    assert "1 of its items are gone" in plan.notes[0]


def test_a_run_of_which_no_item_is_left_is_one_clear_error(engine):
    before = run_experiment(engine, FILE)
    engine.delete_examples("p", before.items)
    engine.add("p", [draft(91, 1, split="test")])
    with pytest.raises(Conflict, match="none of the items"):
        findings(engine, "r")
