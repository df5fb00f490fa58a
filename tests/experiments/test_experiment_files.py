"""Experiment files: what they may hold, what is wrong with them, and the arms that they name."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import jsonschema
import pytest
import yaml
from experiment_pools import draft
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shotsmith.domain.errors import (
    InvalidInput,
    InvalidParameter,
    ModelRefused,
    NotFound,
    ShotsmithError,
    UnknownName,
)
from shotsmith.experiments.arms import VOTES
from shotsmith.experiments.bench import Bench
from shotsmith.experiments.design import CONTROLS, ExperimentFile, arms_of, experiment_schema
from shotsmith.experiments.runs import planned, run_experiment

FILE = {"name": "r", "pool": "p", "selectors": ["rices"], "shots": [1, 2]}
OWN = {"name": "own", "recipe": "rices(k=2)|similar_first"}


def arm(**fields: Any) -> dict[str, Any]:
    return {"arms": [{**OWN, **fields}]}


# field, what is shown of the value, what is given
WRONG_ALONE = [
    ("shots", "[0]", {"shots": [0]}),
    ("shots", "[0, 0]", {"shots": [0, 0]}),
    ("shots.0", "-1", {"shots": [-1]}),
    ("shots.0", "True", {"shots": [True]}),
    ("shots.1", "2", {"shots": [1, "2"]}),
    ("shots", "many", {"shots": "many"}),
    ("shots", "[]", {"shots": []}),
    ("shots", "3", {"shots": 3}),
    ("name", "a b", {"name": "a b"}),
    ("name", "3", {"name": 3}),
    ("name", None, {"name": None}),
    ("name", "r\n", {"name": "r\n"}),
    ("pool", "../x", {"pool": "../x"}),
    ("seeds.1", "1", {"seeds": [1, 1]}),
    ("seeds", "[]", {"seeds": []}),
    ("seeds", "1", {"seeds": 1}),
    ("seeds.0", str(2**63), {"seeds": [2**63]}),
    ("selectors.0", "nosuch", {"selectors": ["nosuch"]}),
    ("selectors.1", "3", {"selectors": ["rices", "mmr(k=3)"]}),
    ("selectors.0", "rices(", {"selectors": ["rices("]}),
    ("selectors.0", "", {"selectors": [""]}),
    ("selectors.1", "rices", {"selectors": ["rices", "rices"]}),
    ("perturbations.0", "nosuch", {"perturbations": ["nosuch"]}),
    ("perturbations.0", "nothing", {"perturbations": ["remove(of=nothing)"]}),
    ("controls.0", "everything", {"controls": ["everything"]}),
    ("controls.1", "select", {"controls": ["select", "select"]}),
    ("shotz", "[1]", {"shotz": [1]}),
    ("test.splits", "test", {"test": {"splits": "test"}}),
    ("test.split", "train", {"test": {"split": "train"}}),
    ("test.split", "held", {"test": {"split": "held", "training": ["train", "held"]}}),
    ("test.limit", "0", {"test": {"limit": 0}}),
    ("test.unseen", "what", {"test": {"unseen": "what"}}),
    ("test.training", "train", {"test": {"training": "train"}}),
    ("test", None, {"test": None}),
    ("models.1", "x", {"models": ["x", "x"]}),
    ("models", "x", {"models": "x"}),
    ("budget.usd", "-1", {"budget": {"usd": -1}}),
    ("budget.usd", "5", {"budget": {"usd": "5"}}),
    ("budget.usd", "nan", {"budget": {"usd": float("nan")}}),
    ("budget.calls", "True", {"budget": {"calls": True}}),
    ("budget.calls", "1.5", {"budget": {"calls": 1.5}}),
    ("budget.minutes", "0", {"budget": {"minutes": 0}}),
    ("budget.euros", "3", {"budget": {"euros": 3}}),
    ("workers", "0", {"workers": 0}),
    ("patience_minutes", "nan", {"patience_minutes": float("nan")}),
    ("patience_minutes", "True", {"patience_minutes": True}),
    ("focus.selector", "nosuch", {"focus": {"selector": "nosuch"}}),
    ("focus.k", "0", {"focus": {"k": 0}}),
    ("dialect", "nosuch", {"dialect": "nosuch"}),
    ("order", "upwards", {"order": "upwards"}),
    ("all_samples", "yes", {"all_samples": "yes"}),
    ("all_samples", "1", {"all_samples": 1}),
    ("instructions.0", "", {"instructions": [""]}),
    ("instructions.0", "a\x00", {"instructions": ["a\x00"]}),
    ("category", "3", {"category": 3}),
    ("search", "ucb", {"search": "ucb"}),
    ("search_share", "0", {"search_share": 0}),
    ("parameters", "temprature", {"parameters": {"temprature": 1}}),
    ("parameters", None, {"parameters": {"temperature": float("nan")}}),
    ("parameters", "{'model': 'x'}", {"parameters": {"extra_body": {"model": "x"}}}),
    ("metrics.1", "accuracy", {"metrics": ["accuracy", "accuracy"]}),
    ("arms.1.name", "own", {"arms": [OWN, {**OWN, "recipe": "mmr(k=2)"}]}),
    ("arms.0.recipe", "nosuch", arm(recipe="nosuch(k=2)")),
    ("arms.0.recipe", "nosuch", arm(recipe={"selector": "rices", "dialect": "nosuch"})),
    ("arms.0.changes", "nosuch", arm(changes="nosuch")),
    ("arms.0.batch", "3", arm(changes="swap(of=images)", batch=3)),
    ("arms.0.batch", "51", arm(batch=51)),
    ("arms.0.colour", "red", arm(colour="red")),
]


@pytest.mark.parametrize(("field", "value", "fields"), WRONG_ALONE)
def test_a_wrong_field_is_named_with_its_value_and_the_mend(field, value, fields) -> None:
    with pytest.raises(InvalidInput) as caught:
        ExperimentFile.read({**FILE, **fields})
    error = caught.value
    assert (error.field, error.value) == (field, value)
    assert error.mend
    assert "tuple" not in str(error)


def test_a_mistyped_field_is_guessed() -> None:
    for fields, meant in (({"shotz": [1]}, "shots"), ({"test": {"splt": "x"}}, "split")):
        with pytest.raises(InvalidParameter, match=f"no such field .*Did you mean '{meant}'"):
            ExperimentFile.read({**FILE, **fields})


@pytest.mark.parametrize("given", [None, [], [1], "rices", 3, {}, {"name": "r"}, {1: 2}])
def test_what_holds_no_experiment_is_refused(given) -> None:
    with pytest.raises(InvalidInput) as caught:
        ExperimentFile.read(given)
    assert caught.value.field in ("file", "pool", "name", "1")


BAD_FILES = {
    "list": b"- name: r\n- pool: p\n",
    "text": b"rices",
    "empty": b"",
    "nothing": b"---\n",
    "not yaml": b"name: [r\npool: {",
    "tab": b"name:\tr\n\tpool: p",
    "bytes": b"\xff\xfe\x00name",
    "control": b"name: \x01",
    "object": b"!!python/object/apply:os.system ['true']",
    "date": b"name: r\npool: 2024-99-99",
    "deep": b"[" * 5000,
    "twice": b"name: r\npool: p\nseeds: [1]\nseeds: [2]\n",
    "twice inside": b"name: r\npool: p\nbudget: {calls: 1, calls: 200}\n",
    "two documents": b"name: r\n---\nname: s\n",
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path, name) -> None:
    path = tmp_path / "e.yaml"
    path.write_bytes(BAD_FILES[name])
    with pytest.raises(InvalidInput) as caught:
        ExperimentFile.load(path)
    assert caught.value.field == "file"
    assert caught.value.value.startswith(str(path)[:50])
    assert caught.value.mend
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InvalidInput, match="the experiment file cannot be read"):
            ExperimentFile.load(path)


def test_yaml_and_json_are_read_alike(tmp_path) -> None:
    fields = {**FILE, "budget": {"usd": 1.5}, "seeds": [0, 3], **arm()}
    anchored = "defaults: &a {split: test}\n"
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(fields))
    (tmp_path / "e.json").write_text(json.dumps(fields))
    one, other = ExperimentFile.load(tmp_path / "e.yaml"), ExperimentFile.load(tmp_path / "e.json")
    assert one == other == ExperimentFile.read(one.model_dump(mode="json"))
    (tmp_path / "merged.yaml").write_text(
        f"{anchored}name: r\npool: p\ntest: {{<<: *a, limit: 3}}\n".replace(anchored, "").replace(
            "*a", "{split: test}"
        )
    )
    assert ExperimentFile.load(tmp_path / "merged.yaml").test.limit == 3


# What only a pool can tell

WRONG_HERE = [
    ({"pool": "q"}, NotFound, "no such pool"),
    ({"metrics": ["nosuch"]}, UnknownName, "metrics: unknown metric"),
    ({"metrics": ["word_errors"]}, (InvalidParameter, UnknownName), "metrics: .*got word_errors"),
    (
        {"models": ["nosuch/model"]},
        ModelRefused,
        "does not say which provider has the model .got nosuch/model",
    ),
    ({"test": {"split": "validation"}}, InvalidInput, "split: .*no labelled example of that split"),
    ({"test": {"training": ["nowhere"]}}, InvalidInput, "no training example|label that no training"),
    (
        {"budget": {"calls": 7}},
        InvalidParameter,
        r"budget\.calls: .*does not buy one arm: that takes 8 calls",
    ),
    ({"models": ["simulated/voter"], "budget": {"usd": 1e-6}}, InvalidParameter, r"budget\.usd: .*one arm"),
    ({"models": ["openai/unheard-of"], "budget": {"usd": 1}}, InvalidParameter, "nobody knows the price"),
    (
        arm(recipe="where(splits=[train,test])|rices(k=2)"),
        InvalidParameter,
        r"arms\.own\.recipe\.filters\.splits: the arm would show the test fold",
    ),
    (arm(recipe="where(splits=test)|rices(k=2)"), InvalidParameter, "would show the test fold"),
    (arm(name="zero-shot", recipe="rices(k=0)"), InvalidParameter, "two arms have the same name"),
]


@pytest.mark.parametrize(("fields", "kind", "message"), WRONG_HERE)
def test_what_cannot_be_here_is_refused_before_anything_is_asked_or_written(
    engine, hired, fields, kind, message
) -> None:
    file = ExperimentFile.read({**FILE, **fields})
    for partial in (False, True):
        with pytest.raises(kind, match=message) as caught:
            run_experiment(engine, file, partial=partial)
        assert isinstance(caught.value, ShotsmithError)
        assert caught.value.field
        assert caught.value.mend
    with pytest.raises(kind, match=message):
        planned(engine, file)
    assert hired.asked == 0
    assert engine.runs.all() == []


def test_a_budget_that_does_not_suffice_is_refused_unless_partial(engine, hired) -> None:
    file = ExperimentFile.read({**FILE, "budget": {"calls": 20}})
    plan = planned(engine, file)
    with pytest.raises(InvalidParameter, match=r"budget\.calls: the experiment takes 40 calls, more than"):
        plan.passes()
    with pytest.raises(InvalidParameter, match="--partial"):
        run_experiment(engine, file)
    assert hired.asked == 0
    assert engine.runs.all() == []


def test_labels_that_training_lacks_are_refused_dropped_or_kept(engine) -> None:
    engine.add("p", [draft(900, 9, split="test"), draft(901, 1, split="test")])

    def items(unseen: str) -> set[str]:
        return set(planned(engine, ExperimentFile.read({**FILE, "test": {"unseen": unseen}})).items)

    with pytest.raises(
        InvalidInput, match=r"1 of 10 test items have a label that no .*: 'class 9'"
    ) as caught:
        items("refuse")
    assert (caught.value.field, caught.value.value) == ("test", "test")
    assert items("keep") - items("drop") == {"e900"}
    assert "e901" in items("drop")


def test_an_own_arm_is_held_to_the_folds(engine) -> None:
    file = ExperimentFile.read({**FILE, "test": {"split": "train", "training": ["test"]}, **arm()})
    bench = Bench(engine, "p", split="train", training=["test"])
    for one in arms_of(file, bench):
        if one.recipe is not None:
            assert one.recipe.filters.splits == ("test",)
            assert one.recipe.evaluation


def test_an_own_arm_needs_no_perturbation(engine) -> None:
    (own,) = (
        one for one in planned(engine, ExperimentFile.read({**FILE, **arm()})).arms if one.group == "own"
    )
    assert own.name == "own, k=2"
    assert own.recipe.order == "similar_first"
    assert own.changes == ""


# The arms

files = st.fixed_dictionaries(
    {},
    optional={
        "selectors": st.lists(
            st.sampled_from(["rices", "mmr", "random", "none", "all", "random|balanced", "bm25", "k_centre"]),
            unique=True,
            max_size=4,
        ),
        "shots": st.just("auto") | st.lists(st.integers(0, 40), min_size=1, max_size=4).filter(any),
        "all_samples": st.booleans(),
        "controls": st.lists(st.sampled_from(sorted(CONTROLS)), unique=True, max_size=4),
        "focus": st.fixed_dictionaries(
            {"k": st.integers(1, 50), "selector": st.sampled_from(["rices", "all", "random"])}
        ),
        "perturbations": st.lists(st.sampled_from(["remove(of=texts)", "place(at=0)"]), unique=True),
        "instructions": st.lists(st.sampled_from(["Say what it is.", "Name it!"]), unique=True),
        "order": st.sampled_from(["similar_last", "random", "ends"]),
        "models": st.lists(st.sampled_from(["fake/a", "simulated/voter"]), unique=True, max_size=2),
        "seeds": st.lists(st.integers(-5, 5), unique=True, min_size=1, max_size=3),
        "arms": st.lists(st.sampled_from([OWN, {"name": "mine", "recipe": "mmr(k=3)"}]), max_size=1),
    },
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=files)
def test_baselines_are_always_there_and_arms_are_unique(engine, fields) -> None:
    file = ExperimentFile.read({"name": "r", "pool": "p", **fields})
    bench = Bench(engine, "p", model=file.models[0] if file.models else None)
    arms = arms_of(file, bench)
    assert len({one.key for one in arms}) == len(arms)
    assert len({(one.model, one.name) for one in arms}) == len(arms)
    kinds = Counter((one.kind, one.model) for one in arms if one.group == "floor" or one.kind == "random")
    assert kinds["majority", ""] == 1
    assert {one.k for one in arms if one.kind == "vote"} >= set(VOTES)
    for model in file.models or (bench.model,):
        assert kinds["zero-shot", model] == 1
        wanted = {k for k in file.shots if k} if file.shots != "auto" else {1, 2, 4}
        assert {one.k for one in arms if one.kind == "random" and one.model == model} >= wanted
    assert all(one.recipe.evaluation for one in arms if one.recipe)
    assert all("test" not in one.recipe.filters.splits for one in arms if one.recipe)
    assert file == ExperimentFile.read(json.loads(json.dumps(file.model_dump(mode="json"))))


# Estimates

RICH = {
    "name": "r",
    "pool": "p",
    "selectors": ["rices", "mmr"],
    "shots": [2, 4],
    "seeds": [0, 1],
    "controls": ["answers", "order"],
    "focus": {"selector": "rices", "k": 4},
    "parameters": {"max_tokens": 5},
}


def test_as_many_calls_are_made_as_were_foretold(engine, hired) -> None:
    file = ExperimentFile.read({**RICH, **arm(batch=3, recipe="rices(k=2)")})
    takes = planned(engine, file).estimates
    run_experiment(engine, file)
    plan = planned(engine, file)
    assert plan.estimates.calls == plan.estimates.cells == 0
    # Queries of a batch that could not be read are asked again alone: "class 1" is no answer to three questions.
    assert plan.spent.calls + plan.spent.repeated == takes.calls + 2 * 8
    own = next(one for one in takes.arms if one.arm.batch > 1)
    assert own.calls == 2 * 3


def test_money_is_foretold_within_a_few_percent(engine) -> None:
    # Read from no cache and answered with nothing that costs, so that only what is known beforehand counts.
    model = "simulated/voter(cached_usd=1.0,output_usd=0.0)"
    # And with no two arms that send the same prompt.
    plain = {"selectors": ["rices"], "controls": [], "seeds": [0]}
    file = ExperimentFile.read({**RICH, **plain, "models": [model]})
    takes = planned(engine, file).estimates
    run_experiment(engine, file)
    spent = planned(engine, file).spent
    assert spent.calls == takes.calls
    assert spent.usd == pytest.approx(takes.usd, rel=0.05)
    assert spent.input_tokens == pytest.approx(takes.input_tokens, rel=0.05)


def test_answers_and_caches_make_it_cheaper_than_foretold_and_never_dearer(engine) -> None:
    file = ExperimentFile.read({**RICH, "models": ["simulated/voter"]})
    takes = planned(engine, file).estimates
    run_experiment(engine, file)
    spent = planned(engine, file).spent
    assert 0 < spent.usd < takes.usd


# The JSON Schema

SCHEMA = experiment_schema()
#: What a schema cannot say: text forms, and fields that must fit each other.
BEYOND = {
    ("test.split", "train"),
    ("test.split", "held"),
    ("arms.1.name", "own"),
    ("search", "ucb"),
    ("arms.0.batch", "3"),
    ("instructions.0", "a\x00"),
    ("name", "r\n"),  # for Python, $ also stands before a last line break
}
TEXT_FORMS = ("selectors.", "perturbations.", "focus.selector", "dialect", "arms.0.recipe", "arms.0.changes")


def accepts(fields: Any) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(fields)


def reads(fields: Any) -> bool:
    try:
        ExperimentFile.read(fields)
    except InvalidInput:
        return False
    return True


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize(("field", "value", "fields"), WRONG_ALONE)
def test_the_schema_refuses_what_is_refused(field, value, fields) -> None:
    given = {**FILE, **fields}
    nan = "nan" in repr(fields)
    text = field.startswith(TEXT_FORMS) and value not in ("", "rices")
    if not nan and not text and (field, value) not in BEYOND and "extra_body" not in repr(fields):
        assert not accepts(given)


def test_the_schema_accepts_what_the_documentation_shows() -> None:
    for fields in (
        {},
        RICH,
        arm(),
        arm(recipe={"selector": ["rices", "balanced"], "k": 3}),
        {"shots": "auto"},
    ):
        given = {**FILE, **fields}
        assert accepts(given)
        assert reads(given)


@settings(max_examples=100)
@given(fields=files, data=st.data())
def test_the_schema_accepts_exactly_what_is_read(fields, data) -> None:
    given: dict[str, Any] = {"name": "r", "pool": "p", **fields}
    assert accepts(given)
    assert reads(given)
    junk = st.sampled_from(
        [None, True, -1, 0, 1, 2.0, 2.5, "auto", "x", "", [], [0], [1.0], ["x"], [None], {}, {"k": 2}]
    )
    name = data.draw(
        st.sampled_from(
            sorted(
                set(ExperimentFile.model_fields) - {"arms", "dialect", "selectors", "perturbations", "search"}
            )
        )
    )
    given[name] = data.draw(junk)
    assert accepts(given) == reads(given), given
