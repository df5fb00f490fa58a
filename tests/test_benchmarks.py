"""The benchmarks run and say what they promise; how fast anything is, is not tested here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from shotsmith import registry
from shotsmith.domain.recipes import ALIASES

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    return json.loads(done.stdout)


def test_selectors() -> None:
    found = run("benchmarks/selectors", "--examples", "1500", "--queries", "5", "--json")
    timed = {*found["query_dependent"], *found["query_independent"]}
    names = {ALIASES.get(name, name) for name in (text.partition("(")[0] for text in timed)}
    asks_a_model, trivial = {"topk_mdl"}, {"all", "none"}
    assert {*registry.names("selectors")} - names == asks_a_model | trivial
    assert found["query_dependent"]["rices"]["ratio_to_rices"] == 1
    assert all(row["p50_ms"] > 0 and row["bound"] >= 10 for row in found["query_dependent"].values())
    assert all(row["plan_s"] >= 0 for row in found["query_independent"].values())


def test_selection() -> None:
    found = run("benchmarks/selection.py", "--examples", "300", "--queries", "5")
    assert all(row["ratio_to_index"] > 0 for row in found["results"][0].values() if isinstance(row, dict))


def test_prompts() -> None:
    found = run("benchmarks/prompts", "--shots", "20", "--rounds", "2", "--prompts", "20", "--json")
    many, few = found["many_shots"], found["few_shots"]
    assert many["shots"] == 20
    assert many["ours_ms"] > 0
    assert many["ratio"] > 0
    assert set(many["memory"]) == {"ours", "least", "build_alone", "bound"}
    assert few["prompts_per_s"] > 0


def test_cache_costs() -> None:
    """Even few queries are billed about as predicted."""
    found = run("benchmarks/cache_costs", "--rates", "1", "10", "--queries", "2000", "--json")
    assert {row["per_minute"] for row in found["rows"]} == {1, 10}
    assert len({row["list"] for row in found["rows"]}) >= 3
    assert found["largest_error"] < 0.05
    assert found["most_beyond_better_end"] < 0.05


def test_sweep() -> None:
    """Nothing is lost, asked twice or left out, however few calls it makes."""
    found = run("benchmarks/sweep", "--smoke", "--json")
    rate, memory, kills, weather = (found[part] for part in ("rate", "memory", "kills", "weather"))
    assert rate["calls"] == 40
    assert rate["ratio"] > 0
    assert memory["peak_mb"] >= memory["first_round_mb"] > 0
    assert {"sweep", "engine", "litellm", "bare loop"} == set(found["ceiling"])
    assert kills["holds"]
    assert len(kills["killed_after_calls"]) == 1
    assert kills["requests"] == kills["ledger"] == 60
    assert weather["holds"]
    assert weather["refused_503"] > 0


def test_make_runs_every_benchmark() -> None:
    """Scripts are found by their ending; folders are named."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    folders = [path.parent.name for path in (ROOT / "benchmarks").glob("*/__main__.py")]
    assert [name for name in folders if f'"benchmarks/{name} --json"' not in makefile] == []
