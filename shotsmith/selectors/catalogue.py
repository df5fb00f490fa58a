"""Selectors by name: built from a recipe's spec, and described for help, docs and explorer."""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from .. import registry
from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.recipes import SelectorSpec, invalid
from .base import SelectorBase


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a selector.

    Attributes:
        name: As recipes spell it.
        type: For people, e.g. `"query" | "fixed"` or `int | null`.
        choices: The allowed values where they are few, else empty.
        required: Whether it has no default.
        default: JSON-serialisable; None when required.
        description: One or two sentences.
    """

    name: str
    type: str
    choices: tuple[Any, ...]
    required: bool
    default: Any
    description: str


@dataclass(frozen=True, slots=True)
class Description:
    """A registered selector: its name, the first line of its docstring, its parameters."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]


def build(spec: SelectorSpec) -> SelectorBase:
    """The selector that a recipe names.

    Raises:
        UnknownName: No such selector; the mend suggests the nearest name.
        InvalidParameter: A parameter does not exist or is out of range; names the known ones.
        InvalidInput: A plugin registered something that is not a `SelectorBase`.
    """
    kind = _load(spec.name)
    try:
        return kind.model_validate(spec.params)
    except ValidationError as error:
        raise _explained(spec.name, kind, error) from None


def describe() -> list[Description]:
    """Every registered selector, by name."""
    return [_description(name, _load(name)) for name in registry.names("selectors")]


def _load(name: str) -> type[SelectorBase]:
    kind = registry.load("selectors", name)
    if not (isinstance(kind, type) and issubclass(kind, SelectorBase)):
        raise InvalidInput(
            "what is registered under this name is not a selector",
            field="selector",
            value=name,
            mend="A selector subclasses shotsmith.selectors.SelectorBase",
        )
    return kind


def _explained(name: str, kind: type[SelectorBase], error: ValidationError) -> InvalidParameter:
    """The first fault of a pydantic error, as one sentence with the parameters that exist."""
    fault = error.errors(include_url=False)[0]
    told = invalid(error, name)
    message, mend = told.message, f"Parameters of {name}: {_signature(name, kind)}"
    if fault["type"] == "extra_forbidden":
        message = "no such parameter"
        wrong = [str(step) for step in fault["loc"]]
        close = difflib.get_close_matches(wrong[0], kind.model_fields, n=1) if len(wrong) == 1 else []
        mend = f"Did you mean {close[0]!r}? {mend}" if close else mend
    return InvalidParameter(message, field=told.field, value=told.value, mend=mend)


def _signature(name: str, kind: type[SelectorBase]) -> str:
    return (
        ", ".join(f"{known.name} ({known.type})" for known in _description(name, kind).parameters) or "none"
    )


def _description(name: str, kind: type[SelectorBase]) -> Description:
    summary = inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]
    return Description(
        name,
        summary,
        tuple(
            Parameter(
                name=parameter,
                type=_type_name(field.annotation),
                choices=get_args(field.annotation) if get_origin(field.annotation) is Literal else (),
                required=field.is_required(),
                default=None
                if field.is_required()
                else to_jsonable_python(field.get_default(call_default_factory=True)),
                description=field.description or "",
            )
            for parameter, field in kind.model_fields.items()
        ),
    )


def _type_name(annotation: Any) -> str:
    """A type as recipes spell its values."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(args[0])
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in args)
    if origin in (Union, UnionType):
        return " | ".join(_type_name(arg) for arg in args)
    if annotation is NoneType:
        return "null"
    if annotation is SelectorSpec:
        return "selector"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields: Mapping[str, Any] = annotation.model_fields
        return (
            "{" + ", ".join(f"{name}: {_type_name(field.annotation)}" for name, field in fields.items()) + "}"
        )
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
