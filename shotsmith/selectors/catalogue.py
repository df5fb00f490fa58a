"""Selectors and stages by name: built from a recipe, and described for help, docs and explorer."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, PlainSerializer, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import to_jsonable_python

from .. import registry
from ..domain.errors import InvalidInput, InvalidParameter, MissingExtra, UnknownName
from ..domain.names import hint
from ..domain.recipes import ALIASES, Frozen, SelectorField, SelectorSpec, Stages, invalid
from ..domain.scoring import canonical_json
from .base import Card, SelectorBase, StageBase
from .chain import Chain
from .orders import ORDERS

Kind = type[SelectorBase] | type[StageBase]

_log = logging.getLogger("shotsmith")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a selector.

    Attributes:
        name: As recipes spell it.
        type: For people, e.g. `"image" | "text"` or `int | null`.
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
    """A registered selector or stage.

    Attributes:
        name: As recipes spell it.
        stage: Whether it is a stage.
        summary: The first line of its docstring.
        details: The other paragraphs, a line each.
        parameters: In the order of the class.
        card: For those who choose; plugins may have none.
    """

    name: str
    stage: bool
    summary: str
    details: str
    parameters: tuple[Parameter, ...]
    card: Card | None = None


def build(stages: Stages) -> Chain:
    """The selector that a recipe names. A stage that comes first gets the selector it starts from.

    Raises:
        UnknownName: No such selector; the mend suggests the nearest name.
        InvalidParameter: A parameter does not exist or is out of range; names the known ones. Or a selector stands
            where only a stage can.
        InvalidInput: A plugin registered something that is neither a `SelectorBase` nor a `StageBase`.
    """
    chain: Chain | None = None
    for spec in stages:
        step = _step(spec)
        if isinstance(step, StageBase) and chain is None:
            chain = build((SelectorSpec(name=type(step).start),))
        elif isinstance(step, SelectorBase) and chain is not None:
            raise InvalidParameter(
                f"{spec.name} is a selector and can only come first: it does not rework what {chain.name} chose",
                field="selector",
                value=spec.name,
                mend=f"After a selector come stages: {', '.join(_names(StageBase))}",
            )
        elif isinstance(step, StageBase) and chain is not None and chain.prefixed and not step.keeps_places:
            raise InvalidParameter(
                f"{spec.name} would take the cached part of {chain.name} apart",
                field="selector",
                value=spec.name,
                mend=f"Put it into the similar part: {chain.name}(similar=rices|{spec.name})",
            )
        chain = Chain(spec.name, step, chain)
    assert chain is not None
    return chain


def _step(spec: SelectorSpec) -> SelectorBase | StageBase:
    kind = load(spec.name)
    try:
        # As JSON, so that a number in quotes is no number, as the schema has it.
        return kind.model_validate_json(canonical_json(spec.params), strict=True)
    except ValidationError as error:
        raise _explained(spec.name, kind, error) from None


def _names(kind: Kind) -> list[str]:
    return [name for name, one in usable().items() if issubclass(one, kind)]


def usable() -> dict[str, Kind]:
    """Every registered selector and stage that can be loaded, by name; a broken plugin is logged and left out."""
    found = {}
    for name in registry.names("selectors"):
        try:
            found[name] = load(name)
        except (InvalidInput, MissingExtra) as error:
            _log.warning("%s", error)
    return found


def describe() -> list[Description]:
    """Every usable selector and stage, by name."""
    return [_description(name, kind) for name, kind in usable().items()]


def load(name: str) -> Kind:
    """The class registered under a name; errors as `build`."""
    if name in ORDERS and name not in ALIASES and name not in registry.names("selectors"):
        raise UnknownName(
            f"{name} is an order and no selector",
            field="selector",
            value=name,
            mend="Give it as the order, or give the whole text as the recipe",
        )
    kind: Kind = registry.load("selectors", name, also=ALIASES)
    if not (isinstance(kind, type) and issubclass(kind, (SelectorBase, StageBase))):
        raise InvalidInput(
            "what is registered under this name is neither a selector nor a stage",
            field="selector",
            value=name,
            mend="A selector subclasses shotsmith.selectors.SelectorBase, a stage StageBase",
        )
    return kind


def _explained(name: str, kind: Kind, error: ValidationError) -> InvalidParameter:
    """The first fault of a pydantic error, as one sentence with the parameters that exist."""
    fault = error.errors(include_url=False)[0]
    told = invalid(error, name)
    message, mend = told.message, f"Parameters of {name}: {_signature(name, kind)}"
    if fault["type"] == "extra_forbidden":
        message = "no such parameter"
        wrong = [str(step) for step in fault["loc"]]
        if wrong == ["k"]:
            mend = f"The number of demonstrations is the recipe's: k=, -k, or in its text. {mend}"
        mend = (hint(wrong[0], kind.model_fields) if len(wrong) == 1 else "") + mend
    return InvalidParameter(message, field=told.field, value=told.value, mend=mend)


def _signature(name: str, kind: Kind) -> str:
    return (
        ", ".join(f"{known.name} ({known.type})" for known in _description(name, kind).parameters) or "none"
    )


def _description(name: str, kind: Kind) -> Description:
    summary, *details = [
        " ".join(part.split()) for part in inspect.cleandoc(kind.__doc__ or "").split("\n\n")
    ]
    parameters = tuple(
        Parameter(
            name=parameter,
            type=type_name(field.annotation),
            choices=get_args(field.annotation) if get_origin(field.annotation) is Literal else (),
            required=field.is_required(),
            default=None if field.is_required() else _default(field.get_default(call_default_factory=True)),
            description=field.description or "",
        )
        for parameter, field in kind.model_fields.items()
    )
    return Description(name, issubclass(kind, StageBase), summary, "\n".join(details), parameters, kind.card)


def _default(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_default(one) for one in value]
    return value.text if isinstance(value, Chain) else to_jsonable_python(value)


def type_name(annotation: Any) -> str:
    """A type as recipes spell its values."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(args[0])
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in args)
    if origin in (Union, UnionType):
        return " | ".join(type_name(arg) for arg in args)
    if origin is tuple:
        return f"[{type_name(args[0])}, ...]"
    if annotation is NoneType:
        return "null"
    if annotation is Chain:
        return "selector"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields: Mapping[str, Any] = annotation.model_fields
        return (
            "{" + ", ".join(f"{name}: {type_name(field.annotation)}" for name, field in fields.items()) + "}"
        )
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _chain(given: Any) -> Chain:
    return given if isinstance(given, Chain) else build(_Written.read({"selector": given}).selector)


class _Written(Frozen):
    selector: SelectorField


#: A parameter that is itself a selector, with stages or without; written as in recipes, dumped as text.
Inner = Annotated[
    Chain,
    PlainValidator(_chain),
    PlainSerializer(lambda chain: chain.text, return_type=str),
    WithJsonSchema({"format": "selector"}),
]


def build_text(text: str) -> Chain:
    """The selector of a text, e.g. `rices(modality=text)|balanced`."""
    return _chain(text)
