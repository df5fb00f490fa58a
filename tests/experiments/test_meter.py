"""The budget holds, whatever calls do, and however many are on their way."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidParameter
from shotsmith.experiments.runs.running import shares
from shotsmith.experiments.trials import BudgetSpent, Meter, Spending, Spent

calls = st.tuples(
    st.floats(0, 2, allow_nan=False),  # estimate
    st.floats(0, 1, allow_nan=False),  # share of it that it costs
    st.booleans(),  # whether the ledger answers
    st.booleans(),  # whether it fails
)


def spend(meter: Meter, estimate: float, share: float, repeated: bool, fails: bool) -> float | None:
    """One call; what it cost, None where the budget did not let it pass."""
    try:
        with meter.call(estimate):
            if fails:
                raise OSError
            usd = 0.0 if repeated else estimate * share
            meter.settle(repeated=repeated, usd=usd, input_tokens=3, output_tokens=None)
            return usd
    except OSError:
        return 0.0
    except BudgetSpent:
        return None


@given(
    st.lists(calls, max_size=30),
    st.none() | st.integers(0, 12),
    st.none() | st.floats(0, 8, allow_nan=False),
)
def test_one_after_the_other_never_passes_the_budget(script, most_calls, usd) -> None:
    meter = Meter(Spending(calls=most_calls, usd=usd))
    paid = made = 0.0
    for estimate, share, repeated, fails in script:
        cost = spend(meter, estimate, share, repeated, fails)
        if cost is None:
            # Refused only where it would have passed.
            full = most_calls is not None and made + 1 > most_calls
            assert full or (usd is not None and paid + estimate > usd)
            continue
        paid += cost
        made += not repeated and not fails
    assert meter.spent.calls == made
    assert meter.spent.usd == pytest.approx(paid)
    assert most_calls is None or made <= most_calls
    assert usd is None or paid <= usd + 1e-9


@given(st.lists(calls, min_size=1, max_size=24), st.none() | st.integers(0, 12), st.none() | st.floats(0, 4))
def test_many_at_once_never_pass_it_together(script, most_calls, usd) -> None:
    meter = Meter(Spending(calls=most_calls, usd=usd))
    with ThreadPoolExecutor(6) as threads:
        costs = [one for one in threads.map(lambda call: spend(meter, *call), script) if one is not None]
    assert most_calls is None or meter.spent.calls <= most_calls
    assert usd is None or sum(costs) <= usd + 1e-9
    assert meter.spent.usd == pytest.approx(sum(costs))


@pytest.mark.parametrize("threads", [1, 3, 16])
def test_what_is_allowed_is_used_up_to_the_last_call(threads: int) -> None:
    """No call is refused because others, which end up costing nothing, are on their way."""
    meter = Meter(Spending(calls=200))
    made = []

    def ask(number: int) -> None:
        with meter.call(0.1):
            # None of the last: one that comes when all is used up is refused, for nobody can know that it is free.
            repeated = number < 200 and number % 2 == 0
            time.sleep(0.0002)
            meter.settle(repeated=repeated, usd=0.1, input_tokens=1, output_tokens=1)
            made.append(repeated)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(ask, range(300)))
    assert meter.spent.calls == 200 == made.count(False)
    assert meter.spent.repeated == 100
    with pytest.raises(BudgetSpent, match="200 calls were made"), meter.call(0.1):
        pass


def test_a_call_that_does_not_fit_waits_for_those_on_their_way() -> None:
    meter, began, end = Meter(Spending(usd=1.0)), threading.Event(), threading.Event()

    def first() -> None:
        with meter.call(0.9):
            began.set()
            assert end.wait(10)
            meter.settle(repeated=False, usd=0.1, input_tokens=1, output_tokens=1)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        assert began.wait(10)
        other = pool.submit(spend, meter, 0.9, 1.0, False, False)
        time.sleep(0.05)
        assert not other.done()
        end.set()
        assert other.result(10) == 0.9
        one.result(10)
    assert meter.spent.usd == pytest.approx(1.0)


def test_time_counts_from_the_sitting_and_stops_at_once() -> None:
    now = [100.0]
    meter = Meter(Spending(minutes=1), Spent(5, 1.0, 4000.0), clock=lambda: now[0])
    with meter.call(None):
        now[0] += 61
        with pytest.raises(BudgetSpent, match=r"budget\.minutes.*1\.0 minutes have passed"), meter.call(0.0):
            pass
    assert meter.spent.seconds == 4061
    assert meter.sitting == Spent(seconds=61)


def test_earlier_sittings_count() -> None:
    meter = Meter(Spending(calls=7, usd=1), Spent(6, 0.5))
    assert spend(meter, 0.2, 1, False, False) == 0.2
    assert spend(meter, 0.2, 1, False, False) is None
    assert meter.sitting.calls == 1


def test_nothing_allowed_lets_nothing_pass() -> None:
    for limit in (Spending(calls=0), Spending(usd=0)):
        assert spend(Meter(limit), 0.01, 1, False, False) is None
    assert spend(Meter(Spending(usd=0)), 0.0, 1, False, False) == 0  # free models cost nothing


@pytest.mark.parametrize(
    "given",
    [
        {"calls": True},
        {"calls": "3"},
        {"calls": -1},
        {"usd": "5"},
        {"usd": True},
        {"usd": float("nan")},
        {"minutes": 0},
        {"euros": 3},
    ],
)
def test_budgets_are_numbers(given) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Spending.read(given)
    assert caught.value.field == next(iter(given))


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=9),
    st.integers(0, 300),
    st.floats(0, 50),
    st.integers(0, 20),
)
def test_parts_share_a_budget_by_what_they_need(needs, most_calls, usd, before) -> None:
    parts = shares(Spending(calls=most_calls, usd=usd, minutes=3), Spent(calls=before, usd=1), needs)
    left = max(most_calls - before, 0)
    assert sum(one.calls for one in parts) <= left
    assert sum(one.usd for one in parts) <= max(usd - 1, 0) + 1e-9
    if sum(needs) <= left:
        assert all(one.calls >= need for one, need in zip(parts, needs, strict=True))
    assert {one.minutes for one in parts} == {3}
    assert {(one.calls, one.usd) for one in shares(Spending(), Spent(), needs)} == {(None, None)}
