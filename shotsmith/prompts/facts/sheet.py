"""A file of facts: families of models, what is known about each, and where it is written."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from ...domain.errors import InvalidParameter
from .rules import (
    Count,
    Crowded,
    Factor,
    Frozen,
    ImageRule,
    Positive,
    PriceFact,
    SoundRule,
    TextRule,
    VideoRule,
)

_T = TypeVar("_T")

#: Sources that need no entry in `[sources]`: a careful guess of ours, and the person who wrote an override.
CONSERVATIVE, USER = "conservative", "user"

Share = Annotated[float, Field(gt=0, le=1)]
Kind = Literal["none", "cache_control", "automatic", "explicit"]


class Fact(Frozen, Generic[_T]):
    """A value, the source that gives it and the day it was read there.

    In an override the value may stand alone: `images_per_request = 50`.
    """

    value: _T
    source: str = USER
    date: datetime.date | None = None
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, given: Any) -> Any:
        return given if isinstance(given, dict) and "value" in given else {"value": given}


class CacheSheet(Frozen):
    """What a family is known to do with prefixes that were sent before."""

    kind: Fact[Kind] | None = None
    minimum: Fact[Count] | None = None
    step: Fact[Positive] | None = None
    read: Fact[Factor] | None = None
    write: Fact[Factor] | None = None
    ttl: Fact[Positive] | None = None
    refreshes: Fact[bool] | None = None
    breakpoints: Fact[Count] | None = None
    lookback: Fact[Count] | None = None
    long_ttl: Fact[Count] | None = None
    long_write: Fact[Factor] | None = None


class RolesSheet(Frozen):
    """What a family is known to demand of the order of turns."""

    system: Fact[bool] | None = None
    alternate: Fact[bool] | None = None
    user_first: Fact[bool] | None = None


class Sheet(Frozen):
    """One family: patterns over model names, and facts. What it does not say, a less specific family says.

    Attributes:
        match: Glob patterns over the lower-case names that litellm knows, such as "*claude-opus-4[-.]5*".
        server: Whether this describes who serves models, rather than a model.
    """

    match: tuple[str, ...] = Field(min_length=1)
    server: bool = False
    image_tokens: Fact[ImageRule] | None = None
    image_overhead: Fact[Count] | None = None
    image_error: Fact[Factor] | None = None
    text_tokens: Fact[TextRule] | None = None
    text_error: Fact[Factor] | None = None
    audio_tokens: Fact[SoundRule] | None = None
    audio_error: Fact[Factor] | None = None
    video_tokens: Fact[VideoRule] | None = None
    turn_overhead: Fact[Factor] | None = None
    request_overhead: Fact[Factor] | None = None
    context_window: Fact[Positive] | None = None
    usable_share: Fact[Share] | None = None
    images_per_request: Fact[Count] | None = None
    image_bytes: Fact[Positive] | None = None
    image_side: Fact[Positive] | None = None
    crowded: Fact[Crowded] | None = None
    request_bytes: Fact[Positive] | None = None
    image_formats: Fact[tuple[str, ...]] | None = None
    audio_formats: Fact[tuple[str, ...]] | None = None
    video_formats: Fact[tuple[str, ...]] | None = None
    structured_output: Fact[bool] | None = None
    price: Fact[PriceFact] | None = None
    cache: CacheSheet = CacheSheet()
    roles: RolesSheet = RolesSheet()

    @cached_property
    def facts(self) -> Mapping[str, Fact[Any]]:
        """The facts it gives, by dotted name, such as "cache.minimum"."""
        return dict(_facts(self))


class Source(Frozen):
    """A document that facts were read in."""

    title: str
    url: str = ""


class File(Frozen):
    """All of a file."""

    sources: dict[str, Source] = Field(default_factory=dict)
    models: tuple[Sheet, ...]


def _facts(sheet: Frozen, prefix: str = "") -> Iterator[tuple[str, Fact[Any]]]:
    for name in type(sheet).model_fields:
        value = getattr(sheet, name)
        if isinstance(value, Fact):
            yield prefix + name, value
        elif isinstance(value, CacheSheet | RolesSheet):
            yield from _facts(value, f"{name}.")


def read(text: str, name: str, *, override: bool) -> File:
    """The facts in a TOML text.

    Args:
        text: TOML.
        name: What errors call the file.
        override: Whether a user wrote it, and so need not say where a value comes from.

    Raises:
        InvalidParameter: Not TOML, or not of the schema; names the file, the key and the value.
    """
    try:
        file = File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidParameter(f"not TOML: {error}", field=name, mend="Mend that line") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidParameter(
            str(first["msg"])[:1].lower() + str(first["msg"])[1:],
            field=f"{name}: {_key(first['loc'])}",
            value=first["input"],
            mend="Write it as the built-in files of facts do",
        ) from None
    for number, sheet in enumerate(file.models):
        for key, fact in sheet.facts.items():
            known = fact.source in (CONSERVATIVE, USER) if override else fact.source == CONSERVATIVE
            if not known and (fact.source not in file.sources or fact.date is None):
                raise InvalidParameter(
                    "a fact needs a source that [sources] lists, and a date",
                    field=f"{name}: models.{number}.{key}",
                    value=fact.source,
                    mend=f'Add it to [sources], or write source = "{CONSERVATIVE}"',
                )
    return file


def read_file(path: Path) -> File:
    """The facts in a file of the user's.

    Raises:
        InvalidParameter: It cannot be read, or is not of the schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise InvalidParameter(
            f"the file of facts cannot be read: {reason}",
            field="settings.facts",
            value=str(path),
            mend="Name a TOML file, or leave SHOTSMITH_FACTS unset",
        ) from None
    return read(text, str(path), override=True)


def _key(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location)
