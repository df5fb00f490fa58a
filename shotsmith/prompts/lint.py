"""What a model will reject or ignore, told before money is spent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ..domain.messages import AudioPart, ImagePart, Mark, Message, TextPart
from .facts import ModelFacts
from .prefix import cut
from .target import Target
from .tokens import Tokens

Level = Literal["error", "warning", "advice"]
#: Where a prefix ends that no fixed demonstration is part of.
_INSTRUCTION = Mark(0, 0)
_DATA = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,|[A-Za-z0-9+/]{1000,}={0,2}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that should be known about a prompt.

    Attributes:
        level: "error": the provider will refuse it; "warning": it will not be taken as it is meant; "advice": it works
            and could be better.
        what: What was found, one sentence without a full stop.
        mend: What can be done.
    """

    level: Level
    what: str
    mend: str


def lint(
    messages: Sequence[Message], target: Target, tokens: Tokens, prefix: Mark | None = None
) -> list[Finding]:
    """What the model will reject, as far as the facts about it tell; errors first.

    Args:
        messages: The prompt.
        target: The model.
        tokens: Of the messages, as the target counts them.
        prefix: Where that ends which is the same for every query.
    """
    facts = target.facts
    found = [
        *_turns(messages, facts),
        *_images(messages, facts),
        *_sounds(messages, facts),
        *_texts(messages),
        *_whole(messages, target, tokens.total, prefix),
        *(Finding("warning", warning, "Check the prompt yourself") for warning in facts.warnings),
    ]
    levels = ["error", "warning", "advice"]
    return sorted(dict.fromkeys(found), key=lambda one: levels.index(one.level))


def _turns(messages: Sequence[Message], facts: ModelFacts) -> Iterator[Finding]:
    if not facts.roles.system and any(message.role == "system" for message in messages):
        yield Finding(
            "error", "the model takes no system turn", "Use a dialect that puts the instruction elsewhere"
        )
    turns = [message for message in messages if message.role != "system"]
    if facts.roles.user_first and turns and turns[0].role != "user":
        yield Finding("error", "the first turn is not the user's", "Begin with a user turn")
    if not turns or turns[-1].role != "user":
        yield Finding("error", "nothing is asked: the last turn is not the user's", "End with a user turn")
    if facts.roles.alternate and any(one.role == next.role for one, next in pairwise(turns)):
        yield Finding("error", "two turns of the same role follow each other", "Put them into one turn")
    for number, message in enumerate(messages, start=1):
        if not any(not isinstance(part, TextPart) or part.text.strip() for part in message.parts):
            yield Finding("error", f"turn {number} is empty", "Give the demonstration an image or a text")
        if message.role != "user" and any(not isinstance(part, TextPart) for part in message.parts):
            yield Finding(
                "error", f"turn {number} shows media and is the {message.role}'s", "Show them in a user turn"
            )


def _images(messages: Sequence[Message], facts: ModelFacts) -> Iterator[Finding]:
    images = [part for message in messages for part in message.parts if isinstance(part, ImagePart)]
    if images and not facts.images_per_request:
        yield Finding(
            "error",
            "the model takes no image",
            "Name a model that sees, or use dialect=text(everything=true)",
        )
    elif len(images) > 1 and not facts.several_images:
        yield Finding(
            "error",
            "the model takes one image a request",
            "Use dialect=collage, dialect=text or selector=none",
        )
    elif len(images) > facts.images_per_request:
        yield Finding(
            "error",
            f"{len(images):,} images, and the model takes {facts.images_per_request:,} a request",
            "Set budget.max_images, or use dialect=collage",
        )
    side = facts.side(len(images))
    longest = max((max(image.width, image.height) for image in images), default=0)
    if longest > side:
        yield Finding(
            "error",
            f"an image of {longest:,} pixels, and {side:,} are allowed with {len(images):,} images",
            "Lower images.max_side and images.query_max_side",
        )
    heaviest = max((len(image.data) for image in images), default=0)
    if heaviest > facts.image_bytes:
        yield Finding(
            "error",
            f"an image of {heaviest:,} bytes, and {facts.image_bytes:,} are allowed",
            "Lower images.max_side or images.quality",
        )
    for mime in sorted({image.mime for image in images} - set(facts.image_formats)):
        yield Finding("error", f"the model takes no {mime}", "Convert the images")


def _sounds(messages: Sequence[Message], facts: ModelFacts) -> Iterator[Finding]:
    heard = {part.mime for message in messages for part in message.parts if isinstance(part, AudioPart)}
    for mime in sorted(heard - set(facts.audio_formats)):
        yield Finding(
            "error",
            "the model takes no sound" if not facts.audio_formats else f"the model takes no {mime}",
            "Name a model that hears, or leave the clips out",
        )


def _texts(messages: Sequence[Message]) -> Iterator[Finding]:
    for message in messages:
        for part in message.parts:
            if isinstance(part, TextPart) and len(part.text) >= 20 and _DATA.search(part.text):
                yield Finding(
                    "warning",
                    "a text holds base64 data, which the model reads as letters",
                    "Store it as an image of the example",
                )


def _whole(
    messages: Sequence[Message], target: Target, tokens: int, prefix: Mark | None
) -> Iterator[Finding]:
    facts = target.facts
    parts = [part for message in messages for part in message.parts]
    size = sum(
        len(part.text.encode()) if isinstance(part, TextPart) else (len(part.data) + 2) // 3 * 4
        for part in parts
    )
    if size > facts.request_bytes:
        yield Finding(
            "error",
            f"a request of {size:,} bytes, and {facts.request_bytes:,} are allowed",
            "Set budget.max_image_bytes or lower images.max_side",
        )
    if tokens > facts.context_window:
        yield Finding(
            "error",
            f"about {tokens:,} tokens, and the context window has {facts.context_window:,}",
            "Set budget.max_tokens, or show fewer demonstrations",
        )
    elif tokens > facts.usable_share * facts.context_window:
        yield Finding(
            "advice",
            f"about {tokens:,} tokens are {tokens / facts.context_window:.0%} of the context window; beyond "
            f"{facts.usable_share:.0%} more demonstrations were found to hurt",
            "Measure whether fewer are as good",
        )
    if prefix is not None and facts.cache.kind != "none":
        kept = target.tokens(cut(messages, prefix)).total
        if prefix > _INSTRUCTION and kept < facts.cache.minimum:
            yield Finding(
                "advice",
                f"the fixed part has about {kept:,} tokens, and the provider caches {facts.cache.minimum:,} or more",
                "Fix more demonstrations, or none",
            )
