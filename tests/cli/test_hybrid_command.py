"""`shotsmith hybrid`: a plan from the pool's own sizes, the model's prices and the traffic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from drafts import draft

from shotsmith.domain.recipes import Recipe
from shotsmith.engine import Engine
from shotsmith.selectors import build
from shotsmith.settings import Settings

SONNET = ("--model", "anthropic/claude-sonnet-5")
BIG = ("--tokens-per-demonstration", 420)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a pool `p` of 30 pictures is kept."""
    root = tmp_path_factory.mktemp("hybrid") / "data"
    with Engine(Settings(data_dir=root, encoder="fake")) as opened:
        opened.create_pool("p", instruction="What is it?")
        opened.add("p", [draft(number, number % 3) for number in range(30)])
    return root


@pytest.fixture
def pool(home: Path, stored: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SHOTSMITH_DATA_DIR", str(stored))
    return "p"


def planned(run, *arguments: object) -> dict:
    done = run("hybrid", "-p", "p", *arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_sizes_are_measured_on_the_pool(run, pool) -> None:
    found = planned(run, *SONNET)
    tokens = found["tokens"]
    assert found["most_shots"] == 29
    assert 1 < tokens["demonstration"] < 100  # small pictures
    assert tokens["instruction"] > tokens["query"] > 0
    assert tokens["output"] > 0
    # A dialect without a turn for each input and answer costs less.
    one_turn = planned(run, *SONNET, "-r", "rices(k=16)|with(dialect=interleaved)")["tokens"]
    assert one_turn["demonstration"] < tokens["demonstration"]
    assert planned(run, *SONNET) == found


def test_heavy_traffic_is_planned_as_a_hybrid_that_the_pool_takes(run, pool, query) -> None:
    found = planned(run, *SONNET, *BIG, "--rate", "10/min", "-k", 2)
    plan = found["plan"]
    assert (plan["similar"], plan["marked"]) == (1, True)
    assert 9 < plan["fixed"] < 13
    assert plan["usd"] <= found["similar_only"]["usd"] < found["all_fixed"]["usd"]
    assert plan["hit_rate"] > 0.99
    recipe = Recipe.read(found["recipe"])
    assert recipe.k == plan["fixed"] + 1
    assert build(recipe.selector).prefixed
    chosen = json.loads(run("select", "-p", "p", "-r", found["recipe"], "--image", query, "--json").out)
    assert len(chosen["demonstrations"]) == recipe.k


def test_cold_traffic_fixes_nothing_and_says_why(run, pool) -> None:
    found = planned(run, *SONNET, *BIG, "--rate", "1/h", "-k", 6, "-r", "rices(modality=text)|mmr|random")
    assert found["recipe"] == "rices(modality=text,k=6)|mmr|random"
    assert "none is fixed" in found["why"][0]


def test_plans_at_several_rates_and_costs_of_several_shots(run, pool) -> None:
    found = planned(run, *SONNET, *BIG, "--rate", "3/min", "-k", 2)
    rates = [row["per_minute"] for row in found["by_rate"]]
    assert rates == [0.1, 0.5, 1, 2, 3, 10]
    fixed = [row["plan"]["fixed"] for row in found["by_rate"]]
    assert fixed == sorted(fixed)
    assert fixed[0] == 0 < fixed[-1]
    assert found["by_rate"][4]["plan"] == found["plan"]
    assert found["plan"] in found["by_shots"]
    assert found["similar_only"] in found["by_shots"]
    assert found["all_fixed"] in found["by_shots"]


def test_the_table_shows_what_json_says(run, pool) -> None:
    arguments = (*SONNET, *BIG, "--rate", "10/min", "-k", 2)
    found, text = planned(run, *arguments), run("hybrid", "-p", "p", *arguments).out
    lines = text.splitlines()
    assert lines[0] == found["recipe"]
    assert lines[1 : 1 + len(found["why"])] == [f"{line}." for line in found["why"]]
    assert "420 a demonstration (as given)" in text
    row = next(line for line in lines if line.split()[:1] == ["10"])
    plan = found["plan"]
    assert f"{plan['usd']:.6f}" in row
    assert f"{plan['fixed']} + {plan['similar']}" in row


def test_wishes_are_kept(run, pool) -> None:
    arguments = (*SONNET, *BIG, "--rate", "10/min", "-k", 2)
    assert planned(run, *arguments, "--keep", 2)["plan"]["similar"] == 2
    assert planned(run, *arguments, "--fixed", 7)["all_fixed"]["fixed"] == 7
    assert planned(run, *arguments, "--value-fixed", 0)["plan"]["fixed"] == 0
    assert planned(run, *arguments, "--cached", "k_means")["recipe"].startswith("hybrid(cached=k_means,")
    cheap = planned(run, *arguments, "--budget-usd-per-query", 0.001)
    assert cheap["plan"]["usd"] <= cheap["limit_usd"] == 0.001
    assert planned(run, *arguments, "--kept", 0)["plan"]["fixed"] == 0
    hour = planned(run, *arguments, "--long")["cache"]
    assert (hour["ttl_s"], hour["write"]) == (3600, 2.0)


def test_prices_can_be_told(run, pool) -> None:
    told = ("--price", "input=3", "--price", "output=15")
    found = planned(run, "-m", "nobody/knows-it", *told)
    assert found["prices"]["input"] == pytest.approx(3e-6)
    assert found["prices"]["output"] == pytest.approx(15e-6)
    assert any("nobody/knows-it" in note for note in found["notes"])
    assert planned(run, *SONNET, "--price", "read=1")["prices"]["cache_read"] == pytest.approx(1e-6)
    assert planned(run, *SONNET, "--price", "read=1")["prices"]["input"] == pytest.approx(2e-6)


@pytest.mark.parametrize(
    ("arguments", "code", "field", "word"),
    [
        (["-m", "nobody/knows-it"], 2, "--model", "--price input=3"),
        ([*SONNET, "--rate", "often"], 2, "rate", "2/min"),
        ([*SONNET, "--cached", "rices"], 2, "--cached", "k_centre"),
        ([*SONNET, "--cached", "nope"], 2, "selector", "nope"),
        ([*SONNET, "--price", "tax=3"], 2, "--price", "input="),
        ([*SONNET, "--price", "input=-3"], 2, "prices.input", "-3"),
        ([*SONNET, "--keep", "17"], 2, "keep", "from 0 to 16"),
        ([*SONNET, "--budget-usd-per-query", "0.000001"], 2, "--budget-usd-per-query", "take a cheaper"),
        ([*SONNET, "-p", "nope"], 3, "pool", "no such pool"),
        ([*SONNET, "-r", "rises"], 2, "selector", "rices"),
    ],
)
def test_what_is_wrong_is_one_line(run, pool, arguments: list[str], code: int, field: str, word: str) -> None:
    done = run("hybrid", "-p", "p", *arguments, "--json")
    assert done.code == code
    problem = json.loads(done.err)
    assert problem["field"] == field
    assert word in problem["detail"]


def test_a_pool_with_nothing_to_show_is_refused(run, home) -> None:
    (home / "one.jsonl").write_text(json.dumps({"id": "a", "text": "x", "labels": ["l"]}) + "\n")
    assert run("import", "jsonl", home / "one.jsonl", "--pool", "p").code == 0
    done = run("hybrid", "-p", "p", *SONNET, "--json")
    assert done.code == 2
    assert json.loads(done.err)["field"] == "--pool"


def test_the_sizes_add_up_to_a_real_prompt(run, pool, stored) -> None:
    tokens = planned(run, *SONNET)["tokens"]
    with Engine(Settings(data_dir=stored, encoder="fake")) as opened:
        selection = opened.select("p", opened.query_of("p", "e007"), Recipe.read("rices(k=12)"))
        manifest = opened.prompt(selection, model="anthropic/claude-sonnet-5").manifest
    expected = tokens["instruction"] + 12 * tokens["demonstration"] + tokens["query"]
    assert manifest["tokens"]["total"] == pytest.approx(expected, rel=0.02)
