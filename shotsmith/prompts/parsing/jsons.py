"""Reading JSON by a schema, and asking a model for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...domain.errors import InvalidParameter

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_TRIES = 64  # openings: more is no reply but an attack on our time
_KEYWORDS = frozenset({"$ref", "$schema", "allOf", "anyOf", "const", "enum", "oneOf", "properties"})


class Found(NamedTuple):
    """JSON in a text."""

    value: Any
    end: int


def first_json(text: str, opening: str = "{") -> Found | None:
    """The first JSON object in a text, code fences and prose around it or not; `[` finds the first array.

    JSON is that of RFC 8259: no NaN, and no name twice in an object, for nobody could say which one counts.
    """
    start = -1
    for _ in range(_TRIES):
        start = text.find(opening, start + 1)
        if start < 0:
            break
        if (found := _decoded(text, start)) is not None:
            return found
    return None


def read_json(text: str, schema: Mapping[str, Any]) -> tuple[Any, str]:
    """The JSON value of a reply and an empty text, or None and what is wrong with it.

    The whole reply where it is JSON, else the first object in it, or the first array where the schema asks for one.
    References are resolved within the schema alone; nothing is fetched.

    Raises:
        InvalidParameter: The schema is none, or refers to something outside itself.
    """
    from jsonschema.exceptions import best_match

    validator = _validator(schema)
    reply = text.strip()
    found = _decoded(reply, 0)
    if found is None or found.end < len(reply):
        found = first_json(reply, "[" if schema.get("type") == "array" else "{")
    if found is None:
        return None, "no JSON in the reply"
    value = found.value
    try:
        wrong = best_match(validator.iter_errors(value))
    except RecursionError:
        return None, "nested too deeply"
    except Exception as error:
        # jsonschema wraps what its reference library raises in a private class.
        if not hasattr(error, "ref"):
            raise
        raise InvalidParameter(
            "the schema refers to something outside itself",
            field="schema",
            value=error.ref,
            mend="Put what it refers to under $defs",
        ) from None
    return (value, "") if wrong is None else (None, f"{wrong.json_path}: {wrong.message}")


def schema_in(text: str) -> Mapping[str, Any] | None:
    """The JSON Schema that a text holds, such as an answer format; an example of an answer is none."""
    found = first_json(text)
    if found is None:
        return None
    given = found.value.get("type")
    kinds = given if isinstance(given, list) else [given]
    typed = bool(kinds) and all(isinstance(kind, str) and kind in _TYPES for kind in kinds)
    return found.value if typed or _KEYWORDS & found.value.keys() else None


def response_format(schema: Mapping[str, Any], name: str = "answer") -> dict[str, Any]:
    """The `response_format` parameter that asks for structured output, in the form that litellm translates.

    It is strict where the schema meets what strict decoding demands: in every object no further properties are
    allowed, and all of them are required.

    Raises:
        InvalidParameter: The schema is none.
    """
    _validator(schema)
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "schema": dict(schema), "strict": _closed(schema)},
    }


def _closed(schema: Any) -> bool:
    if isinstance(schema, list):
        return all(map(_closed, schema))
    if not isinstance(schema, Mapping):
        return True
    if "properties" in schema or schema.get("type") == "object":
        named = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != named:
            return False
    return all(map(_closed, schema.values()))


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise InvalidParameter(
            f"not a JSON Schema: {error.message}",
            field="schema",
            value=error.json_path,
            mend="Mend it there",
        ) from None
    # With a registry of its own, jsonschema fetches nothing.
    return kind(schema, registry=Registry())


def _decoded(text: str, start: int) -> Found | None:
    try:
        return Found(*_DECODER.raw_decode(text, start))
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name twice")
    return members


_DECODER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_members)
