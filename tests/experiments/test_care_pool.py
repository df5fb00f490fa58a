"""Data care on an engine, by command, and on the demo set."""

import json
import sys
from pathlib import Path

import pytest
from experiment_pools import draft
from typer.testing import CliRunner

from shotsmith.cli import app
from shotsmith.domain.errors import NotFound
from shotsmith.experiments.care import Logged, pool_copies, pool_coverage, pool_label_next, pool_suspects

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def care(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    sys.modules.pop("care", None)
    import care

    return care


def test_flips_on_the_demo_set_are_found(care):
    of = care.drawings(limit=240)
    for rate in care.RATES:
        found = care.flips(of, rate, seed=11)
        assert found["suspects"] >= 0.9, (rate, found)
        assert found["knn_only"] > 0.8
        assert found["suspects"] > found["knn_only"]
        assert found["influence_only"] > 0.65
        assert found["with_influence"] >= 0.9


@pytest.mark.slow
def test_flips_on_the_whole_demo_set_are_found(care):
    found = care.measured(seeds=3, limit=None)
    assert all(rate["suspects"]["least"] >= 0.9 for rate in found["flips"].values()), found
    chosen, drawn = found["label_next"]["SSL"], found["label_next"]["random"]
    assert all(chosen[size] > drawn[size] for size in chosen), found["label_next"]


def test_every_labelled_example_is_judged_and_the_log_is_heard(engine):
    found = pool_suspects(engine, "p", neighbours=3)
    assert len(found) == 40
    again = pool_suspects(
        engine,
        "p",
        neighbours=3,
        log=[Logged(("e007", "e001"), "class 3", 0.0), Logged(("e001",), "class 1", 1.0)],
    )
    assert {one.id: one.influence for one in again if one.influence} == {
        "e007": -0.2,
        "e001": pytest.approx(1 / 6, abs=1e-6),
    }
    with pytest.raises(NotFound):
        pool_suspects(engine, "none")


def test_a_group_over_folds_is_a_leak(engine):
    leaks = [one for one in pool_copies(engine, "p") if one.kind == "same group"]
    assert [(one.ids, one.splits) for one in leaks] == [(("e000", "e032", "e033"), ("test", "train"))]
    counted = pool_coverage(engine, "p", few=9)
    assert counted.splits == {"test": 8, "train": 32}
    assert counted.thin == ("class 0", "class 1", "class 2", "class 3")


def test_drafts_are_chosen_whatever_their_order(engine):
    drafts = [draft(number, number % 4, labels=()) for number in range(60, 72)]
    chosen = [one.id for one in pool_label_next(engine, "p", drafts, 5, "ASL")]
    assert len(set(chosen)) == 5
    assert [one.id for one in pool_label_next(engine, "p", reversed(drafts), 5, "ASL")] == chosen


def test_commands(engine, hired, tmp_path, monkeypatch):
    engine.add_all("p", [draft(90, 1, split="train"), draft(91, 2, images=draft(90, 1).images, split="test")])
    engine.close()
    monkeypatch.setenv("SHOTSMITH_ENCODER", "fake")
    run = CliRunner()

    def told(*command):
        done = run.invoke(app, ["--data-dir", str(hired.folder), *command])
        assert done.exit_code == 0, done.output
        return done.stdout

    counted = json.loads(told("coverage", "-p", "p", "--json"))
    exact = next(one for one in counted["copies"] if one["kind"] == "exact")
    assert (exact["ids"], exact["leak"], exact["contradiction"]) == (["e090", "e091"], True, True)
    assert "leak, exact: e090, e091 (test, train)" in told("coverage", "-p", "p")
    log = tmp_path / "log.jsonl"
    entries = [
        {"demonstrations": ["e001"], "answer": "class 1", "correct": True},
        {"demonstrations": ["e002"], "answer": "class 2", "correct": False},
    ]
    log.write_text("\n".join(map(json.dumps, entries)))
    listed = json.loads(told("suspects", "-p", "p", "--log", str(log), "--limit", "50", "--json"))
    assert {one["id"]: one["influence"] for one in listed if one["influence"]} == {"e001": 0.2, "e002": -0.2}
    assert "of 42 labels are worth a look" in told("suspects", "-p", "p")
    lines = tmp_path / "new.jsonl"
    lines.write_text('{"id": "x", "text": "one thing"}\n{"id": "y", "text": "another thing"}\n')
    assert set(told("label-next", "jsonl", str(lines), "-p", "p", "-n", "2").split()) == {"x", "y"}
    assert len(json.loads(told("label-next", "jsonl", str(lines), "-p", "p", "-n", "1", "--json"))) == 1
