"""What is sent to a vision-language model and what comes back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from .scoring import digest

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text in a message."""

    text: str


@dataclass(frozen=True)
class ImagePart:
    """An image in a message: the exact bytes the model receives."""

    data: bytes = field(repr=False)
    mime: str
    width: int
    height: int

    @cached_property
    def sha256(self) -> str:
        """Hash of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class AudioPart:
    """A clip of sound in a message: the exact bytes the model receives.

    Attributes:
        data: WAV or MP3.
        mime: "audio/wav" or "audio/mpeg".
        seconds: How long it plays.
    """

    data: bytes = field(repr=False)
    mime: str
    seconds: float

    @cached_property
    def sha256(self) -> str:
        """Hash of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


MediaPart = ImagePart | AudioPart
Part = TextPart | MediaPart


@dataclass(frozen=True, slots=True)
class Message:
    """One turn."""

    role: Role
    parts: tuple[Part, ...]


def canonical(messages: Iterable[Message]) -> list[Any]:
    """Messages as the plain JSON that is hashed: media stand by their type and the hash of their bytes."""
    return [[message.role, [_canonical(part) for part in message.parts]] for message in messages]


def _canonical(part: Part) -> list[str]:
    if isinstance(part, TextPart):
        return ["text", part.text]
    return ["image" if isinstance(part, ImagePart) else "audio", part.mime, part.sha256]


class Mark(NamedTuple):
    """A place in a prompt: just behind a part of a turn, both counted from 0."""

    turn: int
    part: int


MarkKind = Literal["none", "key", "cache_control", "breakpoint"]
"""How a provider wants to be told of a prefix worth keeping: not at all (it finds one itself, or keeps none), by a key
that routes equal prefixes to one machine, or by marks in Anthropic's or in OpenAI's spelling."""


@dataclass(frozen=True, slots=True)
class Request:
    """One canonical call. Equal requests have equal keys, and the ledger answers the second one for free.

    Attributes:
        model: "offline/knn-vote" or any name litellm knows, such as "openai/gpt-5-mini".
        messages: In order; roles alternate as the dialect lays them out.
        parameters: Sampling parameters passed on as they are (temperature, max_tokens, seed ...).
        api_base: Another endpoint than the provider's own; part of the identity of the model.
        revision: What else decides the answer, such as the encoder that an offline baseline compares with.
        marks: Where providers that want to be told should end a cached prefix; they decide no answer, only its price.
        mark_kind: How this one wants to be told; "none" sends nothing of the marks.
        mark_ttl: How long the prefix should be kept, where that can be chosen.
    """

    model: str
    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    api_base: str | None = None
    revision: str = ""
    marks: tuple[Mark, ...] = ()
    mark_kind: MarkKind = "none"
    mark_ttl: Literal["5m", "1h"] = "5m"

    @property
    def key(self) -> str:
        """sha256 of everything that decides the answer; images by the hash of their bytes."""
        identity = {
            "model": self.model,
            "api_base": self.api_base,
            "messages": canonical(self.messages),
            "parameters": dict(self.parameters),
        }
        return digest({**identity, "revision": self.revision} if self.revision else identity)

    @property
    def prefix_key(self) -> str | None:
        """sha256 of what stands before the last mark, alike for all requests that can share a cache entry.

        None where nothing is marked.
        """
        if not self.marks:
            return None
        turn, part = max(self.marks)
        last = self.messages[turn]
        before = (*self.messages[:turn], Message(last.role, last.parts[: part + 1]))
        return digest({"model": self.model, "api_base": self.api_base, "messages": canonical(before)})


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counts them; None where it does not say.

    Attributes:
        input_tokens: All of the prompt, cached or not.
        output_tokens: The answer, with whatever the model thought.
        cached_tokens: Those of the prompt that were read from a cache.
        cache_write_tokens: Those of the prompt that were written into one, where that has a price.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None

    @property
    def hit_rate(self) -> float | None:
        """Share of the prompt that was read from a cache; None where the provider does not say."""
        if self.cached_tokens is None or not self.input_tokens:
            return None
        return self.cached_tokens / self.input_tokens


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer.

    Attributes:
        text: What it said, with U+FFFD for what no store can hold: NUL, and half of a surrogate pair, as where a reply
            was cut in the middle of a character.
        model: The model that answered, as the provider names it.
        usage: Tokens.
        cost_usd: Price of the call when it was made; None for an unknown price.
        saved_usd: What the call would have cost more without the provider's cache; below 0 where writing into it cost
            more than was saved, None where price or cached tokens are unknown.
        latency_ms: Wall time of the call when it was made.
        finish_reason: Why it stopped.
        from_ledger: Whether an earlier equal call was reused, so that this one cost nothing.
        notes: What the caller should know, e.g. that this is an offline baseline or a dropped parameter.
        alternatives: How answers might begin, with their probabilities, most likely first; empty where the model does
            not tell.
    """

    text: str
    model: str
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    latency_ms: float = 0.0
    finish_reason: str = "stop"
    from_ledger: bool = False
    notes: tuple[str, ...] = ()
    alternatives: tuple[tuple[str, float], ...] = ()
    saved_usd: float | None = None

    def __post_init__(self) -> None:
        if _UNSTORABLE.search(self.text):
            object.__setattr__(self, "text", _UNSTORABLE.sub("\ufffd", self.text))
