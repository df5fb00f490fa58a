"""Dialects by their text form, as recipes name them, and described for help and docs."""

from __future__ import annotations

import inspect
import json
import logging
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from ... import registry
from ...domain.errors import InvalidInput, InvalidParameter, MissingExtra
from ...domain.names import hint
from ...domain.recipe_text import Segment, read_segments
from ...domain.recipes import invalid
from ...domain.scoring import canonical_json
from .base import Dialect, DialectBase

_log = logging.getLogger("shotsmith")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a dialect.

    Attributes:
        name: As recipes spell it.
        type: For people, e.g. `"caption" | "intent"` or `int`.
        default: JSON-serialisable.
        description: One sentence.
    """

    name: str
    type: str
    default: Any
    description: str


@dataclass(frozen=True, slots=True)
class Description:
    """A registered dialect.

    Attributes:
        name: As recipes spell it.
        summary: The first line of its docstring.
        options: In the order of the class.
    """

    name: str
    summary: str
    options: tuple[Option, ...] = ()


def open_dialect(text: str) -> Dialect:
    """The dialect of a text form, e.g. `chat` or `collage(columns=4)`.

    Raises:
        UnknownName: No such dialect; the mend suggests the nearest name.
        InvalidParameter: Not one name with options in parentheses, an option that does not exist, or a value out of
            range; names the known options.
        MissingExtra: A plugin's module cannot be imported.
        InvalidInput: A plugin registered something that cannot render.
    """
    one = _segment(text)
    kind = registry.load("dialects", one.name)
    if isinstance(kind, type) and issubclass(kind, DialectBase):
        try:
            # As JSON, so that a number in quotes is no number.
            return kind.model_validate_json(canonical_json(dict(one.arguments)), strict=True)
        except ValidationError as error:
            raise _explained(one.name, kind, error) from None
    if one.arguments:
        raise InvalidParameter(
            f"{one.name} takes no options", field="dialect", value=text, mend=f"Write {one.name}"
        )
    opened = kind()
    if not isinstance(opened, Dialect):
        raise InvalidInput(
            "what is registered under this name does not render",
            field="dialect",
            value=one.name,
            mend="A dialect subclasses shotsmith.prompts.dialects.DialectBase, or has its render(brief)",
        )
    return opened


def _segment(text: str) -> Segment:
    if not re.search(r"[(|]", text):
        return Segment(text.strip())
    try:
        segments = read_segments(text)
    except InvalidParameter as error:
        raise InvalidParameter(
            error.message, field="dialect", value=text, mend="Write, for example, chat or collage(columns=4)"
        ) from None
    if len(segments) > 1:
        raise InvalidParameter(
            "a recipe has one dialect", field="dialect", value=text, mend=f"Write {segments[0].name} alone"
        )
    return segments[0]


def describe() -> list[Description]:
    """Every registered dialect that can be loaded, by name."""
    found = []
    for name in registry.names("dialects"):
        try:
            kind = registry.load("dialects", name)
        except MissingExtra as error:
            _log.warning("%s", error)
            continue
        found.append(_description(name, kind))
    return found


def _description(name: str, kind: Any) -> Description:
    summary = inspect.cleandoc(kind.__doc__ or "").split("\n", 1)[0]
    if not (isinstance(kind, type) and issubclass(kind, DialectBase)):
        return Description(name, summary)
    options = tuple(
        Option(option, _type(field.annotation), field.get_default(), field.description or "")
        for option, field in kind.model_fields.items()
    )
    return Description(name, summary, options)


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(json.dumps(value) for value in get_args(annotation))
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _explained(name: str, kind: type[DialectBase], error: ValidationError) -> InvalidParameter:
    """The first fault of a pydantic error, as one sentence with the options that exist."""
    fault = error.errors(include_url=False)[0]
    told = invalid(error, name)
    known = ", ".join(f"{one.name} ({one.type})" for one in _description(name, kind).options)
    message, mend = told.message, f"Options of {name}: {known or 'none'}"
    if fault["type"] == "extra_forbidden":
        message = "no such option"
        mend = hint(str(fault["loc"][0]), kind.model_fields) + mend
    return InvalidParameter(message, field=told.field, value=told.value, mend=mend)
