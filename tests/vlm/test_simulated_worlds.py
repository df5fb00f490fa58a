"""Simulated models and worlds on a real engine: regimes are what they are called, and costs add up."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shotsmith.clients.vlm.simulated import behaviour_of
from shotsmith.clients.vlm.simulated.worlds import INSTRUCTION, REGIMES, World, grid
from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.domain.examples import Draft
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.scoring import digest
from shotsmith.engine import Engine
from shotsmith.experiments.runner import caveats
from shotsmith.experiments.truths import vote
from shotsmith.settings import Settings


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    opened = Engine(Settings(data_dir=tmp_path_factory.mktemp("worlds"), index_url="memory:"))
    yield opened
    opened.close()


def settle(engine: Engine, world: World) -> list[Draft]:
    """The world's pool in an engine; returns its test fold."""
    drafts = world.drafts()
    engine.create_pool(world.name, instruction=INSTRUCTION, labels=world.label_space, encoder=world.encoder)
    engine.add(world.name, drafts)
    return [draft for draft in drafts if draft.split == "test"]


class Bench:
    """A settled world and its arms: which queries are answered right, and by what vote."""

    def __init__(self, engine: Engine, world: World) -> None:
        self._engine, self._world = engine, world
        self._tests = settle(engine, world)

    def said(self, recipe: str, model: str | None = None) -> list[str | None]:
        def answer(draft: Draft) -> str | None:
            chosen = self._select(draft, recipe)
            return self._engine.answer(chosen, model=model or self._world.model, remember=False).parsed.answer

        return [answer(draft) for draft in self._tests]

    def voted(self, recipe: str) -> list[str | None]:
        pool = self._engine.pool(self._world.name)
        return [vote(pool, self._select(draft, recipe).demonstrations) for draft in self._tests]

    def right(self, said: list[str | None]) -> float:
        truths = [draft.labels[0] for draft in self._tests]
        return sum(one == truth for one, truth in zip(said, truths, strict=True)) / len(truths)

    def score(self, recipe: str) -> float:
        return self.right(self.said(recipe))

    def _select(self, draft: Draft, recipe: str):
        pool = self._world.name
        chosen = Recipe.read(recipe).model_copy(update={"evaluation": True})
        return self._engine.select(pool, self._engine.query_of(self._engine.pool(pool), draft.id), chosen)


def check_no_icl(bench: Bench, slack: float) -> None:
    bare = bench.said("none")
    assert bench.said("rices(k=4)") == bench.said("all") == bare
    assert bench.right(bare) > bench.right(bench.voted("rices(k=5)")) + 0.2 - slack


def check_knn(bench: Bench, slack: float) -> None:
    voted = bench.right(bench.voted("rices(k=4)"))
    assert voted >= 0.95
    assert bench.score("rices(k=4)") <= voted
    assert bench.score("rices(k=4)") >= bench.score("none") + 0.3 - slack


def check_ssl(bench: Bench, slack: float) -> None:
    near, bare = bench.score("rices(k=4)"), bench.score("none")
    assert near >= bare + 0.08 - slack
    assert near >= max(bench.right(bench.voted(f"rices(k={k})")) for k in (1, 5)) + 0.08 - slack
    assert near >= bench.score("all") - slack
    assert bench.score("dissimilar(k=40)") <= bare + slack


def check_asl(bench: Bench, slack: float) -> None:
    all_, bare = bench.score("all"), bench.score("none")
    few, half = bench.score("rices(k=4)"), bench.score("rices(k=24)")
    assert all_ >= bare + 0.35 - slack
    assert few <= bare + 0.2 + slack
    assert few < half < all_
    assert abs(bench.score("dissimilar(k=24)") - half) <= 0.05 + slack
    assert all_ > bench.right(bench.voted("rices(k=5)")) + 0.2


CHECKS: dict[str, Callable[[Bench, float], None]] = {
    "NO-ICL": check_no_icl,
    "KNN": check_knn,
    "SSL": check_ssl,
    "ASL": check_asl,
}


@pytest.mark.parametrize("regime", REGIMES)
def test_a_small_world_is_of_its_regime(engine: Engine, regime: str) -> None:
    CHECKS[regime](Bench(engine, World(regime=regime, labels=4, pool=48, tests=24, seed=11)), 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["fake", "colour-hog"])
@pytest.mark.parametrize("labels", [2, 8])
@pytest.mark.parametrize("regime", REGIMES)
def test_worlds_are_of_their_regime_with_noise_and_wrong_labels(engine, regime, labels, encoder) -> None:
    world = World(
        regime=regime, labels=labels, pool=64, tests=150, noise=0.1, flips=0.05, seed=12, encoder=encoder
    )
    bench = Bench(engine, world.model_copy(update={"seed": 12 if encoder == "fake" else 13}))
    if regime == "NO-ICL":
        rates = [bench.score(recipe) for recipe in ("none", "rices(k=4)", "all")]
        assert max(rates) - min(rates) < 0.08
        assert min(rates) > bench.right(bench.voted("rices(k=5)")) + 0.08
    elif regime == "KNN":
        assert (
            bench.right(bench.voted("rices(k=4)")) >= bench.score("rices(k=4)") >= bench.score("none") + 0.25
        )
    else:
        CHECKS[regime](bench, 0.1)


def test_tokens_and_money_come_out_as_the_prompt_foresaw(engine: Engine) -> None:
    world = World(regime="KNN", pool=40, tests=2, seed=21)
    (draft, _) = settle(engine, world)
    query = engine.query_of(engine.pool(world.name), draft.id)
    for priced, usd in ((world.model, 1.0), (world.model.replace(")", ",input_usd=8)"), 8.0)):
        selection = engine.select(world.name, query, Recipe.read("rices(k=6)"))
        manifest = engine.prompt(selection, model=priced).manifest
        answer = engine.answer(selection, model=priced)
        usage = answer.reply.usage
        assert manifest["model"]["known"] is True
        assert usage.input_tokens == manifest["tokens"]["total"]
        expected = (usage.input_tokens * usd + usage.output_tokens * 5) / 1e6
        assert answer.reply.cost_usd == pytest.approx(expected)
        assert answer.reply.from_ledger is False
        assert engine.answer(selection, model=priced).reply.from_ledger is True
        reserved = selection.recipe.budget.answer_tokens * 5
        assert manifest["cost_usd"] == pytest.approx((usage.input_tokens * usd + reserved) / 1e6)


def test_a_budget_in_money_binds(engine: Engine) -> None:
    world = World(regime="KNN", pool=40, tests=1, seed=22)
    (draft,) = settle(engine, world)
    query = engine.query_of(engine.pool(world.name), draft.id)
    recipe = Recipe.read("rices(k=20)|with(budget={max_usd=0.004,answer_tokens=10})")
    cheap, dear = (
        engine.prompt(engine.select(world.name, query, recipe), model=model).manifest
        for model in (world.model, world.model.replace(")", ",input_usd=2)"))
    )
    shown = [len(manifest["demonstrations"]) for manifest in (cheap, dear)]
    assert 20 > shown[0] > shown[1] > 0
    assert max(cheap["cost_usd"], dear["cost_usd"]) <= 0.004


def test_a_fixed_prefix_is_read_from_the_cache(engine: Engine) -> None:
    world = World(regime="ASL", pool=40, tests=2, seed=23)
    tests = settle(engine, world)
    pool = engine.pool(world.name)
    hits = []
    for draft in tests:
        answer = engine.ask(
            pool, engine.query_of(pool, draft.id), Recipe.read("random_fixed(k=30)"), model=world.model
        )
        assert answer.reply.usage.cached_tokens == answer.prompt.manifest["cache"]["tokens"]
        assert answer.reply.saved_usd == pytest.approx(answer.reply.usage.cached_tokens * 0.9 / 1e6)
        hits.append(answer.reply.usage.hit_rate)
    assert min(hits) > 0.9


def test_many_queries_in_one_call_are_asked_one_by_one(engine: Engine) -> None:
    world = World(regime="KNN", pool=40, tests=3, seed=24)
    tests = settle(engine, world)
    pool = engine.pool(world.name)
    asked = [engine.query_of(pool, draft.id) for draft in tests]
    recipe = Recipe.read("rices(k=4)")
    report = engine.ask_many(pool, asked, recipe, batch_size=10, model=world.model)
    alone = [engine.ask(pool, query, recipe, model=world.model).parsed.answer for query in asked]
    assert [one.parsed.answer for one in report.answers] == alone
    assert alone == [draft.labels[0] for draft in tests]


def test_they_can_only_answer(engine: Engine) -> None:
    world = World(regime="KNN", pool=40, tests=1, seed=25)
    (draft,) = settle(engine, world)
    pool = engine.pool(world.name)
    query = engine.query_of(pool, draft.id)
    with pytest.raises(InvalidInput, match="can only answer"):
        engine.select(pool, query, Recipe.read(f'rices(k=4)|rerank(by=model,model="{world.model}")'))
    with pytest.raises(InvalidInput, match="cannot put images into words"):
        engine.ask(pool, query, Recipe.read("rices(k=2)|with(dialect=text)"), model=world.model)
    assert "simulated" in caveats(world.model)[0]


def test_confidence_is_the_probability_it_tells(engine: Engine) -> None:
    world = World(regime="KNN", pool=40, tests=1, noise=0.2, seed=26)
    (draft,) = settle(engine, world)
    pool = engine.pool(world.name)
    answer = engine.ask(pool, engine.query_of(pool, draft.id), Recipe.read("rices(k=4)"), model=world.model)
    told = dict(answer.reply.alternatives)
    assert answer.parsed.confidence is not None
    assert answer.parsed.confidence.value == pytest.approx(told[answer.parsed.answer])


def content(world: World) -> list[object]:
    return [
        [
            draft.id,
            draft.text,
            draft.answer,
            list(draft.labels),
            draft.split,
            digest(draft.images[0].data.hex()),
        ]
        for draft in world.drafts()
    ]


def test_a_world_is_made_of_its_seed() -> None:
    world = World(regime="SSL", pool=60, tests=10, seed=1)
    assert content(world) == content(World(regime="SSL", pool=60, tests=10, seed=1))
    assert content(world) == content(world.model_copy(update={"noise": 0.3, "encoder": "colour-hog"}))
    for other in ({"seed": 2}, {"regime": "KNN"}, {"labels": 5}, {"pool": 64}):
        assert content(world.model_copy(update=other)) != content(world)
    assert len({draft.id for draft in world.drafts()}) == 70
    assert {draft.labels[0] for draft in world.drafts()} <= set(world.label_space)


def test_flips_change_labels_of_the_pool_and_nothing_else() -> None:
    clean = World(regime="ASL", pool=400, tests=50, seed=3)
    flipped = clean.model_copy(update={"flips": 0.25})
    pairs = list(zip(clean.drafts(), flipped.drafts(), strict=True))
    assert [one.text for one, _ in pairs] == [other.text for _, other in pairs]
    assert [one.images for one, _ in pairs] == [other.images for _, other in pairs]
    assert all(one.labels == other.labels for one, other in pairs if one.split == "test")
    changed = sum(one.labels != other.labels for one, other in pairs) / 400
    assert abs(changed - 0.25) <= 4 * math.sqrt(0.25 * 0.75 / 400)


def test_pictures_of_a_cluster_are_no_near_duplicates(engine: Engine) -> None:
    world = World(regime="KNN", pool=200, tests=30, seed=5)
    tests = settle(engine, world)
    pool = engine.pool(world.name)
    recipe = Recipe.read("rices(k=4)").model_copy(update={"evaluation": True})
    removed = [engine.select(pool, engine.query_of(pool, draft.id), recipe).removed for draft in tests]
    assert sum(map(len, removed)) == 0


def test_the_grid_holds_every_combination_with_a_seed_of_its_own() -> None:
    worlds = grid(seed=7)
    assert len(worlds) == 72 >= 60
    assert len({world.seed for world in worlds}) == len({world.name for world in worlds}) == 72
    assert {(world.regime, world.labels, world.noise, world.pool) for world in worlds} == {
        (regime, labels, noise, pool)
        for regime in REGIMES
        for labels in (2, 4, 8)
        for noise in (0.0, 0.1)
        for pool in (64, 128, 256)
    }
    assert grid(seed=7) == worlds
    assert {world.seed for world in grid(seed=8)}.isdisjoint({world.seed for world in worlds})
    for world in worlds:
        assert behaviour_of(world.model).noise == world.noise
    for fault in ({"labels": [1]}, {"pools": [4]}, {"noises": [1.0]}, {"regimes": ["HYBRID"]}):
        with pytest.raises(InvalidParameter):
            grid(**fault)


def told(folder: Path) -> str:
    """What a small world says, from scratch."""
    world = World(regime="SSL", pool=40, tests=6, noise=0.3, seed=31)
    fresh = Engine(Settings(data_dir=folder, index_url="memory:"))
    bench = Bench(fresh, world)
    said = [bench.said("rices(k=8)"), bench.said("none")]
    fresh.close()
    return f"{digest(content(world))} {said}"


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
from test_simulated_worlds import told
print(told(Path(sys.argv[1])))
"""


def test_another_process_sees_the_same_world(tmp_path: Path) -> None:
    script = SCRIPT.format(folder=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "there")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert done.stdout.strip() == told(tmp_path / "here")
