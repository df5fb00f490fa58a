"""What a reply of litellm's says of tokens and money, in one meaning for all providers."""

from __future__ import annotations

from typing import Any

from ...domain.messages import Usage


def usage_of(response: Any) -> Usage:
    """Tokens: the input with what was read from and written into a cache, though Anthropic counts those apart."""
    usage = getattr(response, "usage", None)
    # litellm writes zeros where the provider says nothing, and no prompt has no tokens.
    if usage is None or not usage.prompt_tokens:
        return Usage()
    details = getattr(usage, "prompt_tokens_details", None)
    return Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cached_tokens=getattr(details, "cached_tokens", None),
        cache_write_tokens=getattr(details, "cache_write_tokens", None),
    )


def saved_by_cache(litellm: Any, response: Any, model: str) -> float | None:
    """What the call would have cost more, in USD, if nothing had been read from or written into a cache.

    Both prices come from litellm's map, for the same tokens. None where it does not know the model, or where the
    provider says nothing of a cache.
    """
    told = usage_of(response)
    if told.cached_tokens is None and not told.cache_write_tokens:
        return None
    try:
        paid = litellm.completion_cost(completion_response=response, model=model)
        plain = response.model_copy()
        plain.usage = _without_cache(litellm, response.usage)
        full = litellm.completion_cost(completion_response=plain, model=model)
    except Exception:  # litellm has no class of its own for a model without a price
        return None
    return float(full - paid)


def _without_cache(litellm: Any, usage: Any) -> Any:
    details = usage.prompt_tokens_details
    return litellm.Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        completion_tokens_details=usage.completion_tokens_details,
        # What is neither sound nor picture is text, whatever the split says that subtracted the cache from it.
        prompt_tokens_details={
            name: getattr(details, name, None) for name in ("audio_tokens", "image_tokens", "video_tokens")
        },
    )
