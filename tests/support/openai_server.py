"""An OpenAI-compatible chat endpoint on loopback that follows a script and records what it was sent."""

from __future__ import annotations

from typing import Any

from scripted_server import Recorded, Scripted, ScriptedServer

__all__ = ["USAGE", "OpenAIServer", "Recorded", "Scripted", "completion", "failure"]

USAGE = {"prompt_tokens": 120, "completion_tokens": 3, "total_tokens": 123}


def completion(
    text: str | None = "cat",
    *,
    finish_reason: str = "stop",
    usage: dict[str, Any] | None = USAGE,
    model: str = "served-model",
    **message: Any,
) -> Scripted:
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish_reason,
            }
        ],
    }
    if usage is not None:
        body["usage"] = usage
    return Scripted(body=body)


def failure(
    status: int,
    message: str = "no",
    *,
    type: str = "api_error",
    code: str | None = None,
    headers: dict[str, str] | None = None,
) -> Scripted:
    error = {"message": message, "type": type, "param": None, "code": code}
    return Scripted(status, {"error": error}, headers or {})


class OpenAIServer(ScriptedServer):
    """Answers `completion()` unless other responses are enqueued."""

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def answer(self, request: Recorded) -> Scripted:
        return completion()
