import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shotsmith import registry
from shotsmith.domain.errors import InvalidInput, InvalidParameter, UnknownName
from shotsmith.domain.protocols import CandidateSource, Selector
from shotsmith.domain.recipes import SelectorSpec
from shotsmith.selectors import ORDERS, ArraySource, SelectorBase, build, describe
from shotsmith.selectors.label_view import LabelView, PerLabel

NAMES = registry.names("selectors")
PAGE = Path(__file__).parents[2] / "docs" / "selectors.md"


def test_the_built_in_selectors_are_registered() -> None:
    assert set(NAMES) >= {"all", "balanced", "modality", "none", "random", "rices"}


@pytest.mark.parametrize("name", NAMES)
def test_every_selector_builds_is_frozen_and_survives_its_dump(name: str) -> None:
    selector = build(SelectorSpec(name=name))
    assert isinstance(selector, SelectorBase)
    assert isinstance(selector, Selector)
    for parameter in type(selector).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(selector, parameter, None)
    dumped = json.loads(json.dumps(selector.model_dump(mode="json")))
    assert build(SelectorSpec(name=name, params=dumped)) == selector


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("random", {"scope": "fixed"}),
        ("rices", {"modality": "joint"}),
        ("modality", {"weights": {"image": 1, "joint": 0.5}, "pool_depth": 50}),
        ("modality", {"probe": {"image": {"impact": 1, "lower": 0}, "text": {"impact": 2, "lower": 1}}}),
        ("balanced", {"inner": {"name": "random", "params": {"scope": "fixed"}}}),
    ],
)
def test_parameters_survive_the_dump(name: str, params: dict[str, Any]) -> None:
    selector = build(SelectorSpec(name=name, params=params))
    dumped = json.loads(selector.model_dump_json())
    assert build(SelectorSpec(name=name, params=dumped)) == selector != build(SelectorSpec(name=name))


def test_sources_keep_the_protocol() -> None:
    source = ArraySource({"a": {}})
    assert isinstance(source, CandidateSource)
    assert isinstance(LabelView(PerLabel(source, ()), "x"), CandidateSource)


def test_an_unknown_selector_is_named_with_its_neighbour() -> None:
    with pytest.raises(UnknownName, match=r"got rises.*Did you mean 'rices'"):
        build(SelectorSpec(name="rises"))


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        (
            "random",
            {"scop": "fixed"},
            "random.scop: no such parameter (got fixed). Did you mean 'scope'? "
            'Parameters of random: scope ("query" | "fixed")',
        ),
        (
            "random",
            {"scope": "both"},
            "random.scope: input should be 'query' or 'fixed' (got both). "
            'Parameters of random: scope ("query" | "fixed")',
        ),
        ("none", {"k": 3}, "none.k: no such parameter (got 3). Parameters of none: none"),
        (
            "balanced",
            {"inner": {"name": "rices", "params": {"modality": "smell"}}},
            "rices.modality: input should be 'image', 'text' or 'joint' (got smell). "
            'Parameters of rices: modality ("image" | "text" | "joint")',
        ),
        (
            "balanced",
            {"inner": "balanced"},
            "balanced.inner: balanced cannot wrap itself (got balanced). Parameters of balanced: inner (selector)",
        ),
    ],
)
def test_a_bad_parameter_is_one_clear_sentence(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        build(SelectorSpec(name=name, params=params))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"weights": {"smell": 1}}, "modality.weights.smell"),
        ({"weights": {"image": "much"}}, "modality.weights.image"),
        ({"weights": {"image": 0}}, "modality.weights"),
        ({"probe": {"image": {"impact": 1}}}, "modality.probe.image.lower"),
        ({"pool_depth": 0}, "modality.pool_depth"),
        (
            {"weights": {"image": 1}, "probe": {m: {"impact": 1, "lower": 0} for m in ("image", "text")}},
            "modality",
        ),
    ],
)
def test_nested_parameters_are_named_by_their_path(params: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidParameter, match=r"weights .*probe .*pool_depth") as caught:
        build(SelectorSpec(name="modality", params=params))
    assert caught.value.field == field
    assert str(caught.value.mend).startswith("Parameters of modality")


def test_an_unknown_inner_selector_is_refused_when_the_outer_one_is_built() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'random'"):
        build(SelectorSpec(name="balanced", params={"inner": "randon"}))


def test_a_plugin_that_is_no_selector_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load", lambda kind, name: dict)
    with pytest.raises(InvalidInput, match="SelectorBase"):
        build(SelectorSpec(name="mine"))


def test_descriptions_are_complete_and_json_serialisable() -> None:
    described = describe()
    assert [entry.name for entry in described] == NAMES
    for entry in described:
        assert entry.summary.endswith(".")
        for parameter in entry.parameters:
            assert parameter.description
            json.dumps(parameter.default)
    (scope,) = next(entry for entry in described if entry.name == "random").parameters
    assert (scope.name, scope.choices, scope.default) == ("scope", ("query", "fixed"), "query")


def test_a_parameter_without_default_is_described_and_required(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(SelectorBase):
        """Mine."""

        depth: int

    monkeypatch.setattr(registry, "load", lambda kind, name: Mine)
    monkeypatch.setattr(registry, "names", lambda kind: ["mine"])
    (parameter,) = describe()[0].parameters
    assert (parameter.required, parameter.default, parameter.type) == (True, None, "int")
    with pytest.raises(InvalidParameter, match=r"mine.depth: field required.*depth \(int\)"):
        build(SelectorSpec(name="mine"))


def table() -> str:
    """The table of the documentation page, from the descriptions."""
    lines = ["| selector | what it does | parameter | type | default |", "| --- | --- | --- | --- | --- |"]
    for entry in describe():
        rows = [
            (f"`{known.name}`", f"`{known.type}`".replace("|", "\\|"), f"`{json.dumps(known.default)}`")
            for known in entry.parameters
        ] or [("–", "", "")]
        for number, row in enumerate(rows):
            head = (f"`{entry.name}`", entry.summary) if number == 0 else ("", "")
            lines.append("| " + " | ".join((*head, *row)) + " |")
    return "\n".join(lines)


def test_the_page_shows_the_parameters_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = page.partition("<!-- generated -->\n")[2].partition("\n<!-- /generated -->")[0]
    assert shown == table()


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_a_section_for_each_selector(name: str) -> None:
    assert f"\n### {name}\n" in PAGE.read_text(encoding="utf-8")


def test_the_page_has_a_row_for_each_order() -> None:
    rows = PAGE.read_text(encoding="utf-8").partition("\n## Orders\n")[2].splitlines()
    assert [row.split("`")[1] for row in rows if row.startswith("| `")] == list(ORDERS)


def test_the_example_on_the_page_runs() -> None:
    code = PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    assert "EveryNth" in code
    exec(compile(code, str(PAGE), "exec"), {"__name__": "page"})
