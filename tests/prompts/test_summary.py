"""A prompt told in a few lines."""

from __future__ import annotations

import pytest
from prompt_factories import pets, stand_in

from shotsmith.domain.recipes import Recipe
from shotsmith.prompts.build import build
from shotsmith.prompts.summary import summarise


def test_turns_totals_and_what_was_left_out() -> None:
    prompt = build(pets(Recipe(budget={"max_images": 2})), labels=["dog", "cat"], picture=stand_in)
    assert summarise(prompt, width=60).splitlines() == [
        '  1  system     Name the animal. ⏎ Labels: ["dog", "cat"] ⏎…',
        "  2  user       Input: It purrs. ⏎   Answer: dog",
        "  3  assistant  cat",
        "  4  user       [image/png 8 x 6, 100 bytes]",
        "  5  assistant  dog",
        "  6  user       [image/png 8 x 6, 100 bytes]",
        "  6  user       Input: Who is this? ⏎   Look closely.",
        f"6 turns, 2 images (200 bytes), {prompt.manifest['counts']['text_characters']} characters, "
        f"sha256 {prompt.manifest['prompt_sha256'][:12]}",
        "dropped two (rank 1): max_images: needs 2 images, 1 left",
        "note: short: 3 of 8",
        "note: dropped: 1 of 3 demonstrations are not shown",
    ]


@pytest.mark.parametrize("width", [40, 57, 200])
def test_no_part_is_wider_than_asked(width: int) -> None:
    prompt = build(pets(), labels=["dog", "cat"], picture=stand_in)
    parts = sum(len(message.parts) for message in prompt.messages)
    assert max(map(len, summarise(prompt, width=width).splitlines()[:parts])) <= max(width, 44)
