"""Where runs run: here, in worker processes, on Ray. The results are the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import executor_jobs
import pytest
from experiment_pools import draft
from pydantic import SecretStr

from shotsmith.domain.errors import (
    Busy,
    Conflict,
    ModelUnauthorized,
    NotFound,
    ShotsmithError,
    Unavailable,
    UnknownName,
)
from shotsmith.engine import Engine
from shotsmith.experiments.design import ExperimentFile
from shotsmith.experiments.executors import Local, open_executor
from shotsmith.experiments.executors.process import Processes
from shotsmith.experiments.runs import delete_run, findings, owners, run_experiment
from shotsmith.experiments.trials import BudgetSpent
from shotsmith.settings import Settings

JOBS = Path(executor_jobs.__file__)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def until(what: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def test_names() -> None:
    assert isinstance(open_executor("local"), Local)
    assert isinstance(open_executor("process", 3), Processes)
    assert open_executor("process", 3).width == 3
    with pytest.raises(UnknownName, match="Did you mean 'process'"):
        open_executor("proces")


def test_results_come_from_other_processes() -> None:
    assert sorted(Processes(2).map(executor_jobs.square, range(7))) == [n * n for n in range(7)]
    assert list(Local().map(executor_jobs.square, range(3))) == [0, 1, 4]


def test_errors_come_as_they_were_raised() -> None:
    with pytest.raises(ModelUnauthorized) as caught:
        list(Processes(1).map(executor_jobs.fail, ["ModelUnauthorized"]))
    assert str(caught.value) == "some.field: said (got 3). Mend it"
    assert caught.value.problem()["status"] == 502
    with pytest.raises(BudgetSpent, match=r"budget\.calls"):
        list(Processes(1).map(executor_jobs.overspend, [1]))


def test_a_killed_worker_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="a worker process was killed"):
        list(Processes(2).map(executor_jobs.kill_own_process, [1]))


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[int], Path]]:
    """A process with two workers that work for ever, their ids, and where they tell what they do."""
    path = os.pathsep.join([str(JOBS.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, str(JOBS), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    until(lambda: len(list(tmp_path.glob("*.begun"))) == 2)
    workers = [int(one.stem) for one in tmp_path.glob("*.begun")]
    yield process, workers, tmp_path
    for pid in [process.pid, *workers]:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
    process.communicate()


def test_workers_end_when_their_parent_is_killed(parent) -> None:
    process, workers, _ = parent
    assert all(map(alive, workers))
    process.kill()
    until(lambda: not any(map(alive, workers)), 10)


def test_an_interrupt_lets_workers_come_to_their_end(parent) -> None:
    """As `kill -INT` sends it, to the parent alone; a terminal sends it to all, which changes nothing."""
    process, workers, folder = parent
    os.kill(workers[0], signal.SIGINT)
    time.sleep(0.5)
    assert all(map(alive, workers))
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 130
    assert not any(map(alive, workers))
    assert {int(one.stem) for one in folder.glob("*.ended")} == set(workers)
    assert b"Traceback" not in said


# Runs

KEY = "sk-secret-0123456789abcdef"
FILE = {
    "name": "here",
    "pool": "p",
    "models": ["simulated/voter"],
    "selectors": ["rices", "mmr"],
    "shots": [1, 2],
    "seeds": [0, 3],
    "workers": 2,
}


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Engine]:
    """An engine that worker processes may join."""
    settings = Settings(data_dir=tmp_path / "data", encoder="fake", model_api_key=SecretStr(KEY))
    with Engine(settings, serving=True) as opened:
        opened.create_pool("p", instruction="What is it?")
        opened.add("p", [draft(n, n % 4, split="test" if n >= 24 else "train") for n in range(35)])
        yield opened


def told(opened: Engine, name: str) -> dict[tuple[str, int, str], dict[str, object]]:
    _, found = findings(opened, name)
    assert all(found.complete(arm) for arm in found.arms)
    return {tuple(cell): one.as_dict(timings=False) for cell, one in found.outcomes.items()}


@pytest.mark.slow
def test_processes_find_what_this_one_finds(serving) -> None:
    run_experiment(serving, ExperimentFile.read(FILE))
    seen = []
    run_experiment(
        serving,
        ExperimentFile.read({**FILE, "name": "there", "budget": {"calls": 11 * 9}}),
        executor=Processes(2),
        watch=seen.append,
    )
    assert told(serving, "there") == told(serving, "here")
    here, there = (findings(serving, name)[0].spent for name in ("here", "there"))
    assert there.calls + there.repeated == here.calls + here.repeated == 11 * 9
    assert there.calls == 0  # the ledger knew it all
    assert len(serving.runs.get("there").spent) == 2
    assert {at.total for at in seen} == {len(told(serving, "there"))} or not seen


def test_a_run_in_postgresql_finds_the_same(serving, postgres) -> None:
    file = ExperimentFile.read({**FILE, "budget": {"calls": 99}})
    run_experiment(serving, file)
    settings = serving.settings.model_copy(
        update={"database_url": postgres.fresh_url(), "index_url": "memory:"}
    )
    with Engine(settings) as other:
        other.create_pool("p", instruction="What is it?")
        other.add("p", [draft(n, n % 4, split="test" if n >= 24 else "train") for n in range(35)])
        with pytest.raises(BudgetSpent):
            run_experiment(other, ExperimentFile.read({**FILE, "budget": {"calls": 30}}), partial=True)
        assert other.runs.get("here").state == "stopped"
        run_experiment(other, file)
        assert told(other, "here") == told(serving, "here")
        spent = findings(other, "here")[0].spent
        assert spent.calls + spent.repeated == 99


def test_a_worker_that_is_killed_leaves_a_run_that_goes_on(serving) -> None:
    class Killing(Processes):
        def map(self, work, jobs):
            yield from super().map(executor_jobs.kill_own_process, [1])

    with pytest.raises(Unavailable):
        run_experiment(serving, ExperimentFile.read(FILE), executor=Killing(2))
    assert serving.runs.get("here").state == "paused"
    run_experiment(serving, ExperimentFile.read(FILE))
    assert serving.runs.get("here").state == "done"
    assert told(serving, "here")


@pytest.mark.slow
def test_ray_finds_what_this_process_finds(serving, monkeypatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_DISABLE_IMPORT_WARNING", "1")
    run_experiment(serving, ExperimentFile.read(FILE))
    where = open_executor("ray", 2)
    assert where.width == 2
    logs = Path("/tmp/ray/session_latest").resolve()
    run_experiment(serving, ExperimentFile.read({**FILE, "name": "there"}), executor=where)
    assert told(serving, "there") == told(serving, "here")
    for path in (one for one in logs.rglob("*") if one.is_file()):
        assert KEY.encode() not in path.read_bytes()


@pytest.mark.slow
def test_errors_come_from_ray_as_they_were_raised(monkeypatch) -> None:
    pytest.importorskip("ray")
    path = filter(None, [str(JOBS.parent), os.environ.get("PYTHONPATH")])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    with pytest.raises(ModelUnauthorized) as caught:
        list(open_executor("ray", 1).map(executor_jobs.fail, ["ModelUnauthorized"]))
    assert str(caught.value) == "some.field: said (got 3). Mend it"
    with pytest.raises(Unavailable, match="a Ray worker was lost"):
        list(open_executor("ray", 1).map(executor_jobs.kill_own_process, [1]))


# Who is at a run


def test_nobody_else_gets_at_a_run_in_this_process(serving) -> None:
    file = ExperimentFile.read(FILE)
    errors: list[ShotsmithError] = []

    def watch(_: object) -> None:
        if not errors:
            for attempt in (lambda: run_experiment(serving, file), lambda: delete_run(serving, "here")):
                with pytest.raises(Busy, match="this process is at this run") as caught:
                    attempt()
                errors.append(caught.value)

    run_experiment(serving, file, watch=watch)
    assert errors
    assert serving.runs.get("here").state == "done"
    delete_run(serving, "here")
    with pytest.raises(NotFound):
        findings(serving, "here")


def owned_by(opened: Engine, **owner: object) -> None:
    run = opened.runs.get("here")
    mine = {"host": owners.platform.node(), "pid": os.getppid(), "born": owners._born(os.getppid())}
    opened.runs.update(run.uid, state="running", facts={**run.facts, "owner": {**mine, **owner}})


def test_a_living_process_blocks_and_a_dead_one_does_not(serving, monkeypatch) -> None:
    file = ExperimentFile.read(FILE)
    run_experiment(serving, file)
    owned_by(serving)
    with pytest.raises(Busy, match=rf"process {os.getppid()} on .* is at this run"):
        run_experiment(serving, file)
    with pytest.raises(Busy):
        delete_run(serving, "here")
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    owned_by(serving, pid=int(dead.stdout), born=1)
    run_experiment(serving, file)
    owned_by(serving, born=1)  # the number was given to another process since
    run_experiment(serving, file)
    owned_by(serving, host="elsewhere")
    with pytest.raises(Busy, match="on elsewhere"):
        run_experiment(serving, file)
    monkeypatch.setattr(owners, "_SILENT_S", 0)  # it wrote nothing for too long
    run_experiment(serving, file)


def test_another_file_or_pool_is_another_run(serving, monkeypatch) -> None:
    run_experiment(serving, ExperimentFile.read(FILE))
    run_experiment(serving, ExperimentFile.read({**FILE, "workers": 1, "budget": {"calls": 999}}))
    with pytest.raises(Conflict, match="shots differ"):
        run_experiment(serving, ExperimentFile.read({**FILE, "shots": [1]}))
    default = {**FILE, "name": "default", "models": []}
    run_experiment(serving, ExperimentFile.read(default))
    with Engine(serving.settings.model_copy(update={"model": "fake/other", "index_url": "memory:"})) as other:
        with pytest.raises(Conflict, match="models differ"):
            run_experiment(other, ExperimentFile.read(default))
        assert {arm.model for arm in findings(other, "default")[1].arms} == {"offline/knn-vote", ""}
    serving.add("p", [draft(77, 1, split="train")])
    with pytest.raises(Conflict, match="the pool changed"):
        run_experiment(serving, ExperimentFile.read(FILE))


def test_whatever_ends_a_run_is_told(serving) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("watching failed")

    with pytest.raises(ZeroDivisionError):
        run_experiment(serving, ExperimentFile.read(FILE), watch=broken)
    run = serving.runs.get("here")
    assert (run.state, run.message) == ("paused", "ZeroDivisionError: watching failed")

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(serving, ExperimentFile.read(FILE), watch=interrupt)
    assert serving.runs.get("here").message == "interrupted"
    small = {**FILE, "name": "small", "budget": {"calls": 12}}
    with pytest.raises(BudgetSpent):
        run_experiment(serving, ExperimentFile.read(small), partial=True)
    assert serving.runs.get("small").state == "stopped"
