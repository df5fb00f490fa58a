"""Provider families behind local servers: how each is reached, and what arrives there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anthropic_server import AnthropicServer
from gemini_server import GeminiServer
from openai_server import OpenAIServer
from pydantic import SecretStr
from scripted_server import Recorded, Scripted, ScriptedServer
from shown import Turns, by_anthropic, by_converse, by_gemini, by_openai

from shotsmith.clients.vlm.litellm import LiteLLM
from shotsmith.domain.messages import Message, Reply, Request, TextPart

KEY = "planted-key-0123456789"


class ConverseServer(ScriptedServer):
    """Amazon Bedrock's Converse operation, as far as a reply goes."""

    usage: dict[str, int] = {"inputTokens": 100, "outputTokens": 3, "totalTokens": 103}  # noqa: RUF012

    @property
    def url(self) -> str:
        return self.origin

    def answer(self, request: Recorded) -> Scripted:
        said = {"message": {"role": "assistant", "content": [{"text": "cat"}]}}
        body = {"output": said, "stopReason": "end_turn", "usage": self.usage, "metrics": {"latencyMs": 1}}
        return Scripted(body=body)


@dataclass(frozen=True)
class Family:
    """A provider family.

    Attributes:
        model: One of it, as litellm names it.
        serve: Starts a server.
        shown: Reads a body back.
        hears: Whether sounds arrive.
        blank: Which texts do not arrive.
    """

    name: str
    model: str
    serve: Callable[[], Any]
    shown: Callable[[Any], Turns]
    hears: bool = True
    blank: Callable[[str], bool] = lambda text: False

    def client(self, server: Any, **options: Any) -> LiteLLM:
        settings = {"api_key": SecretStr(KEY), "api_base": server.url, "sleep": lambda seconds: None}
        return LiteLLM(self.model, **{**settings, **options})


FAMILIES = [
    Family("openai", "openai/gpt-4o", OpenAIServer, by_openai),
    Family("vllm", "hosted_vllm/m", OpenAIServer, by_openai),
    Family("openrouter", "openrouter/anthropic/claude-sonnet-4.5", OpenAIServer, by_openai),
    Family(
        "anthropic",
        "anthropic/claude-sonnet-4-5",
        lambda: AnthropicServer(KEY),
        by_anthropic,
        hears=False,
        blank=lambda text: not text.strip(),
    ),
    Family(
        "bedrock",
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ConverseServer,
        by_converse,
        hears=False,
        blank=lambda text: not text.strip(),
    ),
    Family(
        "gemini",
        "gemini/gemini-2.5-flash",
        lambda: GeminiServer(KEY),
        by_gemini,
        blank=lambda text: not text,
    ),
]


def ask(
    vlm: LiteLLM, messages: list[Message], parameters: dict[str, Any] | None = None, **request: Any
) -> Reply:
    return vlm.complete(Request(vlm.model, tuple(messages), parameters or {}, vlm.api_base, **request))


def said(role: str, *parts: Any) -> Message:
    return Message(role, tuple(TextPart(part) if isinstance(part, str) else part for part in parts))
