"""What the engine holds selectors to, and what it makes of those that are the same for every query."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest
from drafts import draft
from sqlalchemy import event, select

from shotsmith import registry
from shotsmith.domain.errors import InvalidInput, InvalidParameter, MissingExtra
from shotsmith.domain.examples import Query
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Candidate, Selection
from shotsmith.domain.sources import CandidateSource
from shotsmith.engine import Engine
from shotsmith.selectors import SelectorBase, build, describe
from shotsmith.selectors.schema import recipe_schema
from shotsmith.storage import plans, tables

FIXED = ["random_fixed", "k_means", "curriculum", "k_means|balanced"]


def shown(selection: Selection) -> list[str]:
    return [shot.example.id for shot in selection.demonstrations]


def selections(engine: Engine, recipe: str, count: int = 6) -> list[Selection]:
    engine.add("p", [draft(900 + number, number, split="test") for number in range(count)])
    return [
        engine.select("p", engine.query_of("p", f"e{900 + number}"), Recipe.read(recipe))
        for number in range(count)
    ]


# Orders of what is the same for every query


@pytest.mark.parametrize("text", FIXED)
@pytest.mark.parametrize("order", ["random", "interleaved", "grouped"])
def test_a_fixed_choice_has_one_prompt_order_for_all_queries(engine: Engine, text: str, order: str) -> None:
    found = selections(engine, f"{text}|{order}|with(evaluation=true)")
    assert len({tuple(shown(one)) for one in found}) == 1
    assert all(shot.fixed for one in found for shot in one.demonstrations)


def test_a_drawn_choice_has_an_order_of_its_own_for_each_query(engine: Engine) -> None:
    found = selections(engine, "rices|random")
    assert not any(shot.fixed for one in found for shot in one.demonstrations)


def test_the_cached_part_is_arranged_without_the_query(engine: Engine) -> None:
    found = selections(engine, "hybrid(cached=random_fixed,prefix=4,k=8)|random")
    assert len({tuple(shown(one)[:4]) for one in found}) == 1
    assert len({tuple(shown(one)[4:]) for one in found}) > 1
    assert all([shot.fixed for shot in one.demonstrations] == [True] * 4 + [False] * 4 for one in found)


def test_a_budget_never_gives_up_the_cached_part_first(engine: Engine) -> None:
    """Similar ones rank before it, but a prefix that is in some prompts only is never read from a cache."""
    found = selections(engine, "hybrid(cached=random_fixed,prefix=3,k=8)|with(budget={max_images=6})")
    prefixes, counts = set(), set()
    for selection in found:
        manifest = engine.prompt(selection).manifest
        told = [shot for shot in manifest["demonstrations"] if shot["fixed"]]
        prefixes.add(tuple(shot["id"] for shot in told))
        counts.add(len(manifest["demonstrations"]))
        assert [one["rank"] for one in manifest["dropped"]] == sorted(
            one["rank"] for one in manifest["dropped"]
        )
    assert len(prefixes) == 1
    assert len(next(iter(prefixes))) == 3
    assert counts == {5}


@pytest.mark.parametrize(
    "stage", ["mmr", "dpp", "balanced", "adaptive", "rerank", "matched(by=site)", "topk_mdl"]
)
def test_no_stage_takes_the_cached_part_apart(stage: str) -> None:
    with pytest.raises(InvalidParameter, match=r"cached part of hybrid.*hybrid\(similar=rices\|"):
        build(Recipe.read(f"hybrid|{stage}").selector)
    assert build(Recipe.read(f"hybrid(similar=rices|{stage})|text_only").selector).prefixed


# Short or not


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("hybrid(similar=rices|adaptive(k_max=1),k=8)", False),
        ("neighbours(name=l,rest=none,k=8)", False),
        ("mix(parts=[rices|adaptive(k_max=1),rices|adaptive(k_max=1)],k=8)", False),
        ("mix(parts=[rices|adaptive(k_max=1),bm25],k=100)", True),
        ("hybrid(k=100)", True),
        ("rices(k=100)", True),
    ],
)
def test_fewer_on_purpose_is_not_short(engine: Engine, text: str, short: bool) -> None:
    engine.import_neighbours("p", "l", {"e001": ["e002"]})
    found = engine.select("p", engine.query_of("p", "e001"), Recipe.read(text))
    assert len(found.demonstrations) < found.recipe.k
    assert found.short == short
    assert any(flag.startswith("short: ") for flag in found.flags) == short


# Plugins


class Twice(SelectorBase):
    """Returns everything twice."""

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        return [Candidate(id, "again") for id in source.ids()[: k // 2] for _ in range(2)]


class Greedy(SelectorBase):
    """Returns more than was asked for."""

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        return [Candidate(id, "more") for id in source.ids()[: k + 1]]


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    real = registry._entries

    def install(**values: str) -> None:
        added = {name: EntryPoint(name, value, "shotsmith.selectors") for name, value in values.items()}
        monkeypatch.setattr(
            registry, "_entries", lambda kind: {**real(kind), **(added if kind == "selectors" else {})}
        )

    return install


@pytest.mark.parametrize(("name", "what"), [("twice", "an example twice"), ("greedy", "5 examples for k=4")])
def test_a_selector_that_breaks_its_promise_is_told_off(
    engine: Engine, plugins, name: str, what: str
) -> None:
    plugins(twice=f"{__name__}:Twice", greedy=f"{__name__}:Greedy")
    with pytest.raises(InvalidInput, match=f"the selector returned {what}"):
        engine.select("p", engine.query_of("p", "e001"), Recipe(selector=name, k=4))


@pytest.mark.parametrize("value", ["no_such_module_anywhere:Thing", f"{__name__}:NoSuchClass"])
def test_a_broken_plugin_breaks_nothing_else(plugins, value: str, caplog: pytest.LogCaptureFixture) -> None:
    plugins(broken=value, wrong="builtins:int")
    names = [one.name for one in describe()]
    assert "rices" in names
    assert not {"broken", "wrong"} & set(names)
    assert "cannot be loaded" in caplog.text
    titles = [step["title"] for step in recipe_schema()["$defs"]["Step"]["anyOf"]]
    assert titles == names
    with pytest.raises(InvalidParameter, match="is a selector and can only come first"):
        build(Recipe.read("rices|rices").selector)
    with pytest.raises(MissingExtra, match=r"cannot be loaded.*Repair or uninstall"):
        build(Recipe.read("broken").selector)


# What a selection costs in SQL, and what stays behind


def test_labels_of_draws_are_read_in_one_go(engine: Engine) -> None:
    engine.select("p", engine.query_of("p", "e001"), Recipe(selector="none", k=1))
    statements: list[str] = []
    event.listen(
        engine._stores.database.engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *rest: statements.append(statement),
    )
    engine.select("p", engine.query_of("p", "e001"), Recipe(selector="random_per_query", k=30))
    assert 0 < sum(statement.startswith("SELECT") for statement in statements) < 12


def test_plans_of_ever_new_filters_do_not_pile_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_KEPT", 5)
    pool = engine.pool("p")

    def kept() -> list[str]:
        with engine._stores.database.read() as connection:
            return list(
                connection.scalars(select(tables.plans.c.key).where(tables.plans.c.pool_uid == pool.uid))
            )

    for number in range(12):
        recipe = Recipe.read(f"where(ids=[e002,e003,x{number}])|k_means(k=2)")
        engine.select("p", engine.query_of("p", "e001"), recipe)
    before = kept()
    assert len(before) == 5
    assert engine.select("p", engine.query_of("p", "e001"), recipe).demonstrations
    assert kept() == before
