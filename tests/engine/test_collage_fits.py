"""Contact images under a budget: what counts is what the demonstrations take together, not each alone."""

from __future__ import annotations

from typing import Any

import pytest
from drafts import draft
from pictures import encoded, picture

from shotsmith.domain.examples import ImageFile
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Prompt
from shotsmith.engine import Engine

SHEETS = "collage(columns=2,rows=2)"


def built(engine: Engine, budget: dict[str, Any], **fields: Any) -> Prompt:
    recipe = Recipe.read({"k": 20, "dialect": SHEETS, "budget": budget, **fields})
    query = engine.query([ImageFile("q.png", encoded(picture(500)))], "which?")
    return engine.prompt(engine.select("p", query, recipe), model="openai/gpt-4o")


def ranks(prompt: Prompt) -> list[int]:
    return sorted(shot["rank"] for shot in prompt.manifest["demonstrations"])


@pytest.mark.parametrize(("images", "shown"), [(1, 0), (2, 4), (4, 12), (6, 20)])
def test_as_many_are_shown_as_the_contact_images_hold(engine: Engine, images: int, shown: int) -> None:
    prompt = built(engine, {"max_images": images})
    assert ranks(prompt) == list(range(1, shown + 1))
    assert prompt.manifest["counts"]["images"] == images
    assert {one["reason"] for one in prompt.manifest["dropped"]} <= {"max_images: needs 1 image, 0 left"}


@pytest.mark.parametrize("bound", ["max_tokens", "max_image_bytes"])
def test_other_bounds_are_filled_and_kept(engine: Engine, bound: str) -> None:
    def taken(prompt: Prompt) -> int:
        tokens, counts = prompt.manifest["tokens"], prompt.manifest["counts"]
        return counts["image_bytes"] if bound == "max_image_bytes" else tokens["total"] + tokens["margin"]

    enough = taken(built(engine, {"max_images": 4}))
    assert ranks(built(engine, {bound: enough})) == list(range(1, 13))
    less = built(engine, {bound: enough - 1})
    assert ranks(less) == list(range(1, len(ranks(less)) + 1))
    assert 8 <= len(ranks(less)) < 12
    assert taken(less) < enough


def test_one_that_can_never_fit_does_not_stand_in_the_way_of_others(engine: Engine) -> None:
    album = tuple(ImageFile(f"{one}.png", encoded(picture(500 + one))) for one in range(1, 14))
    engine.add("p", [draft(500, 0, images=album)])
    recipe = {"selector": "all"}
    prompt = built(engine, {"max_images": 4}, **recipe)
    assert [one["id"] for one in prompt.manifest["dropped"]].count("e500") == 1
    assert len(ranks(prompt)) == 12
    fixed = built(engine, {"max_images": 4}, selector="hybrid(prefix=8)")
    shown = [shot["fixed"] for shot in fixed.manifest["demonstrations"]]
    assert shown == [True] * 8 + [False] * 4
