import json
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from selector_pools import ALL, CASES, chain

from shotsmith import registry
from shotsmith.domain.errors import InvalidInput, InvalidParameter, UnknownName
from shotsmith.domain.recipes import ALIASES, OrderName, SelectorSpec, stages_of
from shotsmith.domain.sources import CandidateSource, Selector
from shotsmith.selectors import ArraySource, SelectorBase, StageBase, build, describe
from shotsmith.selectors.catalogue import load

NAMES = registry.names("selectors")


def one(name: str, params: dict[str, Any]) -> Any:
    return build((SelectorSpec(name=name, params=params),))


def test_no_name_means_something_else_in_the_text_form() -> None:
    assert not set(NAMES) & {"where", "with", *get_args(OrderName), *ALIASES}


@pytest.mark.parametrize("text", ALL)
def test_every_selector_builds_is_frozen_and_survives_its_text(text: str) -> None:
    built = chain(text)
    assert isinstance(built, Selector)
    assert isinstance(built.step, SelectorBase | StageBase)
    for parameter in type(built.step).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(built.step, parameter, None)
    assert chain(built.text) == built
    dumped = json.loads(json.dumps(built.step.model_dump(mode="json")))
    assert type(built.step).model_validate(dumped) == built.step


@pytest.mark.parametrize("name", NAMES)
def test_every_selector_has_a_card_and_its_parameters_are_described(name: str) -> None:
    kind = load(name)
    assert kind.card is not None
    assert all(kind.card)
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")
    assert all(field.description for field in kind.model_fields.values())


def test_sources_keep_the_protocol() -> None:
    assert isinstance(ArraySource({"a": {}}), CandidateSource)


def test_a_stage_alone_starts_from_its_own_selector() -> None:
    assert chain("mmr") == chain("rices|mmr")
    assert chain("text_only") == chain("random|text_only")


def test_a_selector_cannot_stand_where_only_a_stage_can() -> None:
    with pytest.raises(
        InvalidParameter, match=r"bm25 is a selector and can only come first.*come stages: adaptive"
    ):
        chain("rices|bm25")


def test_an_unknown_selector_is_named_with_its_neighbour() -> None:
    with pytest.raises(UnknownName, match=r"got rises.*Did you mean 'rices'"):
        chain("rises")


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        (
            "rices",
            {"modalitie": "text"},
            "rices.modalitie: no such parameter (got text). Did you mean 'modality'? "
            'Parameters of rices: modality ("image" | "text" | "joint")',
        ),
        (
            "rices",
            {"modality": "smell"},
            "rices.modality: input should be 'image', 'text' or 'joint' (got smell). "
            'Parameters of rices: modality ("image" | "text" | "joint")',
        ),
        (
            "none",
            {"k": 3},
            "none.k: no such parameter (got 3). The number of demonstrations is the recipe's: k=, -k, or in its text. "
            "Parameters of none: none",
        ),
        (
            "balanced",
            {"inner": "rices"},
            "balanced.inner: no such parameter (got rices). Parameters of balanced: none",
        ),
        (
            "neighbours",
            {},
            "neighbours.name: field required. Parameters of neighbours: name (str), rest (selector)",
        ),
    ],
)
def test_a_bad_parameter_is_one_clear_sentence(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        one(name, params)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "params", "field"),
    [
        ("fused", {"weights": {"smell": 1}}, "fused.weights.smell"),
        ("fused", {"weights": {"image": "much"}}, "fused.weights.image"),
        ("fused", {"weights": {"image": 0}}, "fused.weights"),
        ("modality", {"probe": {"image": {"impact": 1}}}, "modality.probe.image.lower"),
        ("fused", {"depth": 0}, "fused.depth"),
        ("hybrid", {"cached": "rices"}, "hybrid.cached"),
        ("mix", {"shares": [1, 2]}, "mix"),
        ("adaptive", {"k_min": 5, "k_max": 2}, "adaptive"),
        ("matched", {"by": []}, "matched.by"),
    ],
)
def test_nested_parameters_are_named_by_their_path(name: str, params: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        one(name, params)
    assert caught.value.field == field
    assert str(caught.value.mend).startswith(f"Parameters of {name}")


@pytest.mark.parametrize(
    ("text", "kind", "match"),
    [
        ("hybrid(similar=randon)", UnknownName, "Did you mean 'random'"),
        ("hybrid(similar=rices(modality=smell))", InvalidParameter, "rices.modality"),
        ("mix(parts=[rices,rices|bm25])", InvalidParameter, "can only come first"),
        ('hybrid(similar="rices(")', InvalidParameter, "expected NAME=VALUE"),
        ("hybrid(similar=3)", InvalidParameter, "selector"),
    ],
)
def test_a_selector_within_a_selector_is_checked_when_the_outer_one_is_built(
    text: str, kind: type[Exception], match: str
) -> None:
    with pytest.raises(kind, match=match):
        chain(text)


def test_selectors_within_selectors_are_spelled_alike_however_they_are_written() -> None:
    written = {"name": "rices", "params": {"modality": "text"}}
    texts = ["hybrid(similar=rices(modality=text))", {"name": "hybrid", "params": {"similar": written}}]
    listed = {"name": "mix", "params": {"parts": [written, {"name": "random", "params": {}}]}}
    assert stages_of(texts[0]) == stages_of(texts[1])  # type: ignore[arg-type]
    assert stages_of(listed) == stages_of("mix(parts=[rices(modality=text),random_per_query])")  # type: ignore[arg-type]


def test_a_plugin_that_is_no_selector_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load", lambda kind, name, also: dict)
    with pytest.raises(InvalidInput, match="SelectorBase"):
        one("mine", {})


def test_descriptions_are_complete_and_json_serialisable() -> None:
    described = {entry.name: entry for entry in describe()}
    assert list(described) == NAMES
    for entry in described.values():
        json.dumps([parameter.default for parameter in entry.parameters])
    (modality,) = described["rices"].parameters
    assert (modality.name, modality.choices, modality.default) == (
        "modality",
        ("image", "text", "joint"),
        "image",
    )
    assert {parameter.name: parameter.default for parameter in described["hybrid"].parameters} == {
        "cached": "random_fixed",
        "similar": "rices",
        "prefix": 4,
    }
    assert described["mix"].parameters[0].type == "[selector, ...]"
    assert [name for name, entry in described.items() if entry.stage] == [
        name for name in NAMES if issubclass(load(name), StageBase)
    ]


def test_a_parameter_without_default_is_described_and_required(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(SelectorBase):
        """Mine."""

        depth: int

    monkeypatch.setattr(registry, "load", lambda kind, name, also: Mine)
    monkeypatch.setattr(registry, "names", lambda kind: ["mine"])
    (parameter,) = describe()[0].parameters
    assert (parameter.required, parameter.default, parameter.type) == (True, None, "int")
    with pytest.raises(InvalidParameter, match=r"mine.depth: field required.*depth \(int\)"):
        one("mine", {})


def test_every_case_names_what_it_tests() -> None:
    assert all(texts for texts in CASES.values())


def test_an_order_in_a_selectors_place_is_told_from_a_misspelt_name() -> None:
    with pytest.raises(UnknownName, match="similar_last is an order"):
        chain("rices|similar_last")
