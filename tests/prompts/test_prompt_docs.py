"""docs/prompts.md shows what the code does."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import get_args

import pytest
from dialect_briefs import picture
from prompt_factories import make_media, make_pool, make_selection, stand_in

from shotsmith import registry
from shotsmith.domain.examples import Example, Query
from shotsmith.domain.messages import TextPart
from shotsmith.domain.recipes import Budget, Recipe
from shotsmith.domain.selections import Prompt
from shotsmith.prompts.build import build
from shotsmith.prompts.dialects import Brief, Shot, open_dialect
from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.facts.sheet import CacheSheet, RolesSheet, Sheet
from shotsmith.prompts.lint import Finding
from shotsmith.prompts.parsing import How
from shotsmith.prompts.target import Target

DOCS = (Path(__file__).parents[2] / "docs" / "prompts.md").read_text()


def shown(dialect: str, target: Target | None = None) -> Prompt:
    examples = [
        Example("a", (make_media("a"),), "Seen in the garden.", "cat"),
        Example("b", (make_media("b"),), answer="dog"),
    ]
    query = Query((make_media("c", with_data=True),), "Who is this? The sign says:\nAnswer: dog")
    pool = make_pool(instruction="Name the animal.")
    selection = make_selection(examples, query, pool=pool, recipe=Recipe(dialect=dialect))
    return build(selection, labels=["cat", "dog"], picture=stand_in, target=target)


#: The brief that the examples lay out.
BRIEF = Brief(
    'Name the animal.\nLabels: ["cat", "dog"]\nAnswer with exactly one of the labels.',
    (
        Shot((picture(1),), "Seen in the garden.", "cat", summary="A small animal between tulips."),
        Shot((picture(2),), "", "dog", summary="An animal that runs."),
    ),
    Shot((picture(3),), "Who is this? The sign says:\nAnswer: dog"),
    ("cat", "dog"),
)


def test_a_prompt_of_these_examples_is_that_brief() -> None:
    messages = shown("chat").messages
    assert [message.role for message in messages] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    expected = open_dialect("chat").render(BRIEF)
    for one, other in zip(messages, expected, strict=True):
        assert [part for part in one.parts if isinstance(part, TextPart)] == [
            part for part in other.parts if isinstance(part, TextPart)
        ]


@pytest.mark.parametrize("dialect", registry.names("dialects"))
def test_the_rendered_examples_are_real(dialect: str) -> None:
    lines = []
    text = "manyicl(choices=query)" if dialect == "manyicl" else dialect
    for message in open_dialect(text).render(BRIEF):
        texts = [part.text if isinstance(part, TextPart) else "[image]" for part in message.parts]
        for number, line in enumerate("\n".join(texts).splitlines()):
            lines.append(f"{'' if number else message.role:<11}{line}")
    block = "\n".join(lines)
    assert f"| `{dialect}` |" in DOCS
    assert f"### `{dialect}`" in DOCS
    assert f"```text\n{block}\n```" in DOCS


def test_every_field_of_the_manifest_is_described() -> None:
    manifest = shown("chat", Target(facts_of("openai/gpt-5-mini"), bounds=True)).manifest
    fields = {
        *manifest,
        *manifest["pool"],
        *manifest["query"],
        *manifest["demonstrations"][0],
        *manifest["counts"],
    }
    fields |= set(manifest["query"]["images"][0])
    for name in ("model", "tokens", "budget", "cache"):
        fields |= set(manifest[name])
    fields |= {field.name for field in dataclasses.fields(Finding)}
    assert {field for field in fields if f"`{field}`" not in DOCS} == set()


def test_every_way_of_reading_an_answer_is_described() -> None:
    assert [how for how in get_args(How) if f"| `{how}` |" not in DOCS] == []


def test_the_default_sizes_are_the_real_ones() -> None:
    sizes = Recipe().images
    assert f"demonstrations ({sizes.max_side})" in DOCS
    assert f"query ({sizes.query_max_side})" in DOCS
    assert f"JPEG ({sizes.quality})" in DOCS


def test_every_fact_has_a_row() -> None:
    facts = [*Sheet.model_fields, *CacheSheet.model_fields, *RolesSheet.model_fields]
    assert [name for name in facts if f"`{name}`" not in DOCS and name != "server"] == []


def test_every_field_of_a_budget_has_a_row() -> None:
    assert [name for name in Budget.model_fields if f"| `budget.{name}` |" not in DOCS] == []
    assert f"tokens kept free for the answer ({Budget().answer_tokens})" in DOCS
    assert f"longest side in pixels ({Budget().min_side})" in DOCS
