"""Pools and examples."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from ..domain.examples import Draft, Example, OnConflict, Pool, PoolKind
from ..domain.media import Media, MediaKind
from ..domain.recipes import Frozen
from .images import EXAMPLE, image_files, media_files

Metadata = dict[str, str | int | float | bool]


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
    """A new example. Give `label`, `labels` or `answer`, and at least one file or a text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "part-17", "images": [EXAMPLE], "text": "left bracket", "label": "ok"}]
        }
    )

    id: str | None = Field(None, description="Unique in the pool; by default derived from the content.")
    images: tuple[str, ...] = Field((), description="Data URLs or plain base64; never addresses or paths.")
    media: tuple[str, ...] = Field(
        (), description="Sounds, videos and images that follow, also as data URLs or plain base64."
    )
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
            media=media_files(self.media, where),
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
    """An image, a sound or a video of an example; its bytes are at `/v1/images/{sha256}`."""

    kind: MediaKind
    sha256: str
    mime: str
    size: int
    width: int = Field(description="Pixels; 0 for a sound.")
    height: int = Field(description="Pixels; 0 for a sound.")
    seconds: float | None = Field(None, description="How long it plays; null for an image.")

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
