"""The JSON Schema of recipes, with the parameters of every registered selector."""

from __future__ import annotations

from typing import Any

from ..domain.recipes import ALIASES, Recipe
from .catalogue import usable

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {
    "type": "string",
    "minLength": 1,
    "description": "The text form, e.g. rices(modality=text)|balanced.",
}


def recipe_schema() -> dict[str, Any]:
    """What a recipe file may hold, plugins included. A selector may be text, an object or a list of either."""
    whole = Recipe.model_json_schema()
    shared: dict[str, Any] = whole.pop("$defs")
    shared.pop("SelectorSpec")
    steps = []
    for name, kind in usable().items():
        own = kind.model_json_schema()
        # Types inside parameters keep their names apart: two plugins may both have a "Weights".
        for inner, schema in own.pop("$defs", {}).items():
            shared[f"{name}.{inner}"] = _renamed(schema, name)
        names = [name, *(alias for alias, meant in ALIASES.items() if meant == name)]
        steps.append(_step(names, _renamed(own, name)))
    shared["Step"] = {"anyOf": steps}
    written = {"anyOf": [{"$ref": "#/$defs/Step"}, _TEXT]}
    shared["Selector"] = {"anyOf": [*written["anyOf"], {"type": "array", "minItems": 1, "items": written}]}
    described = whole["properties"]["selector"]["description"]
    whole["properties"]["selector"] = {"$ref": "#/$defs/Selector", "description": described}
    return {
        "$schema": _DRAFT,
        "anyOf": [{"$ref": "#/$defs/Recipe"}, _TEXT],
        "$defs": {**shared, "Recipe": whole},
    }


def _step(names: list[str], params: dict[str, Any]) -> dict[str, Any]:
    needed = ["name", "params"] if params.get("required") else ["name"]
    return {
        "type": "object",
        "title": names[0],
        "properties": {"name": {"enum": names}, "params": params},
        "required": needed,
        "additionalProperties": False,
    }


def _renamed(schema: Any, name: str) -> Any:
    """References to a selector's own types, under their new names, and to selectors within parameters."""
    if isinstance(schema, dict):
        if schema.get("format") == "selector":
            rest = {key: value for key, value in schema.items() if key != "format"}
            return {**rest, "$ref": "#/$defs/Selector"}
        return {
            key: f"#/$defs/{name}.{value.removeprefix('#/$defs/')}"
            if key == "$ref"
            else _renamed(value, name)
            for key, value in schema.items()
        }
    return [_renamed(one, name) for one in schema] if isinstance(schema, list) else schema
