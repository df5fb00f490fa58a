"""kill -9 in the middle of an experiment: every cell ends with one outcome, and next to nothing is paid for twice."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml
from openai_server import OpenAIServer, Recorded, Scripted, completion
from pictures import encoded, picture

WORKERS = 3
ITEMS = 20
ARMS = 9  # zero-shot, two of random under two seeds, and two of rices and mmr


class Provider(OpenAIServer):
    """Answers slowly, and knows how many calls were on their way at once."""

    def __init__(self) -> None:
        self.pause = 0.05
        self.sent: Counter[bytes] = Counter()
        self._lock = threading.Lock()
        super().__init__()

    def answer(self, request: Recorded) -> Scripted:
        with self._lock:
            self.sent[request.body] += 1
        time.sleep(self.pause * random.random() * 2)
        return completion(f"class {len(request.body) % 3}")


@pytest.fixture
def experiment(run, home: Path, monkeypatch: pytest.MonkeyPatch):
    """The file of an experiment on a pool of 40 pictures, and the provider that it asks."""
    provider = Provider()
    for name, value in {
        "INDEX_URL": "memory:",
        "MODEL_API_BASE": provider.url,
        "MODEL_API_KEY": "sk-test",
    }.items():
        monkeypatch.setenv(f"SHOTSMITH_{name}", value)
    lines = []
    for number in range(40):
        (home / f"{number}.png").write_bytes(encoded(picture(number, hue=number % 3)))
        split = "test" if number >= 40 - ITEMS else "train"
        lines.append({"image": f"{number}.png", "label": f"class {number % 3}", "split": split})
    (home / "data.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert run("import", "jsonl", home / "data.jsonl", "--pool", "p").code == 0
    fields = {
        "name": "killed",
        "pool": "p",
        "models": ["openai/m"],
        "selectors": ["rices", "mmr"],
        "shots": [1, 2],
        "seeds": [0, 1],
        "workers": WORKERS,
    }
    path = home / "e.yaml"
    path.write_text(yaml.safe_dump(fields))
    yield path, provider
    provider.close()


def _kill_and_go_on(run, spawn, path: Path, provider: Provider, kills: int) -> None:
    dice = random.Random(kills)
    for attempt in range(1, kills + 1):
        process = spawn("experiment", "run", path, "--json")
        wanted = sum(provider.sent.values()) + dice.randint(5, ITEMS * ARMS // (kills + 1))
        while sum(provider.sent.values()) < wanted and process.poll() is None:
            time.sleep(0.003)
        process.kill()
        _, errors = process.communicate(timeout=60)
        assert process.returncode == -9, errors
        (listed,) = json.loads(run("experiment", "list", "--json").out)
        assert listed["state"] == "running"
        assert sum(provider.sent.values()) - len(provider.sent) <= WORKERS * attempt
    provider.pause = 0
    done = run("experiment", "run", path, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["items"] == ITEMS
    assert all(one["score"] is not None and not one["errors"] for one in found["arms"])
    (listed,) = json.loads(run("experiment", "list", "--json").out)
    assert listed["state"] == "done"
    votes = 5  # of 1, 2, 5 and 15 neighbours, and the majority class
    assert listed["outcomes"] == ITEMS * (ARMS + votes)
    assert sum(provider.sent.values()) - len(provider.sent) <= WORKERS * kills
    assert max(provider.sent.values()) <= 1 + kills


def test_a_killed_experiment_is_simply_run_again(run, spawn, experiment) -> None:
    _kill_and_go_on(run, spawn, *experiment, kills=1)


@pytest.mark.slow
def test_an_experiment_that_is_killed_three_times(run, spawn, experiment) -> None:
    _kill_and_go_on(run, spawn, *experiment, kills=3)
