"""The advisor on simulated worlds, through a real engine: the regime, its arm, its budget, and what may go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from experiment_pools import draft
from hypothesis import given, settings
from hypothesis import strategies as st

from shotsmith import Recipe
from shotsmith.clients.vlm.simulated.worlds import INSTRUCTION, World
from shotsmith.domain.errors import InvalidInput, InvalidParameter, ModelRefused, ModelUnavailable
from shotsmith.domain.messages import Request
from shotsmith.domain.scoring import shuffled
from shotsmith.engine import Engine
from shotsmith.experiments.advisor import Advice, Margins, Point, advise
from shotsmith.experiments.advisor.front import front
from shotsmith.experiments.advisor.menu import Menu
from shotsmith.experiments.arms import Arm
from shotsmith.experiments.bench import Bench
from shotsmith.experiments.metrics import Estimate
from shotsmith.experiments.outcomes import Outcome
from shotsmith.experiments.trials import BudgetSpent, Meter, Outage, Spending, Trials
from shotsmith.settings import Settings

TESTS = 200


@contextmanager
def lived_in(world: World, folder: Path) -> Iterator[Bench]:
    """A bench in a world."""
    with Engine(Settings(data_dir=folder, index_url="memory:")) as engine:
        engine.create_pool(
            world.name, instruction=INSTRUCTION, labels=world.label_space, encoder=world.encoder
        )
        engine.add(world.name, world.drafts())
        yield Bench(engine, world.name, model=world.model)


def world_of(regime: str, **fields) -> World:
    return World.read({"regime": regime, "labels": 4, "pool": 48, "tests": TESTS, "seed": 3, **fields})


def advice_in(
    bench: Bench, *, calls: int | None = None, workers: int = 1, **options
) -> tuple[Advice, Trials]:
    meter = Meter(Spending(calls=calls))
    trials = Trials(bench, remember=False, workers=workers, meter=meter)
    return advise(trials, base=Recipe(), **options), trials


@pytest.fixture(scope="module")
def advised(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Advice]:
    """Advice in a world of a regime, asked once."""

    @cache
    def ask(regime: str) -> Advice:
        with lived_in(world_of(regime), tmp_path_factory.mktemp("world")) as bench:
            advice, trials = advice_in(bench)
            assert advice.spent.calls == trials.meter.spent.calls
            return advice

    return ask


@pytest.mark.parametrize(
    ("regime", "selector"), [("NO-ICL", "none"), ("KNN", "rices"), ("SSL", "rices"), ("ASL", "random_fixed")]
)
def test_the_regime_of_a_world_is_found(regime: str, selector: str, advised) -> None:
    advice = advised(regime)
    assert (advice.regime, advice.leading, advice.needed) == (regime, None, None)
    assert advice.arm.recipe is not None
    assert advice.arm.recipe.selector[0].name == selector
    assert advice.arm.kind == {"NO-ICL": "zero-shot", "KNN": "vote"}.get(regime, "recipe")
    assert regime != "ASL" or advice.arm.k == 48
    assert Recipe.read(advice.arm.recipe.text) == advice.arm.recipe
    assert 0 < advice.spent.calls < 0.35 * advice.grid_calls
    assert sum(stage.calls for stage in advice.stages) == advice.spent.calls
    stages = ["floor and scale", "diagnosis", "confirmation"]
    assert [one.name for one in advice.stages] == stages[: 1 if regime in ("NO-ICL", "KNN") else 3]
    assert any("simulated" in note for note in advice.notes)
    assert advice.as_dict()["recipe"] == advice.arm.recipe.model_dump(mode="json")


def test_every_arm_that_was_asked_is_a_point(advised) -> None:
    advice = advised("SSL")
    names = [one.arm.name for one in advice.points]
    assert {"zero-shot", "majority class", "kNN vote, k=1", advice.arm.name} <= set(names)
    assert len(set(names)) == len(names)
    assert not any(one.arm.changes for one in advice.points)
    top = max(one.score.value for one in advice.points)
    assert top == max(one.score.value for one in advice.points if one.best)
    free = next(one for one in advice.points if one.arm.kind == "vote")
    assert (free.usd, free.p95_ms) == (0.0, 0.0)
    assert all(one.usd and one.p95_ms > 200 for one in advice.points if one.arm.asks)


def test_diagnostics_tell_similar_samples_from_a_rule(advised) -> None:
    for regime, modality in (("SSL", "image"), ("ASL", "text")):
        advice = advised(regime)
        found = {one.name: one for one in advice.evidence if one.modality in ("", modality)}
        assert {"SLR", "SLR*", "UDI", "ALLGAIN", f"{modality} impact"} <= set(found)
        assert all(one.low <= one.value <= one.high for one in advice.evidence)
        assert (found["SLR*"].low > 1) == (regime == "SSL")
        assert advice.probe is not None
        if regime == "ASL":
            assert found["UDI"].low > 0
            assert found["ALLGAIN"].low > 0
            assert advice.probe.text.matters
            assert not advice.probe.image.matters


class Planted(Bench):
    """A bench whose arms are right about the easiest share of the items, whatever they show."""

    shares: Mapping[str, float]

    def outcomes(self, item: str, arms: Sequence[Arm], **_) -> Iterator[Outcome]:
        hard = place_of(item, self.items)
        for arm in arms:
            share = next(
                self.shares[name]
                for name in (arm.family, arm.family.partition(" ")[0], "")
                if name in self.shares
            )
            right = hard < share
            yield Outcome(
                item, self.truths[item] if right else None, right, cost_usd=0.001 * arm.k, latency_ms=arm.k
            )


def place_of(item: str, items: Sequence[str]) -> float:
    """From 0 to 1, drawn for each item."""
    return shuffled(items, 1, "hard").index(item) / len(items)


@pytest.mark.parametrize(
    ("regime", "shares", "family"),
    [
        ("HYBRID", {"hybrid": 0.9, "random_fixed": 0.75, "rices": 0.6}, "hybrid"),
        ("ASL", {"hybrid": 0.75, "random_fixed": 0.75, "rices": 0.6}, "random_fixed"),
        ("SSL", {"random_fixed": 0.7, "rices": 0.75}, "rices"),
    ],
)
def test_a_mixture_is_asked_where_both_matter(regime: str, shares, family: str, tmp_path: Path) -> None:
    with lived_in(world_of("KNN", tests=400), tmp_path) as bench:
        planted = Planted(bench.engine, bench.pool.name, model=bench.model)
        half = "random_fixed · replaced"
        planted.shares = {"": 0.3, f"{half}(end=least)": 0.7, half: 0.5, **shares}
        advice, _ = advice_in(planted)
        assert (advice.regime, advice.arm.family) == (regime, family)
        assert ("hybrid" in {one.arm.family for one in advice.points}) == (regime != "SSL")
        found = {one.name: one for one in advice.evidence if one.modality == "image"}
        assert found["SLR*"].low > 1
        if regime == "HYBRID":
            assert advice.why[0].startswith("Both help")
            assert "the mixture less all" in advice.why[1].lower()
            assert advice.stages[-1].name == "confirmation"


def test_the_same_outcomes_give_the_same_advice_and_cost_nothing_again(tmp_path: Path) -> None:
    with lived_in(world_of("SSL", noise=0.1), tmp_path) as bench:
        first, trials = advice_in(bench)
        again = advise(trials, base=Recipe())
        elsewhere, _ = advice_in(bench, workers=3)
        for other in (again, elsewhere):
            mine, its = first.as_dict(), other.as_dict()
            for record in (mine, its):
                record.pop("spent")
            if other is again:
                assert other.spent.calls == first.spent.calls
                assert [one.calls for one in other.stages] == [0, 0, 0][: len(other.stages)]
                mine.pop("stages"), its.pop("stages")
            assert mine == its


@pytest.mark.parametrize("calls", [150, 400])
def test_a_budget_is_kept_and_what_is_known_is_said(calls: int, tmp_path: Path) -> None:
    with lived_in(world_of("SSL", noise=0.3), tmp_path) as bench:
        advice, trials = advice_in(bench, calls=calls)
        assert trials.meter.spent.calls <= calls
        assert advice.regime == "INCONCLUSIVE"
        assert advice.leading is not None
        assert calls > 150 or any(note.startswith("stopped early") for note in advice.notes)
        assert "Not decided" in advice.why[0]
        # Trials that may spend more go on where these stopped.
        more = Trials(bench, trials.keep, remember=False, workers=1)
        advise(more)
        assert more.meter.spent.calls > 0


def test_a_budget_that_buys_nothing_is_an_error(tmp_path: Path) -> None:
    with lived_in(world_of("SSL"), tmp_path) as bench:
        with pytest.raises(BudgetSpent, match="does not pay for a comparison") as caught:
            advice_in(bench, calls=20)
        assert caught.value.field == "budget.calls"
        assert "a few hundred calls" in (caught.value.mend or "")


def test_few_items_decide_nothing_and_say_how_many_would(tmp_path: Path) -> None:
    with lived_in(world_of("SSL", noise=0.2), tmp_path) as bench:
        advice, _ = advice_in(bench, items=bench.items[:40])
        assert advice.regime == "INCONCLUSIVE"
        assert advice.leading in ("SSL", "ASL", "NO-ICL", "KNN", "HYBRID")
        assert advice.needed is None or advice.needed > 40
        wide, _ = advice_in(bench, items=bench.items[:40], margins=Margins(delta=0.9))
        assert wide.regime == "NO-ICL"  # nothing is worth that much


def test_bad_input_is_one_clear_error(tmp_path: Path) -> None:
    with lived_in(world_of("KNN", tests=40), tmp_path) as bench:
        for options, match in (
            ({"items": ["nobody"]}, "not a held-out example"),
            ({"items": bench.items[:5]}, "too few held-out items"),
            ({"items": [*bench.items, bench.items[0]]}, "too few held-out items"),
            ({"shots": [-1, 4]}, "shots"),
            ({"shots": [10_000]}, "shots"),
        ):
            with pytest.raises((InvalidInput, InvalidParameter), match=match):
                advice_in(bench, **options)


def test_shots_may_be_given(tmp_path: Path) -> None:
    with lived_in(world_of("KNN", tests=60), tmp_path) as bench:
        menu = Menu.of(bench, Recipe(), [2, 6, 6, 0])
        assert menu.shots == (2, 6)
        assert (menu.size, menu.room) == (48, 48)
        assert menu.base.evaluation
        assert menu.base.filters.splits == bench.training
        assert Menu.of(bench, Recipe()).shots == (1, 2, 4, 8, 16)
        names = [arm.name for arm in menu.grid()]
        assert len(names) == len(set(names))
        assert {"zero-shot", "text-only query", "rices, k=2", "all", "bm25, k=6"} <= set(names)


def fill(engine: Engine, tests: int = 40) -> None:
    engine.add("p", [draft(number, number % 4, split="test") for number in range(100, 100 + tests)])


def test_arms_that_get_no_answer_are_wrong_and_named(hired) -> None:
    def moody(request: Request) -> str | Exception:
        if len(request.messages) > 8:
            return ModelRefused("too much for me")
        return "class 1"

    with hired.open(moody) as engine:
        engine.create_pool("p", instruction="What is it?")
        engine.add("p", [draft(number, number % 4, split="train") for number in range(32)])
        fill(engine)
        advice, _ = advice_in(Bench(engine, "p"))
        failed = [note for note in advice.notes if "got no answer" in note]
        (wide,) = (one for one in advice.points if one.arm.family == "random_fixed")
        assert any(
            note.startswith(f"{wide.arm.name}: {wide.items} of {wide.items} prompts") for note in failed
        )
        assert all("too much for me" in note for note in failed)
        assert wide.score.value == 0
        assert advice.arm.name != wide.arm.name


def test_an_outage_is_waited_out_or_said(hired) -> None:
    down = [True, True, False]

    def flaky(request: Request) -> str | Exception:
        return ModelUnavailable("down") if down and down.pop(0) else "class 1"

    with hired.open(flaky) as engine:
        engine.create_pool("p", instruction="What is it?")
        engine.add("p", [draft(number, number % 4, split="train") for number in range(32)])
        fill(engine)
        bench = Bench(engine, "p")
        slept: list[float] = []
        clock = iter(range(10**9))
        outage = Outage(10**6, clock=lambda: next(clock), sleep=slept.append)
        advice = advise(Trials(bench, workers=1, outage=outage))
        assert advice.points
        assert not any("no answer" in note for note in advice.notes)
        down[:] = [True] * 10**4
        with pytest.raises(ModelUnavailable):
            advise(Trials(bench, workers=1, outage=Outage(0), remember=False))


points = st.builds(
    Point,
    st.builds(lambda k: Arm("a", "recipe", k), st.integers(1, 99)),
    st.builds(lambda value: Estimate(value, value, value), st.sampled_from([0.1, 0.5, 0.9])),
    st.sampled_from([None, 0.0, 1.0, 2.0]),
    st.sampled_from([0.0, 100.0, 200.0]),
    st.just(False),
    st.integers(1, 99),
)


@settings(max_examples=200)
@given(st.lists(points, min_size=1, max_size=8))
def test_the_front_is_what_nothing_beats(given_) -> None:
    found = front(given_)
    assert sorted(map(repr, (one._replace(best=False) for one in found))) == sorted(map(repr, given_))
    prices = [float("inf") if one.usd is None else one.usd for one in found]
    assert prices == sorted(prices)
    assert any(one.best for one in found)
    keys = [(one.score.value, -price, -one.p95_ms) for one, price in zip(found, prices, strict=True)]
    for one, key in zip(found, keys, strict=True):
        beaten = any(other != key and all(a >= b for a, b in zip(other, key, strict=True)) for other in keys)
        assert one.best == (not beaten)
