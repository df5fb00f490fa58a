"""Selectors that rank by similarity, compared with their definitions on random pools (invariant 5)."""

import pytest
from hypothesis import given, settings
from naive_compare import Case, agree, cases
from naive_parts import late_interaction
from naive_selectors import (
    bm25,
    dissimilar,
    every_nth,
    fused,
    label_space,
    mmices,
    modality,
    muier,
    random_fixed,
    random_per_query,
    rices,
)
from naive_world import SPACES, Shape

BOTH = {"image": {"impact": 0.3, "lower": 0.1}, "text": {"impact": 0.1, "lower": 0.02}}
TEXT = {"image": {"impact": 0.3, "lower": 0.0}, "text": {"impact": 0.1, "lower": 0.02}}
IMAGE = {"image": {"impact": 0.3, "lower": 0.1}, "text": {"impact": 0.1, "lower": -0.02}}
NONE = {"image": {"impact": 0.3, "lower": -0.1}, "text": {"impact": 0.1, "lower": 0.0}}


def probed(probe: dict[str, dict[str, float]]) -> str:
    sides = [f"{side}={{impact={one['impact']},lower={one['lower']}}}" for side, one in probe.items()]
    return f"modality(probe={{{','.join(sides)}}})"


SCORED = {
    **{f"rices(modality={space})": rices(space) for space in SPACES},
    "fused": fused(),
    "fused(depth=2)": fused(depth=2),
    "fused(weights={image=2,text=1,joint=0.5})": fused(2, 1, 0.5),
    "fused(weights={image=0,text=0,joint=3})": fused(0, 0, 3),
    "fused(weights={image=1,text=0,joint=1})": fused(1, 0, 1),
    "fused(method=rrf)": fused(method="rrf"),
    "fused(method=rrf,depth=3,weights={image=2,text=1,joint=0.5})": fused(2, 1, 0.5, "rrf", 3),
    "modality": modality(),
    **{probed(probe): modality(probe) for probe in (BOTH, TEXT, IMAGE, NONE)},
    "bm25": bm25(),
}
UNSCORED = {
    **{f"dissimilar(modality={space})": dissimilar(space) for space in SPACES},
    **{f"every_nth(modality={space},n=3)": every_nth(3, space) for space in SPACES},
    "every_nth": every_nth(),
    "random": random_per_query(),
    "random_fixed": random_fixed(),
    "mmices": mmices(),
    "mmices(depth=4)": mmices(depth=4),
    "mmices(variant=text_then_image)": mmices("text_then_image"),
    "mmices(variant=text_then_image,depth=1)": mmices("text_then_image", 1),
}
OF_PARTS = {
    "mmices(variant=image_then_cross)": mmices("image_then_cross"),
    "mmices(variant=image_then_cross,depth=3)": mmices("image_then_cross", 3),
}
SCORED_BY_PARTS = {
    "muier": muier(),
    "late_interaction": late_interaction(),
    "late_interaction(lean=false)": late_interaction(lean=False),
}
OF_LABELS = {
    "label_space": label_space(),
    "label_space(per_label=1,modality=text)": label_space(1, "text"),
    "label_space(per_label=3,modality=joint)": label_space(3, "joint"),
}


@pytest.mark.parametrize("text", SCORED)
@settings(max_examples=100)
@given(cases)
def test_choice_and_scores_are_those_of_the_definition(text: str, case: Case) -> None:
    agree(text, SCORED[text], case, scores=True)


@pytest.mark.parametrize("text", UNSCORED)
@settings(max_examples=100)
@given(cases)
def test_choice_is_that_of_the_definition(text: str, case: Case) -> None:
    agree(text, UNSCORED[text], case)


@pytest.mark.parametrize("text", OF_PARTS)
@settings(max_examples=100)
@given(cases)
def test_choice_by_parts_is_that_of_the_definition(text: str, case: Case) -> None:
    agree(text, OF_PARTS[text], case, Shape(parts=True))


@pytest.mark.parametrize("text", SCORED_BY_PARTS)
@settings(max_examples=100)
@given(cases)
def test_choice_and_scores_by_parts_are_those_of_the_definition(text: str, case: Case) -> None:
    agree(text, SCORED_BY_PARTS[text], case, Shape(parts=True), scores=True)


@pytest.mark.parametrize("text", OF_LABELS)
@settings(max_examples=100)
@given(cases)
def test_labels_give_their_nearest_where_each_example_has_one(text: str, case: Case) -> None:
    agree(text, OF_LABELS[text], case, Shape(labels="few"), labelled=True)


@pytest.mark.parametrize("text", OF_LABELS)
@settings(max_examples=300)
@given(cases)
def test_labels_give_their_nearest_where_examples_have_several(text: str, case: Case) -> None:
    agree(text, OF_LABELS[text], case, labelled=True)
