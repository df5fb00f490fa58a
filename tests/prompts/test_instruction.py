"""The instruction is the same bytes for every query."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_factories import make_pool

from shotsmith.prompts.instruction import DEFAULTS, instruction


def test_own_instruction_labels_and_format() -> None:
    pool = make_pool(instruction=" Name the animal.\n", answer_format="Lower case.")
    assert instruction(pool, ["dog", "café", 'say "x"']) == (
        'Name the animal.\nLabels: ["dog", "café", "say \\"x\\""]\nAnswer with exactly one of the labels.\nLower case.'
    )


@pytest.mark.parametrize("kind", DEFAULTS)
def test_every_kind_has_a_default_and_only_classification_shows_labels(kind: str) -> None:
    lines = instruction(make_pool(kind), ["a"]).splitlines()
    assert lines[0] == DEFAULTS[kind]
    assert (lines[1:] != []) == (kind == "classification")


def test_an_open_label_space_is_not_shown() -> None:
    assert instruction(make_pool()) == DEFAULTS["classification"]


@given(st.lists(st.text() | st.sampled_from(["a\nb", "a\u2028b", "\x85", "\r"]), unique=True, min_size=1))
def test_labels_stay_on_one_line_in_the_given_order(labels: list[str]) -> None:
    lines = instruction(make_pool(), labels).splitlines()
    assert len(lines) == 3
    assert json.loads(lines[1].removeprefix("Labels: ")) == labels
