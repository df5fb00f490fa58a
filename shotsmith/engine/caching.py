"""Where a request asks its provider to keep the beginning of the prompt."""

from __future__ import annotations

from dataclasses import replace

from ..domain.messages import MarkKind, Request
from ..domain.selections import Prompt
from ..prompts.target import Target

_OPENAI = ("openai/", "azure/")


def marked(request: Request, prompt: Prompt, target: Target) -> Request:
    """The request with a mark behind the part of the prompt that is the same for every query.

    None where the provider keeps nothing, finds a prefix itself, or keeps only longer ones: a mark would cost and bring
    nothing.
    """
    kind = _kind(request, target)
    cache = prompt.manifest["cache"]
    if kind == "none" or prompt.prefix is None or cache["tokens"] < target.facts.cache.minimum:
        return replace(request, mark_kind=kind)
    return replace(request, marks=(prompt.prefix,), mark_kind=kind)


def _kind(request: Request, target: Target) -> MarkKind:
    match target.facts.cache.kind if target.name else "none":
        case "cache_control":
            return "cache_control"
        case "explicit":
            return "breakpoint"
        case "automatic" if request.api_base is None and request.model.startswith(_OPENAI):
            # Another server that speaks OpenAI's protocol may refuse what it does not know.
            return "key"
        case _:
            return "none"
