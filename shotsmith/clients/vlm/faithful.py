"""What litellm's adapters would change on the way: mended or refused before anything is sent.

litellm's translations to the Messages and Converse protocols write a placeholder sentence into blank texts, or leave
the turn out, and leave sounds out. A prompt that arrives otherwise than its manifest says is worse than an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...domain.errors import ModelRefused

_CLAUDE = frozenset({"anthropic", "bedrock", "bedrock_converse"})
_HOSTS = frozenset({"azure_ai", "databricks", "vertex_ai"})  # of Claude among other models


def faithful(messages: Sequence[dict[str, Any]], *, model: str, provider: str) -> list[dict[str, Any]]:
    """Messages that arrive as they are.

    For adapters that keep blank texts and sounds they stay alike; for the others blank texts, which those protocols
    refuse, are left out of turns that show something else.

    Args:
        messages: As litellm takes them.
        model: Without the provider's prefix.
        provider: litellm's name for who has the model.

    Raises:
        ModelRefused: A turn of nothing but blank text, or a sound, on its way to a provider that takes none.
    """
    if provider not in _CLAUDE and not (provider in _HOSTS and "claude" in model.lower()):
        return list(messages)
    kept = [{**message, "content": _kept(message["content"], model)} for message in messages]
    for turn, message in enumerate(kept):
        if not message["content"] and message["role"] != "system":
            raise ModelRefused(
                f"turn {turn} ({message['role']}) shows nothing, and this provider takes no empty turns",
                field="model",
                value=model,
                mend="Choose a dialect that shows every demonstration in one turn, such as interleaved",
            )
    return [message for message in kept if message["content"]]


def _kept(content: str | list[dict[str, Any]], model: str) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content if content.strip() else ""
    if any(part["type"] == "input_audio" for part in content):
        raise ModelRefused(
            "this provider takes no sounds",
            field="model",
            value=model,
            mend="Ask a model that hears, or show transcripts",
        )
    return [part for part in content if part["type"] != "text" or part["text"].strip()]
