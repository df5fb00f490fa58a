"""`shotsmith experiment`: schema, plan, run, list, show and delete."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
import yaml
from openai_server import OpenAIServer, Recorded, Scripted, completion
from pictures import encoded, picture

KEY = "sk-secret-0123456789abcdef"

FILE = {
    "name": "first",
    "pool": "p",
    "models": ["simulated/voter"],
    "selectors": ["rices", "mix(parts=[rices,mmr])"],
    "shots": [1, 2],
}


@pytest.fixture
def pool(run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """24 training and 6 test pictures in 3 classes."""
    monkeypatch.setenv("SHOTSMITH_INDEX_URL", "memory:")
    lines = []
    for number in range(30):
        (home / f"{number}.png").write_bytes(encoded(picture(number, hue=number % 3)))
        split = "test" if number >= 24 else "train"
        lines.append(
            {"id": f"e{number}", "image": f"{number}.png", "label": f"class {number % 3}", "split": split}
        )
    (home / "data.jsonl").write_text("\n".join(map(json.dumps, lines)))
    done = run("import", "jsonl", home / "data.jsonl", "--pool", "p", "--json")
    assert done.code == 0, done.err


@pytest.fixture
def write(home: Path):
    def write_(**fields) -> Path:
        path = home / "e.yaml"
        path.write_text(yaml.safe_dump({**FILE, **fields}))
        return path

    return write_


def test_schema(run) -> None:
    done = run("experiment", "schema")
    assert done.code == 0
    assert {"name", "pool", "shots"} <= set(json.loads(done.out)["properties"])


def test_plan_asks_and_writes_nothing(run, write, pool) -> None:
    told = run("experiment", "plan", write(), "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    # zero-shot, and random, rices and mix of 1 and 2
    assert (found["calls"], found["items"]) == (6 * 7, 6)
    assert {one["arm"] for one in found["arms"]} >= {
        "zero-shot",
        "random, k=1",
        "mix(parts=[rices,mmr]), k=2",
    }
    assert 0 < found["usd"] < 1
    shown = run("experiment", "plan", write())
    assert "mix(parts=[rices,mmr]), k=2" in shown.out  # not taken for markup
    assert "42 calls" in shown.out
    assert json.loads(run("experiment", "list", "--json").out) == []


@pytest.mark.parametrize("budget", [{"calls": 41}, {"usd": 0.01}, {"minutes": 0.001}])
def test_plan_refuses_to_pass_the_budget(run, write, pool, budget) -> None:
    for command in ("plan", "run"):
        done = run("experiment", command, write(budget=budget), "--json")
        assert done.code == 2
        problem = json.loads(done.err)
        assert problem["field"] == f"budget.{next(iter(budget))}"
        assert "--partial" in problem["mend"]
    assert json.loads(run("experiment", "list", "--json").out) == []


def test_run_list_show_and_delete(run, write, pool) -> None:
    done = run("experiment", "run", write(), "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["items"] == 6
    assert all(0 <= one["low"] <= one["score"] <= one["high"] <= 1 for one in found["arms"])
    (listed,) = json.loads(run("experiment", "list", "--json").out)
    assert (listed["name"], listed["state"], listed["message"]) == ("first", "done", "")
    assert "first" in run("experiment", "list").out
    assert json.loads(run("experiment", "show", "first", "--json").out) == found
    shown = run("experiment", "show", "first").out
    assert "mix(parts=[rices,mmr]), k=2" in shown
    assert re.search(r"majority class\s+0\.333 \[0\.", shown)
    again = run("experiment", "run", write())
    assert again.code == 0, again.err
    assert "0 calls" in again.out
    gone = run("experiment", "delete", "first")
    assert (gone.code, gone.out) == (0, "run first is deleted\n")
    for command in (("delete", "first"), ("show", "first")):
        missing = run("experiment", *command)
        assert missing.code == 3
        assert "no such run" in missing.err


def test_a_budget_that_ends_a_run_is_told_and_the_run_goes_on(run, write, pool) -> None:
    spent = run("experiment", "run", write(budget={"calls": 20}), "--partial")
    assert spent.code == 8
    assert "the budget is spent: 20 calls were made" in spent.err
    (listed,) = json.loads(run("experiment", "list", "--json").out)
    assert listed["state"] == "stopped"
    shown = json.loads(run("experiment", "show", "first", "--json").out)
    assert any(one["score"] is None for one in shown["arms"])
    assert "not asked about every item" in run("experiment", "show", "first").out
    assert run("experiment", "run", write(budget={"calls": 42})).code == 0


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"shotz": [1]}, 2, "Did you mean 'shots'"),
        ({"shots": [0]}, 2, "shots: give at least one number above 0"),
        ({"pool": "q"}, 3, "no such pool"),
        ({"metrics": ["nosuch"]}, 2, "unknown metric"),
        ({"selectors": ["[/red]"]}, 2, r"\[/red\]"),
    ],
)
def test_bad_files_are_one_line_and_an_exit_code(run, write, pool, fields, code, message) -> None:
    for command in ("plan", "run"):
        done = run("experiment", command, write(**fields))
        assert done.code == code
        assert re.search(message, done.err)
        assert done.err.count("\n") == 1
    assert json.loads(run("experiment", "list", "--json").out) == []


def test_no_file_and_no_executor(run, write, pool, home) -> None:
    assert run("experiment", "plan", home / "none.yaml").code == 2
    done = run("experiment", "run", write(), "--executor", "cloud")
    assert done.code == 2
    assert "executor" in done.err


# In a process of its own, with a provider


class Provider(OpenAIServer):
    def __init__(self) -> None:
        self.pause = 0.03
        super().__init__()

    def answer(self, request: Recorded) -> Scripted:
        time.sleep(self.pause)
        return completion("class 1")


@pytest.fixture
def provider():
    made = Provider()
    yield made
    made.close()


def environment(provider: Provider) -> dict[str, str]:
    return {"SHOTSMITH_MODEL_API_BASE": provider.url, "SHOTSMITH_MODEL_API_KEY": KEY}


def until(what, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def test_ctrl_c_pauses_a_run_with_a_clean_message(run, spawn, write, pool, provider, monkeypatch) -> None:
    provider.pause = 0.3
    file = write(models=["openai/m"], workers=2)
    process = spawn("experiment", "run", file, **environment(provider))
    until(lambda: len(provider.requests) >= 5)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    said = errors.decode()
    assert "paused: what was answered is kept" in said
    assert "Traceback" not in said
    assert KEY.encode() not in out + errors
    (listed,) = json.loads(run("experiment", "list", "--json").out)
    assert (listed["state"], listed["message"]) == ("paused", "interrupted")
    assert listed["outcomes"] < 54
    asked = len(provider.requests)
    provider.pause = 0
    for name, value in environment(provider).items():
        monkeypatch.setenv(name, value)
    done = run("experiment", "run", file, "--json")
    assert done.code == 0, done.err
    bodies = [one.body for one in provider.requests]
    assert len(bodies) == len(set(bodies)) > asked  # calls on their way came to their end


def processes(parent: int) -> list[int]:
    """A process and those below it."""
    found = [parent]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            above = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if above == parent:
            found += processes(int(path.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_keys_stay_out_of_arguments_and_files(run, spawn, write, pool, provider, home, monkeypatch) -> None:
    monkeypatch.delenv("SHOTSMITH_INDEX_URL")
    provider.pause = 0.1
    file = write(models=["openai/m"], workers=2)
    command = ("experiment", "run", file, "--executor", "process", "--processes", 2)
    process = spawn(*command, **environment(provider))
    until(lambda: len(provider.requests) >= 6)
    below = processes(process.pid)
    assert len(below) >= 3
    for pid in below:
        assert KEY.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    os.kill(process.pid, signal.SIGKILL)
    out, errors = process.communicate(timeout=30)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below[1:]), 20)
    asked = len(provider.requests)
    provider.pause = 0
    done = spawn(*command, **environment(provider))
    more = done.communicate(timeout=120)
    assert done.returncode == 0, more
    bodies = [one.body for one in provider.requests]
    assert len(bodies) - len(set(bodies)) <= 2 * 2
    assert len(bodies) > asked
    for text in (out, errors, *more):
        assert KEY.encode() not in text
    for path in home.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()
