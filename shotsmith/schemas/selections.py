"""Selections, prompts and answers."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any, BinaryIO, Literal, Self

from pydantic import ConfigDict, Field
from pydantic_core import to_json

from ..domain.messages import ImagePart, Message, Part, Reply, TextPart
from ..domain.openai_messages import content_part
from ..domain.parsed import Parsed
from ..domain.recipes import Frozen, Recipe, RecipeField
from ..domain.selections import Demonstration, Prompt, RemovalReason, Selection
from .examples import MediaOut
from .images import EXAMPLE


class QueryIn(Frozen):
    """What to answer. With `id` alone, that example of the pool is asked as a query."""

    images: tuple[str, ...] = Field((), description="Data URLs or plain base64.")
    media: tuple[str, ...] = Field((), description="Sounds, videos and images that follow, in the same form.")
    text: str = ""
    id: str | None = Field(
        None, description="An example of the pool that this is; it is never shown to itself."
    )
    group: str | None = Field(None, description="Its group, kept out of the demonstrations in evaluation.")
    metadata: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="What is known of it beside content, for the stage `matched`."
    )

    @property
    def stored(self) -> bool:
        """Whether the content is that of a stored example."""
        return self.id is not None and not self.images and not self.media and not self.text


class SelectionIn(Frozen):
    """Choose demonstrations."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "pool": "parts",
                    "query": {"images": [EXAMPLE]},
                    "recipe": {"selector": "rices", "k": 8, "order": "similar_last"},
                }
            ]
        }
    )

    pool: str
    query: QueryIn
    recipe: RecipeField = Field(default_factory=Recipe, description="An object, or its text form.")


class PromptIn(SelectionIn):
    """Choose demonstrations and build the prompt."""

    model: str | None = Field(
        None,
        description='Whose limits are kept, for example "openai/gpt-5-mini"; by default the configured one.',
    )


class AnswerIn(PromptIn):
    """Choose demonstrations, build the prompt and ask a model."""

    parameters: dict[str, Any] = Field(default_factory=dict, description="Sampling parameters, passed on.")


class DemonstrationOut(Frozen):
    """A chosen example and why."""

    id: str
    label: str | None
    answer: str
    text: str
    rank: int = Field(description="1 is the most useful one.")
    position: int = Field(description="1 is shown first.")
    score: float | None
    scores: dict[str, float] = Field(description="Similarity by modality; a missing modality is absent.")
    reason: str
    stage: str = Field(description='Which part of the recipe admitted it, e.g. "rices > mmr".')
    fixed: bool = Field(description="Whether it belongs to a part that is the same for every query.")
    bare: bool = Field(description="Whether it is shown without its images.")
    media: tuple[MediaOut, ...]

    @classmethod
    def of(cls, shot: Demonstration) -> Self:
        """From the domain."""
        example = shot.example
        return cls(
            id=example.id,
            label=example.label,
            answer=example.answer,
            text=example.text,
            rank=shot.rank,
            position=shot.position,
            score=shot.score,
            scores=dict(sorted(shot.scores.items())),
            reason=shot.reason,
            stage=shot.stage,
            fixed=shot.fixed,
            bare=shot.bare,
            media=tuple(MediaOut.of(part) for part in example.media),
        )


class RemovalOut(Frozen):
    """An example that the leak guard kept out."""

    id: str
    reason: RemovalReason
    detail: str = Field(description="By what it was recognised.")


class SelectionOut(Frozen):
    """Demonstrations for one query, in prompt order."""

    pool: str
    pool_version: str
    encoder_id: str
    query: str = Field(description="Content key of the query.")
    recipe: Recipe
    recipe_text: str = Field(description="The recipe in its text form.")
    demonstrations: tuple[DemonstrationOut, ...]
    eligible: int = Field(description="How many examples could have been chosen.")
    short: bool = Field(description="Whether there are fewer demonstrations than asked for.")
    removed: tuple[RemovalOut, ...]
    flags: tuple[str, ...]

    @classmethod
    def of(cls, selection: Selection) -> Self:
        """From the domain."""
        return cls(
            pool=selection.pool.name,
            pool_version=selection.pool.version,
            encoder_id=selection.pool.encoder_id,
            query=selection.query.key,
            recipe=selection.recipe,
            recipe_text=selection.recipe.text,
            demonstrations=tuple(DemonstrationOut.of(shot) for shot in selection.demonstrations),
            eligible=selection.eligible,
            short=selection.short,
            removed=tuple(
                RemovalOut(id=removal.id, reason=removal.reason, detail=removal.detail)
                for removal in selection.removed
            ),
            flags=selection.flags,
        )


class PromptOut(Frozen):
    """The messages in the OpenAI shape, and the manifest that explains them."""

    messages: tuple[dict[str, Any], ...]
    manifest: dict[str, Any]

    @classmethod
    def of(cls, prompt: Prompt) -> Self:
        """From the domain."""
        return cls(
            messages=tuple(openai_message(message) for message in prompt.messages),
            manifest=dict(prompt.manifest),
        )


def prompt_json(prompt: Prompt) -> bytes:
    """What `PromptOut.of(prompt).model_dump_json()` gives, without ever holding the media as text a second time."""
    out = io.BytesIO()
    out.write(b'{"messages":')
    write_messages(prompt.messages, out)
    out.write(b',"manifest":')
    out.write(to_json(prompt.manifest, inf_nan_mode="null"))
    out.write(b"}")
    return out.getvalue()


class UsageOut(Frozen):
    """Tokens as the provider counts them."""

    input_tokens: int | None = Field(description="All of the prompt, cached or not.")
    output_tokens: int | None
    cached_tokens: int | None = Field(description="Those of the prompt that were read from a cache.")
    cache_write_tokens: int | None = Field(
        None, description="Those of the prompt that were written into a cache, where that has a price."
    )
    hit_rate: float | None = Field(
        None,
        description="Share of the prompt that was read from a cache; null when the provider does not say.",
    )
    saved_usd: float | None = Field(
        None,
        description="What this call would have cost more without the provider's cache; below 0 where writing into "
        "it cost more than was saved, 0 when the ledger answered, null when unknown.",
    )


class ConfidenceOut(Frozen):
    """How sure a model is."""

    value: float = Field(description="From 0 to 1.")
    source: Literal["log probabilities", "verbalised"] = Field(description="How that is known.")


class StepOut(Frozen):
    """A rule by which the reply was read."""

    rule: str
    outcome: str


class AnswerOut(Frozen):
    """A model's answer and what led to it."""

    answer: str | None = Field(
        description="Read from the text; null when it could not be read, which counts as wrong."
    )
    parsed: str = Field(description="How it was read.")
    steps: tuple[StepOut, ...] = Field(description="The rules that were tried, in order.")
    confidence: ConfidenceOut | None = Field(description="How sure the model is, where that is known.")
    text: str
    model: str
    usage: UsageOut
    cost_usd: float | None = Field(
        description="What this call cost; 0 when the ledger answered, null when unknown."
    )
    latency_ms: float
    finish_reason: str
    from_ledger: bool
    notes: tuple[str, ...]
    selection: SelectionOut
    manifest: dict[str, Any]

    @classmethod
    def of(cls, reply: Reply, parsed: Parsed, selection: Selection, prompt: Prompt) -> Self:
        """From the domain."""
        return cls(
            answer=parsed.answer,
            parsed=parsed.how,
            steps=tuple(StepOut(rule=step.rule, outcome=step.outcome) for step in parsed.steps),
            confidence=None
            if parsed.confidence is None
            else ConfidenceOut(value=parsed.confidence.value, source=parsed.confidence.source),
            text=reply.text,
            model=reply.model,
            usage=UsageOut(
                input_tokens=reply.usage.input_tokens,
                output_tokens=reply.usage.output_tokens,
                cached_tokens=reply.usage.cached_tokens,
                cache_write_tokens=reply.usage.cache_write_tokens,
                hit_rate=reply.usage.hit_rate,
                saved_usd=0.0 if reply.from_ledger else reply.saved_usd,
            ),
            cost_usd=0.0 if reply.from_ledger else reply.cost_usd,
            latency_ms=reply.latency_ms,
            finish_reason=reply.finish_reason,
            from_ledger=reply.from_ledger,
            notes=reply.notes,
            selection=SelectionOut.of(selection),
            manifest=dict(prompt.manifest),
        )


def write_messages(messages: Sequence[Message], out: BinaryIO) -> None:
    """The JSON array of `openai_message` for each; base64 needs no escapes, so it is written as it is."""
    for number, message in enumerate(messages):
        out.write(b"," if number else b"[")
        out.write(b'{"role":"%s","content":' % message.role.encode())
        if len(message.parts) == 1 and isinstance(message.parts[0], TextPart):
            out.write(to_json(message.parts[0].text))
        else:
            for place, part in enumerate(message.parts):
                out.write(b"," if place else b"[")
                _write_part(part, out)
            out.write(b"]" if message.parts else b"[]")
        out.write(b"}")
    out.write(b"]" if messages else b"[]")


def _write_part(part: Part, out: BinaryIO) -> None:
    if not isinstance(part, ImagePart):
        out.write(to_json(content_part(part)))
        return
    out.write(b'{"type":"image_url","image_url":{"url":"data:%s;base64,' % part.mime.encode())
    out.write(base64.b64encode(part.data))
    out.write(b'"}}')


def openai_message(message: Message) -> dict[str, Any]:
    """A message as chat completion APIs take it."""
    content = [content_part(part) for part in message.parts]
    if len(content) == 1 and content[0]["type"] == "text":
        return {"role": message.role, "content": content[0]["text"]}
    return {"role": message.role, "content": content}
