"""kill -9 in the middle of an import: everything acknowledged is there once, and a repeat completes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pictures import encoded, picture


def _write_pictures(root: Path, count: int) -> None:
    for number in range(count):
        place = root / f"class {number % 10}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:05d}.png").write_bytes(encoded(picture(number, hue=number % 10)))


def _kill_and_resume(run, spawn, home: Path, count: int, kills: int, encoder: str) -> None:
    source = home / "many"
    _write_pictures(source, count)
    arguments = ["import", "imagefolder", source, "--pool", "p", "--json"]
    for attempt in range(1, kills + 1):
        process = spawn(*arguments, SHOTSMITH_ENCODER=encoder)
        assert process.stdout is not None
        acknowledged = 0
        for line in process.stdout:
            acknowledged = json.loads(line)["seen"]
            if acknowledged >= attempt * count // (kills + 1):
                process.kill()
                break
        # What was printed before the kill took effect counts as acknowledged, too.
        rest, errors = process.communicate(timeout=60)
        assert process.returncode == -9, errors
        for line in rest.splitlines():
            if line.endswith(b"}"):
                acknowledged = max(acknowledged, json.loads(line)["seen"])
        stored = json.loads(run("pool", "show", "p", "--json").out)["pool"]["size"]
        assert acknowledged <= stored < count
    done = json.loads(run(*arguments).out.splitlines()[-1])
    assert done["added"] + done["unchanged"] == count
    assert done["unchanged"] >= stored
    assert done["size"] == count
    health = run("doctor", "--json")
    assert health.code == 0
    (checkup,) = json.loads(health.out)
    assert checkup["sound"]
    assert checkup["examples"] == checkup["indexed"] == count


def test_a_killed_import_is_simply_run_again(run, spawn, home) -> None:
    _kill_and_resume(run, spawn, home, count=600, kills=2, encoder="fake")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_killed_import_of_five_thousand_images(run, spawn, home, monkeypatch) -> None:
    monkeypatch.setenv("SHOTSMITH_ENCODER", "embedded")
    _kill_and_resume(run, spawn, home, count=5000, kills=3, encoder="embedded")
