"""What litellm's adapters would change on the way: mended or refused before anything is sent.

On the way to the Messages and Converse protocols litellm writes a placeholder sentence into blank texts, or leaves the
turn out, and leaves sounds out; on the way to Gemini it leaves out user turns of empty text. A prompt that arrives
otherwise than its manifest says is worse than an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...domain.errors import ModelRefused

_CLAUDE = frozenset({"anthropic", "bedrock", "bedrock_converse"})
_GEMINI = frozenset({"gemini", "vertex_ai", "vertex_ai_beta"})
_HOSTS = frozenset({"azure_ai", "databricks", "vertex_ai"})  # of Claude among other models


def faithful(messages: Sequence[dict[str, Any]], *, model: str, provider: str) -> list[dict[str, Any]]:
    """Messages that arrive as they are.

    Blank texts are left out of turns that show something else where a protocol refuses them: texts of nothing but
    space for Claude, empty ones for Gemini. Messages to other providers stay alike.

    Args:
        messages: As litellm takes them.
        model: Without the provider's prefix.
        provider: litellm's name for who has the model.

    Raises:
        ModelRefused: A turn of nothing but blank text, or a sound, on its way to a provider that takes none.
    """
    claude = is_claude(model, provider)
    if not claude and provider not in _GEMINI:
        return list(messages)
    if claude and any(_sounds(message["content"]) for message in messages):
        raise ModelRefused(
            "this provider takes no sounds",
            field="model",
            value=model,
            mend="Ask a model that hears, or show transcripts",
        )
    kept = [{**message, "content": _kept(message["content"], claude)} for message in messages]
    for turn, message in enumerate(kept):
        if not message["content"] and message["role"] != "system":
            raise ModelRefused(
                f"turn {turn} ({message['role']}) shows nothing, and this provider takes no empty turns",
                field="model",
                value=model,
                mend="Choose a dialect that shows every demonstration in one turn, such as interleaved",
            )
    return [message for message in kept if message["content"]]


def is_claude(model: str, provider: str) -> bool:
    """Whether litellm translates to Anthropic's Messages or Amazon's Converse protocol; arguments as `faithful`."""
    return provider in _CLAUDE or (provider in _HOSTS and "claude" in model.lower())


def _sounds(content: str | list[dict[str, Any]]) -> bool:
    return not isinstance(content, str) and any(part["type"] == "input_audio" for part in content)


def _kept(content: str | list[dict[str, Any]], claude: bool) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return "" if _blank(content, claude) else content
    return [part for part in content if part["type"] != "text" or not _blank(part["text"], claude)]


def _blank(text: str, claude: bool) -> bool:
    return not (text.strip() if claude else text)
