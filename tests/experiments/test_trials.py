"""Every cell once, within the budget, through outages, refusals and restarts."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shotsmith.domain.errors import (
    ContextExceeded,
    InvalidParameter,
    ModelRateLimited,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
)
from shotsmith.domain.messages import Reply, Request, Usage
from shotsmith.domain.recipes import Recipe
from shotsmith.experiments.arms import Arm, plan
from shotsmith.experiments.bench import Bench
from shotsmith.experiments.outcomes import Outcome
from shotsmith.experiments.trials import (
    BudgetSpent,
    Cell,
    MemoryKeep,
    Meter,
    Outage,
    Record,
    Spending,
    Standing,
    Trials,
    cells_of,
    outage,
)

BASE = Recipe(evaluation=True)
ARMS = plan(["rices"], [1, 3], BASE)
ASKING = [arm for arm in ARMS if arm.asks]
SEEDS = (0, 7)
CALLS = 8 * sum(2 if arm.draws else 1 for arm in ASKING)  # of all cells on 8 items


@pytest.fixture(autouse=True)
def short_waits(monkeypatch) -> None:
    monkeypatch.setattr(outage, "_FIRST_S", 0.1)


class CountingKeep(MemoryKeep):
    """Tells how often each cell was put."""

    def __init__(self, records=()) -> None:
        super().__init__(records)
        self.puts: Counter[Cell] = Counter()

    def put(self, records) -> None:
        self.puts.update(record.cell for record in records)
        super().put(records)


def shots(request: Request) -> int:
    return sum(message.role == "assistant" for message in request.messages)


def trials(bench: Bench, keep=None, **options) -> Trials:
    given = {"seeds": SEEDS, "outage": Outage(0), **options}
    return Trials(bench, keep, **given)


@pytest.mark.parametrize("workers", [1, 4, 32])
def test_every_cell_is_asked_and_kept_once(engine, hired, workers) -> None:
    def slow(request: Request) -> str:
        time.sleep(random.random() / 200)
        return "class 1"

    with hired.open(slow) as opened:
        bench, keep = Bench(opened, "p"), CountingKeep()
        found = trials(bench, keep, workers=workers).ask(ARMS, bench.items)
        cells = list(cells_of(ARMS, bench.items, SEEDS))
        assert keep.puts == Counter(cells)
        assert set(found.outcomes) == set(cells)
        assert all(found.complete(arm) for arm in ARMS)
        # Equal requests of different cells share an answer, so never more calls than cells.
        assert hired.asked <= CALLS
        asked = hired.asked
        again = trials(bench, CountingKeep(), workers=workers).ask(ARMS, bench.items)
        assert hired.asked == asked  # the ledger knows it all
        assert {cell: one.answer for cell, one in again.outcomes.items()} == {
            cell: one.answer for cell, one in found.outcomes.items()
        }


def test_named_twice_is_asked_once(engine) -> None:
    bench, keep = Bench(engine, "p"), CountingKeep()
    trials(bench, keep).ask([*ARMS, *ARMS], [*bench.items, *bench.items])
    assert set(keep.puts.values()) == {1}


def test_only_what_is_missing_is_asked(engine, hired) -> None:
    bench = Bench(engine, "p")
    every = trials(bench).ask(ARMS, bench.items).outcomes
    for share in (0.0, 0.3, 0.9, 1.0):
        dice = random.Random(share)
        known = [Record(*pair) for pair in every.items() if dice.random() < share]
        keep = CountingKeep(known)
        found = trials(bench, keep).ask(ARMS, bench.items)
        assert set(keep.puts) == set(every) - {record.cell for record in known}
        assert set(found.outcomes) == set(every)


def test_a_budget_of_calls_is_used_up_and_never_passed(engine, hired) -> None:
    bench = Bench(engine, "p")
    for most in (0, 1, 7, CALLS - 1):
        keep = CountingKeep()
        one = trials(bench, keep, workers=8, meter=Meter(Spending(calls=most)), remember=False)
        before = hired.asked
        with pytest.raises(BudgetSpent, match="Raise it"):
            one.ask(ARMS, bench.items)
        assert hired.asked - before == one.meter.spent.calls == most
        assert sum(cell.arm in {arm.key for arm in ASKING} for cell in keep.puts) == most
        found = one.found(ARMS, bench.items)  # what is known stays
        assert set(found.outcomes) == set(keep.known())
        more = trials(bench, keep, workers=8, meter=Meter(Spending(calls=CALLS - most)), remember=False)
        more.ask(ARMS, bench.items)  # to the last call
        assert more.meter.spent.calls == CALLS - most
        assert set(keep.puts.values()) == {1}


def test_a_budget_of_money_is_never_passed(engine) -> None:
    bench = Bench(engine, "p", model="simulated/voter")
    whole = trials(bench, remember=False)
    whole.ask(ARMS, bench.items)
    assert whole.meter.spent.usd > 0
    for share in (0.1, 0.5, 0.95):
        limit = whole.meter.spent.usd * share
        part = trials(bench, workers=8, meter=Meter(Spending(usd=limit)), remember=False)
        with pytest.raises(BudgetSpent, match=r"budget\.usd"):
            part.ask(ARMS, bench.items)
        assert part.meter.spent.usd <= limit


def test_time_is_a_budget_too(engine, hired) -> None:
    with hired.open(lambda request: time.sleep(0.05) or "class 1") as opened:
        bench = Bench(opened, "p")
        one = trials(bench, workers=2, meter=Meter(Spending(minutes=0.3 / 60)))
        with pytest.raises(BudgetSpent, match=r"budget\.minutes"):
            one.ask(ARMS, bench.items)
        assert 0 < one.meter.spent.calls < CALLS


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_interrupted_anywhere_every_cell_ends_with_one_outcome(stubborn, data) -> None:
    """Whatever fails, whenever, in whichever order: at the end each cell was put once."""
    bench = stubborn
    keep = CountingKeep()
    for _ in range(data.draw(st.integers(0, 4), label="sittings")):
        after = data.draw(st.integers(0, CALLS), label="calls before the failure")
        error = data.draw(
            st.sampled_from(
                [ModelUnauthorized("key"), ModelUnavailable("down"), KeyboardInterrupt(), OSError()]
            )
        )
        bench.fail(after, error)
        one = trials(bench, keep, workers=data.draw(st.sampled_from([1, 3, 8])))
        try:
            one.ask(ARMS, bench.items)
        except type(error):
            pass
    bench.fail(None, None)
    found = trials(bench, keep, workers=4).ask(ARMS, bench.items)
    assert set(keep.puts) == set(cells_of(ARMS, bench.items, SEEDS))
    assert set(keep.puts.values()) == {1}
    assert all(found.complete(arm) for arm in ARMS)


@pytest.fixture
def stubborn(engine):
    """A bench whose calls fail from a given one on, and which asks nobody."""

    class Stubborn(Bench):
        left: int | None = None
        error: BaseException | None = None
        lock = threading.Lock()

        def fail(self, after, error) -> None:
            self.left, self.error = after, error

        def outcomes(self, item, arms, *, remember=True, excuse=None, allow=None):
            for arm in arms:
                with self.lock:
                    if arm.asks and self.left is not None:
                        self.left -= 1
                        if self.left < 0:
                            raise self.error
                yield Outcome(item, "class 1", True, seed=arm.recipe.seed if arm.recipe else 0)

    return Stubborn(engine, "p")


def test_a_wrong_key_stops_at_once(engine, hired) -> None:
    with hired.open(lambda request: ModelUnauthorized("wrong key")) as opened:
        bench = Bench(opened, "p")
        one = trials(bench, workers=3, outage=Outage(900))
        with pytest.raises(ModelUnauthorized):
            one.ask(ARMS, bench.items)
        assert hired.asked <= 3
        assert not [cell for cell in one.keep.known() if cell.arm in {arm.key for arm in ASKING}]


def test_a_model_that_does_not_exist_stops_the_run_with_one_error(engine, hired) -> None:
    missing = ModelRefused("no such model", field="model", value="fake/test", mend="Check the name")
    keep = CountingKeep()
    with hired.open(lambda request: missing) as opened:
        bench = Bench(opened, "p")
        one = trials(bench, keep, workers=4)
        with pytest.raises(ModelRefused) as caught:
            one.ask(ARMS, bench.items)
        assert str(caught.value) == (
            "model: the model refused each of its first 5 calls: no such model (got fake/test). Check the name"
        )
        assert 5 <= hired.asked <= 5 + 4
        assert not [cell for cell in keep.known() if cell.arm in {arm.key for arm in ASKING}]
    with hired.open(lambda request: "class 1") as opened:  # somebody set the model up
        bench = Bench(opened, "p")
        found = trials(bench, keep).ask(ARMS, bench.items)
        assert not any(one.error for one in found.outcomes.values())


def test_even_few_calls_that_were_all_refused_are_an_error(engine, hired) -> None:
    with hired.open(lambda request: ModelRefused("no")) as opened:
        bench = Bench(opened, "p")
        with pytest.raises(ModelRefused, match="refused its only call: no"):
            trials(bench).ask([ASKING[0]], bench.items[:1])


def test_one_model_that_refuses_everything_is_told_beside_one_that_answers(engine, hired) -> None:
    with hired.open(lambda request: ModelRefused("no such model")) as opened:
        bench = Bench(opened, "p", model="fake/class 1")
        arms = [replace(arm, model=name) for arm in ASKING for name in ("fake/class 2", "fake/test")]
        with pytest.raises(ModelRefused, match="no such model"):
            trials(bench).ask(arms, bench.items)


def test_single_refusals_are_outcomes_also_before_the_first_answer(engine, hired) -> None:
    refused = iter([True] * 4)

    def answer(request: Request):
        return ModelRefused("not this one") if next(refused, False) else "class 1"

    with hired.open(answer) as opened:
        bench = Bench(opened, "p")
        one = trials(bench, workers=1)
        found = one.ask(ARMS, bench.items)
        assert sum("not this one" in outcome.error for outcome in found.outcomes.values()) == 4
        assert all(found.complete(arm) for arm in ARMS)
        assert one.meter.spent.calls == hired.asked  # refused calls were calls


def test_an_arm_that_is_always_refused_does_not_stop_a_run_that_goes_on(engine, hired) -> None:
    """The model answered in an earlier sitting, so what it refuses now is about the prompts."""

    def answer(request: Request):
        return ModelRefused("too many images") if shots(request) == 3 else "class 1"

    keep = CountingKeep()
    with hired.open(answer) as opened:
        bench = Bench(opened, "p")
        few = [arm for arm in ASKING if arm.k != 3]
        trials(bench, keep).ask(few, bench.items)
        found = trials(bench, keep).ask(ASKING, bench.items)
    for arm in ASKING:
        errors = [outcome.error for of_seed in found.of_arm(arm) for outcome in of_seed]
        assert all(errors) if arm.k == 3 else not any(errors)


def test_a_prompt_that_is_too_long_is_an_outcome_of_its_arm_alone(engine, hired) -> None:
    def answer(request: Request):
        return ContextExceeded("too long") if shots(request) == 3 else "class 1"

    with hired.open(answer) as opened:
        bench = Bench(opened, "p")
        found = trials(bench, workers=8).ask(ARMS, bench.items)
    for arm in ARMS:
        outcomes = [outcome for of_seed in found.of_arm(arm) for outcome in of_seed]
        wrong = arm.asks and arm.k == 3
        assert all(outcome.error == ("too long" if wrong else "") for outcome in outcomes)
        assert not wrong or found.value(arm) == 0
        assert all(len(outcome.demonstrations) == arm.k for outcome in outcomes if arm.recipe)


def test_too_long_for_every_arm_is_no_missing_model(engine, hired) -> None:
    with hired.open(lambda request: ContextExceeded("too long")) as opened:
        bench = Bench(opened, "p")
        found = trials(bench).ask(ARMS, bench.items)
        assert all(found.complete(arm) for arm in ARMS)


def test_an_arm_that_cannot_choose_is_an_outcome_of_its_own(engine, monkeypatch) -> None:
    bench = Bench(engine, "p")
    select = engine.select

    def broken(pool, query, recipe=None):
        if recipe and recipe.selector[0].name == "rices" and recipe.k == 3:
            raise InvalidParameter("nothing to compare by", field="selector", value="rices")
        return select(pool, query, recipe)

    monkeypatch.setattr(engine, "select", broken)
    arms = [arm for arm in ARMS if arm.kind != "vote"]
    found = trials(bench).ask(arms, bench.items)
    for arm in arms:
        errors = {outcome.error for of_seed in found.of_arm(arm) for outcome in of_seed}
        broke = arm.kind == "recipe" and arm.k == 3
        assert errors == ({"selector: nothing to compare by (got rices)"} if broke else {""})
    with pytest.raises(InvalidParameter):  # and an error where nothing is excused
        list(bench.outcomes(bench.items[0], arms))


ODD = {
    "empty": Reply("", "m", finish_reason="stop"),
    "blank": Reply(" \n", "m"),
    "cut": Reply("cl", "m", finish_reason="length"),
    "refusal": Reply("", "m", notes=("the model refused: I cannot help",), finish_reason="stop"),
    "filtered": Reply("", "m", finish_reason="content_filter"),
    "apology": Reply("I'm sorry, I can't help with that.", "m", finish_reason="stop"),
    "odd": Reply("\x00\u2028 class\x07 \U0001f600", "m"),
    "half": Reply("class 1 \ud83d", "m"),
    "long": Reply("class " * 20_000, "m"),
    "unmetered": Reply("class 1", "m", usage=Usage(None, None, None), cost_usd=None),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_replies_are_outcomes(engine, hired, name) -> None:
    with hired.open(lambda request: ODD[name]) as opened:
        bench = Bench(opened, "p")
        found = trials(bench, workers=2).ask(ASKING[:1], bench.items)
        (outcomes,) = found.of_arm(ASKING[0])
        assert not any(one.error for one in outcomes)
        if name not in ("unmetered", "half", "odd"):
            assert [one.answer for one in outcomes] == [None] * 8
            assert found.value(ASKING[0]) == 0
        assert {one.finish_reason for one in outcomes} == {ODD[name].finish_reason}


def test_an_outage_is_waited_out_and_told(engine, hired) -> None:
    """The provider goes away in the middle and comes back; nothing that was paid for is asked again."""
    calls, down = Counter(), threading.Event()
    told: list[Standing] = []

    def answer(request: Request):
        if sum(calls.values()) >= 20 and not down.is_set():
            return (
                ModelUnavailable("connection refused") if random.random() < 0.7 else ModelRateLimited("429")
            )
        calls[request.key] += 1
        return "class 1"

    def watch(at: Standing) -> None:
        told.append(at)
        if at.waiting:
            down.set()

    with hired.open(answer) as opened:
        bench = Bench(opened, "p")
        one = trials(bench, workers=4, outage=Outage(60), watch=watch)
        found = one.ask(ARMS, bench.items)
    assert all(found.complete(arm) for arm in ARMS)
    assert set(calls.values()) == {1}
    assert any(at.waiting in ("connection refused", "429") for at in told)
    assert told[-1].waiting == ""
    assert told[-1].done == told[-1].total == len(list(cells_of(ARMS, bench.items, SEEDS)))
    assert [at.done for at in told] == sorted(at.done for at in told)


def test_answers_out_of_the_ledger_do_not_end_an_outage(engine, hired) -> None:
    arms = ASKING[:2]
    with hired.open(lambda request: "class 1") as opened:
        bench = Bench(opened, "p")
        trials(bench).ask(arms[:1], bench.items)
    waiting = Outage(0.2)
    with hired.open(lambda request: ModelUnavailable("down")) as opened:
        bench = Bench(opened, "p")
        with pytest.raises(ModelUnavailable):
            trials(bench, workers=1, outage=waiting).ask([arms[1], arms[0]], bench.items)
        assert waiting.down


def test_when_one_gives_up_nobody_else_waits_on(engine, hired) -> None:
    """Workers that wait for a provider leave when the run ends."""
    with hired.open(lambda request: ModelUnavailable("down")) as opened:
        bench = Bench(opened, "p")
        began = time.monotonic()
        with pytest.raises(ModelUnavailable):
            trials(bench, workers=8, outage=Outage(1.0)).ask(ARMS, bench.items)
        assert time.monotonic() - began < 8


def test_an_interrupt_ends_after_the_calls_on_their_way(engine, hired) -> None:
    with hired.open(lambda request: time.sleep(0.02) or "class 1") as opened:
        bench, keep = Bench(opened, "p"), CountingKeep()

        def interrupt(at: Standing) -> None:
            if at.done > 3:
                raise KeyboardInterrupt

        one = trials(bench, keep, workers=2, watch=interrupt)
        with pytest.raises(KeyboardInterrupt):
            one.ask(ARMS, bench.items)
        made = hired.asked
        assert made < CALLS * 0.8
        trials(bench, keep).ask(ARMS, bench.items)
        assert set(keep.puts.values()) == {1}


def test_outcomes_that_cannot_be_kept_are_not_lost(engine) -> None:
    class Flaky(CountingKeep):
        broken = 1

        def put(self, records) -> None:
            if self.broken:
                self.broken -= 1
                raise OSError("disk full")
            super().put(records)

    bench, keep = Bench(engine, "p"), Flaky()
    one = trials(bench, keep, workers=1)
    with pytest.raises(OSError, match="disk full"):
        one.ask(ARMS, bench.items)
    found = one.ask(ARMS, bench.items)
    assert all(found.complete(arm) for arm in ARMS)
    assert set(keep.puts.values()) == {1}


# Several queries a call

BATCHED = Arm("batched", "recipe", 2, BASE.model_copy(update={"k": 2}), batch=3)


def test_a_batch_is_one_call_of_the_budget(engine, hired) -> None:
    with hired.open(lambda request: "nothing of use") as opened:
        bench = Bench(opened, "p")
        one = trials(bench, seeds=(0,), meter=Meter(Spending(calls=100)))
        found = one.ask([BATCHED], bench.items)
        # 3 batches, and every query again alone, since none could be read.
        assert one.meter.spent.calls == hired.asked == 3 + 8
        assert found.complete(BATCHED)
        before = hired.asked
        again = trials(bench, seeds=(0,), meter=Meter(Spending(calls=100)))
        again.ask([BATCHED], bench.items)
        assert hired.asked == before
        assert again.meter.spent.calls == 0
        tight = trials(Bench(opened, "p", parameters={"seed": 9}), seeds=(0,), meter=Meter(Spending(calls=2)))
        with pytest.raises(BudgetSpent):
            tight.ask([BATCHED], bench.items)
        assert hired.asked - before == 2


def test_an_outage_in_the_middle_of_batches_is_waited_out(engine, hired) -> None:
    calls: Counter[str] = Counter()
    state = {"down": 2}

    def answer(request: Request):
        if sum(calls.values()) == 2 and state["down"]:
            state["down"] -= 1
            return ModelUnavailable("down")
        calls[request.key] += 1
        return "hm"

    with hired.open(answer) as opened:
        bench, keep = Bench(opened, "p"), CountingKeep()
        found = trials(bench, keep, workers=1, outage=Outage(60)).ask([BATCHED], bench.items)
    assert found.complete(BATCHED)
    assert set(calls.values()) == {1}
    assert set(keep.puts.values()) == {1}


def test_an_arm_s_batches_are_kept_together(engine, hired) -> None:
    """A run killed between two of its outcomes would make other batches of the rest, and pay again."""

    class Blocks(MemoryKeep):
        sizes: ClassVar[list[int]] = []

        def put(self, records) -> None:
            self.sizes.append(len(records))
            super().put(records)

    keep = Blocks()
    with hired.open(lambda request: "hm") as opened:
        bench = Bench(opened, "p")
        trials(bench, keep).ask([BATCHED], bench.items)
    assert keep.sizes == [8, 8]  # of two seeds
