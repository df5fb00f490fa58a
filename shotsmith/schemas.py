"""The shapes that the REST API, the SDK and the CLI share: validated on the way in, stable JSON on the way out."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .domain.errors import InvalidInput
from .domain.examples import Draft, Example, ImageFile, Pool, PoolKind
from .domain.media import Media
from .domain.messages import ImagePart, Message, Reply
from .domain.recipes import Frozen, Recipe
from .domain.selections import Demonstration, Prompt, RemovalReason, Selection

Metadata = dict[str, str | int | float | bool]
OnConflict = Literal["error", "skip", "replace"]

_PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGM4"
    "EaABAAMkAUEdGZ/EAAAAAElFTkSuQmCC"
)


class PoolIn(Frozen):
    """A new pool."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "parts",
                    "kind": "classification",
                    "instruction": "Is the part sound?",
                    "labels": ["ok", "crack"],
                }
            ]
        }
    )

    name: str = Field(description="Letters, digits, dots, dashes and underscores.")
    kind: PoolKind = Field("classification", description="The task family.")
    instruction: str = Field("", description="What the model is asked to do.")
    labels: tuple[str, ...] = Field((), description="A closed label space; empty means open.")
    answer_format: str = Field("", description="How an answer should look.")
    encoder: str | None = Field(
        None, description='For example "embedded" or "clip"; by default the configured one.'
    )


class PoolOut(Frozen):
    """A pool."""

    name: str
    kind: PoolKind
    instruction: str
    labels: tuple[str, ...]
    answer_format: str
    encoder: str
    encoder_id: str
    version: str = Field(description="Changes whenever an example does; independent of the order of arrival.")
    size: int
    created_at: datetime

    @classmethod
    def of(cls, pool: Pool) -> Self:
        """From the domain."""
        return cls(**{name: getattr(pool, name) for name in cls.model_fields})


class ExampleIn(Frozen):
    """A new example. Give `label`, `labels` or `answer`, and at least one image or a text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "part-17", "images": [_PIXEL], "text": "left bracket", "label": "ok"}]
        }
    )

    id: str | None = Field(None, description="Unique in the pool; by default derived from the content.")
    images: tuple[str, ...] = Field((), description="Data URLs or plain base64; never addresses or paths.")
    text: str = ""
    answer: str = ""
    label: str | None = None
    labels: tuple[str, ...] = ()
    group: str | None = Field(
        None, description="Items that must not leak into each other's prompts in evaluation."
    )
    split: str | None = Field(None, description='For example "train" or "test".')
    tags: tuple[str, ...] = ()
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_spelling(self) -> Self:
        if self.label is not None and self.labels:
            raise ValueError("give label or labels, not both")
        return self

    def draft(self, where: str) -> Draft:
        """As the engine takes it. Raises InvalidInput for what is not base64."""
        return Draft(
            where=where,
            id=self.id,
            images=image_files(self.images, where),
            text=self.text,
            answer=self.answer,
            labels=(self.label,) if self.label is not None else self.labels,
            group=self.group,
            split=self.split,
            tags=self.tags,
            metadata=self.metadata,
        )


class ExamplesIn(Frozen):
    """Examples to store: all of them or, if one is bad, none."""

    examples: tuple[ExampleIn, ...] = Field(min_length=1, max_length=1000)
    on_conflict: OnConflict = Field(
        "error", description="What to do with an id that exists with other content."
    )


class AddedOut(Frozen):
    """What became of added examples, as counts."""

    added: int
    replaced: int
    unchanged: int
    skipped: int


class MediaOut(Frozen):
    """An image of an example; its bytes are at `/v1/images/{sha256}`."""

    kind: Literal["image"]
    sha256: str
    mime: str
    size: int
    width: int
    height: int

    @classmethod
    def of(cls, part: Media) -> Self:
        """From the domain."""
        return cls(**{name: getattr(part, name) for name in cls.model_fields})


class ExampleOut(Frozen):
    """A stored example."""

    id: str
    media: tuple[MediaOut, ...]
    text: str
    answer: str
    labels: tuple[str, ...]
    group: str | None
    split: str | None
    tags: tuple[str, ...]
    metadata: Metadata
    status: Literal["active", "quarantined"]
    created_at: datetime | None

    @classmethod
    def of(cls, example: Example) -> Self:
        """From the domain."""
        fields = {name: getattr(example, name) for name in cls.model_fields if name != "media"}
        return cls(media=tuple(MediaOut.of(part) for part in example.media), **fields)


class ExamplePage(Frozen):
    """One page of examples."""

    examples: tuple[ExampleOut, ...]
    next_after: str | None = Field(description="Pass it as `after` for the next page; null on the last one.")


class QueryIn(Frozen):
    """What to answer. With `id` alone, that example of the pool is asked as a query."""

    images: tuple[str, ...] = Field((), description="Data URLs or plain base64.")
    text: str = ""
    id: str | None = Field(
        None, description="An example of the pool that this is; it is never shown to itself."
    )
    group: str | None = Field(None, description="Its group, kept out of the demonstrations in evaluation.")

    @property
    def stored(self) -> bool:
        """Whether the content is that of a stored example."""
        return self.id is not None and not self.images and not self.text


class SelectionIn(Frozen):
    """Choose demonstrations."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "pool": "parts",
                    "query": {"images": [_PIXEL]},
                    "recipe": {"selector": "rices", "k": 8, "order": "similar_last"},
                }
            ]
        }
    )

    pool: str
    query: QueryIn
    recipe: Recipe = Field(default_factory=Recipe)


class AnswerIn(SelectionIn):
    """Choose demonstrations, build the prompt and ask a model."""

    model: str | None = Field(
        None, description='For example "openai/gpt-5-mini"; by default the configured one.'
    )
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
            media=tuple(MediaOut.of(part) for part in example.media),
        )


class RemovalOut(Frozen):
    """An example that the leak guard kept out."""

    id: str
    reason: RemovalReason


class SelectionOut(Frozen):
    """Demonstrations for one query, in prompt order."""

    pool: str
    pool_version: str
    encoder_id: str
    query: str = Field(description="Content key of the query.")
    recipe: Recipe
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
            demonstrations=tuple(DemonstrationOut.of(shot) for shot in selection.demonstrations),
            eligible=selection.eligible,
            short=any(flag.startswith("short") for flag in selection.flags),
            removed=tuple(RemovalOut(id=removal.id, reason=removal.reason) for removal in selection.removed),
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


class UsageOut(Frozen):
    """Tokens as the provider counts them."""

    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None


class AnswerOut(Frozen):
    """A model's answer and what led to it."""

    answer: str | None = Field(
        description="Read from the text; null when it could not be read, which counts as wrong."
    )
    parsed: str = Field(description="How it was read.")
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
    def of(cls, reply: Reply, answer: str | None, how: str, selection: Selection, prompt: Prompt) -> Self:
        """From the domain."""
        return cls(
            answer=answer,
            parsed=how,
            text=reply.text,
            model=reply.model,
            usage=UsageOut(
                input_tokens=reply.usage.input_tokens,
                output_tokens=reply.usage.output_tokens,
                cached_tokens=reply.usage.cached_tokens,
            ),
            cost_usd=0.0 if reply.from_ledger else reply.cost_usd,
            latency_ms=reply.latency_ms,
            finish_reason=reply.finish_reason,
            from_ledger=reply.from_ledger,
            notes=reply.notes,
            selection=SelectionOut.of(selection),
            manifest=dict(prompt.manifest),
        )


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str = Field(description="The whole story in one line.")
    message: str | None = Field(None, description="What is wrong.")
    field: str | None = None
    value: str | None = None
    mend: str | None = None


def image_files(images: tuple[str, ...], where: str) -> tuple[ImageFile, ...]:
    """Decode data URLs or base64.

    Raises:
        InvalidInput: For anything else, addresses and paths included.
    """
    return tuple(
        ImageFile(f"{where}: images[{position}]", _decoded(image, f"{where}: images[{position}]"))
        for position, image in enumerate(images)
    )


def data_url(data: bytes, mime: str) -> str:
    """Bytes as a data URL."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def openai_message(message: Message) -> dict[str, Any]:
    """A message as chat completion APIs take it."""
    content = [
        {"type": "image_url", "image_url": {"url": data_url(part.data, part.mime)}}
        if isinstance(part, ImagePart)
        else {"type": "text", "text": part.text}
        for part in message.parts
    ]
    if len(content) == 1 and content[0]["type"] == "text":
        return {"role": message.role, "content": content[0]["text"]}
    return {"role": message.role, "content": content}


def _decoded(image: str, field: str) -> bytes:
    encoded = image
    if image.startswith("data:"):
        head, _, encoded = image.partition(",")
        if not head.endswith(";base64"):
            raise InvalidInput(
                "the data URL is not base64", field=field, value=head, mend="Use data:TYPE;base64,DATA"
            )
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(
            "not a data URL or base64",
            field=field,
            value=image[:40],
            mend="Send the image's bytes, not where it is",
        ) from None
