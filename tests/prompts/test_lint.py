"""What a model will reject is told before money is spent: every finding, and silence where nothing is wrong."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from shotsmith.domain.messages import AudioPart, ImagePart, Mark, Message, Role, TextPart
from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.lint import Finding, lint
from shotsmith.prompts.target import Target

MODEL = "openai/gpt-4o"


def picture(side: int = 10, size: int = 10, mime: str = "image/png") -> ImagePart:
    return ImagePart(b"." * size, mime, side, side)


def said(role: Role, *parts: Any) -> Message:
    return Message(role, tuple(TextPart(part) if isinstance(part, str) else part for part in parts))


def found(*messages: Message, prefix: Mark | None = None, model: str = MODEL, **facts: Any) -> list[Finding]:
    target = Target(replace(facts_of(model), **facts), bounds=True)
    return lint(messages, target, target.tokens(messages), prefix)


SOUND = AudioPart(b"." * 10, "audio/wav", 1.0)
ASKED = said("user", picture(), "What is it?")
ROLES = facts_of(MODEL).roles
FIXED = (said("system", "Name it."), said("user", "a"), said("assistant", "b"), ASKED)


def test_a_prompt_in_order_has_no_findings() -> None:
    assert found(*FIXED) == []
    assert found(*FIXED, prefix=Mark(0, 0)) == []


@pytest.mark.parametrize(
    ("level", "what", "messages", "facts"),
    [
        ("error", "the model takes no system turn", FIXED, {"roles": replace(ROLES, system=False)}),
        (
            "error",
            "the first turn is not the user's",
            [said("assistant", "Well?"), ASKED],
            {"roles": replace(ROLES, user_first=True)},
        ),
        ("error", "nothing is asked: the last turn is not the user's", FIXED[:3], {}),
        ("error", "nothing is asked: the last turn is not the user's", FIXED[:1], {}),
        (
            "error",
            "two turns of the same role follow each other",
            [ASKED, ASKED],
            {"roles": replace(ROLES, alternate=True)},
        ),
        ("error", "turn 1 is empty", [said("user", " \n"), said("assistant", "b"), ASKED], {}),
        ("error", "turn 1 is empty", [Message("user", ()), said("assistant", "b"), ASKED], {}),
        (
            "error",
            "turn 2 shows media and is the assistant's",
            [ASKED, said("assistant", picture()), ASKED],
            {},
        ),
        ("error", "the model takes one image a request", [ASKED, *FIXED[2:]], {"images_per_request": 1}),
        (
            "error",
            "the model takes no image",
            [ASKED, *FIXED[2:]],
            {"images_per_request": 0},
        ),
        ("error", "the model takes no image", [ASKED], {"images_per_request": 0}),
        (
            "error",
            "3 images, and the model takes 2 a request",
            [ASKED, said("assistant", "b"), said("user", picture(), picture())],
            {"images_per_request": 2},
        ),
        (
            "error",
            "an image of 3,000 pixels, and 2,999 are allowed with 1 images",
            [said("user", picture(3000))],
            {"image_side": 2999},
        ),
        (
            "error",
            "an image of 11 bytes, and 10 are allowed",
            [said("user", picture(size=11))],
            {"image_bytes": 10},
        ),
        ("error", "the model takes no image/bmp", [said("user", picture(mime="image/bmp"))], {}),
        ("error", "the model takes no sound", [said("user", SOUND)], {"audio_formats": ()}),
        ("error", "the model takes no audio/wav", [said("user", SOUND)], {"audio_formats": ("audio/mpeg",)}),
        (
            "warning",
            "a text holds base64 data, which the model reads as letters",
            [said("user", "data:image/png;base64,iVBORw0KGgo=")],
            {},
        ),
        (
            "warning",
            "a text holds base64 data, which the model reads as letters",
            [said("user", base64.b64encode(bytes(range(256)) * 4).decode())],
            {},
        ),
        (
            "error",
            "a request of 1,011 bytes",
            [said("user", picture(size=750), "x" * 11)],
            {"request_bytes": 1010},
        ),
        ("error", "about 1,", [said("user", "word " * 1000)], {"context_window": 900}),
        ("advice", "of the context window", [said("user", "word " * 1000)], {"context_window": 2000}),
    ],
)
def test_each_finding(level: str, what: str, messages: list[Message], facts: dict[str, Any]) -> None:
    (finding,) = found(*messages, **facts)
    assert finding.level == level
    assert what in finding.what
    assert finding.mend
    assert not finding.what.endswith(".")
    assert not finding.mend.endswith(".")


def test_more_images_may_have_to_be_smaller() -> None:
    several = [said("user", *[picture(2001)] * 21)]
    assert found(*several[:1], model="anthropic/claude-sonnet-4-5")[0].what == (
        "an image of 2,001 pixels, and 2,000 are allowed with 21 images"
    )
    assert found(said("user", *[picture(2001)] * 20), model="anthropic/claude-sonnet-4-5") == []


def test_a_fixed_part_below_what_the_provider_keeps_is_told_in_every_layout() -> None:
    turns, one = FIXED, [said("user", "Name it.", "a b", picture(), "What is it?")]
    for messages, prefix in ((turns, Mark(2, 0)), (one, Mark(0, 1))):
        (finding,) = found(*messages, prefix=prefix)
        assert finding.level == "advice"
        assert "the provider caches 1,024 or more" in finding.what
    cache = facts_of(MODEL).cache
    assert found(*turns, prefix=Mark(2, 0), cache=replace(cache, minimum=1)) == []
    assert found(*turns, prefix=Mark(2, 0), cache=replace(cache, kind="none")) == []


def test_errors_come_first_and_nothing_is_told_twice() -> None:
    messages = [
        said("user", "data:image/png;base64,iVBORw0KGgo="),
        said("user", "data:image/png;base64,iVBO="),
    ]
    told = found(*messages, said("assistant", "x"), warnings=("nobody knows",))
    assert [one.level for one in told] == ["error", "warning", "warning"]
    assert [one.what for one in told[1:]] == [
        "a text holds base64 data, which the model reads as letters",
        "nobody knows",
    ]


def test_long_texts_are_no_base64_data() -> None:
    assert found(said("user", "https://example.org/" + "a/b-c_d" * 300 + " " + "word " * 300)) == []
