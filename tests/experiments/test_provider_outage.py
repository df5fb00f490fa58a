"""Runs against a provider over HTTP that goes away, comes back, refuses and forbids."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from openai_server import OpenAIServer, Recorded, Scripted, completion, failure
from pydantic import SecretStr

from shotsmith.clients.vlm import litellm as client
from shotsmith.domain.errors import ModelRefused, ModelUnauthorized, ModelUnavailable
from shotsmith.engine import Engine
from shotsmith.experiments.design import ExperimentFile
from shotsmith.experiments.runs import findings, run_experiment
from shotsmith.experiments.trials import Standing, outage
from shotsmith.settings import Settings

pytestmark = pytest.mark.filterwarnings(r"ignore:.*`ReadOnly` qualifier:UserWarning:pydantic\.")

KEY = "sk-test-0123456789abcdef"


class Provider(OpenAIServer):
    """Answers as `says` tells, and knows what it answered."""

    def __init__(self, says: Callable[[int], Scripted], port: int = 0) -> None:
        self.says = says
        self.answered: Counter[bytes] = Counter()
        self._count = threading.Lock()
        super().__init__(port)

    def answer(self, request: Recorded) -> Scripted:
        with self._count:
            response = self.says(sum(self.answered.values()))
            if response.status == 200:
                self.answered[request.body] += 1
        return response


def up(_: int) -> Scripted:
    return completion("class 1")


@pytest.fixture
def open_at(engine, hired, monkeypatch) -> Iterator[Callable[[str], Engine]]:
    """Opens the pool's folder with a provider, whose calls are not retried one by one."""
    load, opened = client.load, []
    monkeypatch.setattr(outage, "_FIRST_S", 0.1)

    def load_impatient(model, **options):
        made = load(model, **options)
        made._attempts = 1
        return made

    monkeypatch.setattr(client, "load", load_impatient)

    def open_(url: str) -> Engine:
        settings = Settings(
            data_dir=hired.folder,
            index_url="memory:",
            encoder="fake",
            model="openai/m",
            model_api_base=url,
            model_api_key=SecretStr(KEY),
        )
        opened.append(Engine(settings))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


def file(**fields) -> ExperimentFile:
    given = {"name": "r", "pool": "p", "selectors": ["rices"], "shots": [1, 2], "workers": 4, **fields}
    return ExperimentFile.read(given)


CALLS = 8 * 5


def test_it_waits_says_so_and_goes_on_by_itself(open_at) -> None:
    noticed = threading.Event()
    told: list[Standing] = []

    def watch(at: Standing) -> None:
        told.append(at)
        if at.waiting:
            noticed.set()

    provider = Provider(lambda done: up(0) if done < 10 or noticed.is_set() else failure(503, "overloaded"))
    with open_at(provider.url) as opened:
        run_experiment(opened, file(), watch=watch)
        run = opened.runs.get("r")
        plan, found = findings(opened, "r")
    provider.close()
    assert (run.state, run.message) == ("done", "")
    assert any("overloaded" in at.waiting for at in told)
    assert told[-1].waiting == ""
    assert plan.spent.calls == sum(provider.answered.values()) == len(provider.answered)
    assert plan.spent.calls + plan.spent.repeated == CALLS
    assert all(found.complete(arm) for arm in found.arms)
    assert not any(one.error for one in found.outcomes.values())


def test_it_gives_up_after_patience_and_goes_on_at_the_next_run(open_at) -> None:
    provider = Provider(lambda done: up(0) if done < 10 else failure(503, "overloaded"))
    with open_at(provider.url) as opened:
        began = time.monotonic()
        with pytest.raises(ModelUnavailable, match="overloaded"):
            run_experiment(opened, file(patience_minutes=1 / 60))
        assert time.monotonic() - began < 30
        run = opened.runs.get("r")
        assert run.state == "paused"
        assert "overloaded" in run.message
    provider.says = up
    with open_at(provider.url) as opened:
        # Patience may change, and does not make another experiment of it.
        found = run_experiment(opened, file(patience_minutes=2))
        plan, _ = findings(opened, "r")
        assert opened.runs.get("r").state == "done"
    provider.close()
    assert set(provider.answered.values()) == {1}
    assert plan.spent.calls == len(provider.answered)
    assert all(found.complete(arm) for arm in found.arms)


def test_a_refused_connection_is_waited_out_as_well(open_at) -> None:
    provider = Provider(up)
    port, url = int(provider.origin.rpartition(":")[2]), provider.url
    back: list[Provider] = []

    def watch(at: Standing) -> None:
        if at.done > 12 and not provider.closing.is_set():
            provider.close()
        if at.waiting and not back:
            back.append(Provider(up, port))

    def slow(_: int) -> Scripted:
        time.sleep(0.05)
        return up(0)

    provider.says = slow
    with open_at(url) as opened:
        found = run_experiment(opened, file(), watch=watch)
    assert all(found.complete(arm) for arm in found.arms)
    assert not any(one.error for one in found.outcomes.values())
    # The one that was cut off in the middle may have been answered twice, which nobody can know.
    both = provider.answered + back[0].answered
    assert sum(both.values()) - len(both) <= 4
    back[0].close()


def test_a_model_that_does_not_exist_ends_the_run_with_one_error(open_at) -> None:
    provider = Provider(lambda done: failure(404, "The model `m` does not exist"))
    with open_at(provider.url) as opened:
        with pytest.raises(
            ModelRefused, match=r"refused each of its first 5 calls: .* does not exist"
        ) as caught:
            run_experiment(opened, file())
        run = opened.runs.get("r")
        assert (run.state, run.message) == ("paused", str(caught.value))
        assert KEY not in run.message
        assert len(provider.requests) <= 5 + 4
    provider.says = up
    with open_at(provider.url) as opened:
        found = run_experiment(opened, file())
        assert not any(one.error for one in found.outcomes.values())
    provider.close()


def test_a_wrong_key_ends_it_at_once(open_at) -> None:
    provider = Provider(lambda done: failure(401, f"Incorrect API key provided: {KEY}"))
    with open_at(provider.url) as opened:
        with pytest.raises(ModelUnauthorized):
            run_experiment(opened, file())
        run = opened.runs.get("r")
    provider.close()
    assert run.state == "paused"
    assert KEY not in run.message
    assert len(provider.requests) <= 4


ODD = {
    "empty": completion(""),
    "nothing": completion(None),
    "cut": completion("cl", finish_reason="length"),
    "refusal": completion(None, refusal="I cannot help with that."),
    "filtered": completion("", finish_reason="content_filter"),
    "half": completion("\ud83d"),
    "unmetered": completion("class 1", usage=None),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_replies_are_outcomes_and_no_crash(open_at, name) -> None:
    provider = Provider(lambda done: ODD[name])
    with open_at(provider.url) as opened:
        found = run_experiment(opened, file(shots=[1], test={"limit": 2}))
    provider.close()
    asking = [one for arm in found.arms if arm.asks for of_seed in found.of_arm(arm) for one in of_seed]
    assert len(asking) == 6
    assert not any(one.error for one in asking)
    if name not in ("unmetered", "half"):
        assert not any(one.correct for one in asking)
        assert {one.answer for one in asking} == {None}


def test_a_prompt_that_is_too_long_is_its_arm_s_own(open_at) -> None:
    class Narrow(Provider):
        def answer(self, request: Recorded) -> Scripted:
            shots = sum(turn["role"] == "assistant" for turn in request.json["messages"])
            return (
                failure(400, "maximum context length is 8 tokens", code="context_length_exceeded")
                if shots > 1
                else up(0)
            )

    provider = Narrow(up)
    with open_at(provider.url) as opened:
        found = run_experiment(opened, file())
    provider.close()
    for arm in found.arms:
        errors = [bool(one.error) for of_seed in found.of_arm(arm) for one in of_seed]
        assert errors == [arm.asks and arm.k > 1] * 8
