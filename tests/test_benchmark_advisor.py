"""The advisor's benchmark runs and says what it promises: the quick one, one small world a regime."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_advisor() -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/advisor", "--quick", "--seed", "1", "--jobs", "1", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found = json.loads(done.stdout)
    overall = found["overall"]
    assert overall["worlds"] == len(found["rows"]) == 4
    assert set(found["by_regime"]) == set(found["confusion"]) == {"NO-ICL", "KNN", "SSL", "ASL"}
    assert overall["wrong_label"] == 0
    assert overall["regret"] <= 0.02
    assert overall["calls_share"] < 0.35
    assert set(overall["baselines"]) == {"always RICES-16", "always all", "never any"}
    assert all(row["calls"] == sum(stage["calls"] for stage in row["stages"]) for row in found["rows"])
    assert found["seed"] == 1
    assert "4/4" in done.stderr
