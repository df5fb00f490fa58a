"""litellm's bundled map of models: prices and windows. Read as a file, for importing litellm takes seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

_FILE = "model_prices_and_context_window_backup.json"


def litellm_folder() -> Path | None:
    """Where litellm is installed, without importing it; None where it is not."""
    spec = find_spec("litellm")
    return Path(spec.origin).parent if spec is not None and spec.origin else None


@cache
def _entries() -> Mapping[str, Mapping[str, Any]]:
    folder = litellm_folder()
    if folder is None or not (folder / _FILE).is_file():
        return {}
    read = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    return cast("Mapping[str, Mapping[str, Any]]", read)


def entry(model: str) -> Mapping[str, Any] | None:
    """What the map says about a model: under its own name, or without its provider where that provider serves it.

    "openai/gpt-4o" is found under "gpt-4o"; "hosted_vllm/gpt-4o" is not, for another server has its own price.
    """
    entries = _entries()
    if model in entries:
        return entries[model]
    provider, slash, rest = model.partition("/")
    while slash:
        found = entries.get(rest)
        if found is not None and _serves(provider, found):
            return found
        _, slash, rest = rest.partition("/")
    return None


def _serves(provider: str, found: Mapping[str, Any]) -> bool:
    serving = str(found.get("litellm_provider", ""))
    # litellm splits these providers by kind of model: "vertex_ai-anthropic_models", "bedrock_converse".
    split = provider in ("vertex_ai", "bedrock", "fireworks_ai")
    return serving == provider or (split and serving.startswith(provider))
