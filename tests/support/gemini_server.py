"""Gemini's generateContent on loopback, with implicit caching.

The rules are those of ai.google.dev's API reference. Tokens are counted by a rule of its own: a quarter of the letters
of a text, 258 an image and 320 a sound. Proto3 JSON takes a field's name in either spelling.
"""

from __future__ import annotations

import json
from typing import Any

from scripted_server import Recorded, Scripted, ScriptedServer

KNOWN = {"contents", "generationConfig", "safetySettings", "system_instruction", "systemInstruction"}
CONFIG = {
    "maxOutputTokens",
    "responseJsonSchema",
    "responseMimeType",
    "responseSchema",
    "seed",
    "stopSequences",
    "temperature",
    "topK",
    "topP",
}
COUNTS = {"image": 258, "audio": 320}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def failure(status: int, code: str, message: str = "no", details: list[Any] | None = None) -> Scripted:
    error = {"code": status, "message": message, "status": code, "details": details or []}
    return Scripted(status, {"error": error})


class GeminiServer(ScriptedServer):
    """Answers "cat"; what a request begins with as an earlier one did is read from its cache.

    Args:
        key: The only key it takes.
        minimum: Tokens of the shortest prefix that is found again.
    """

    def __init__(self, key: str, *, minimum: int = 1024) -> None:
        super().__init__()
        self._key = key
        self._minimum = minimum
        self._seen: list[list[str]] = []

    @property
    def url(self) -> str:
        return f"{self.origin}/v1beta"

    def answer(self, request: Recorded) -> Scripted:
        if request.headers.get("x-goog-api-key") != self._key:
            reason = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
            return failure(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason)
        head, _, verb = request.path.partition(":")
        if not head.startswith("/v1beta/models/") or verb != "generateContent":
            return failure(404, "NOT_FOUND", request.path)
        body = request.json
        config = {camel(name) for name in body.get("generationConfig", {})}
        if unknown := sorted((body.keys() - KNOWN) | (config - CONFIG)):
            return failure(400, "INVALID_ARGUMENT", f'Unknown name "{unknown[0]}": Cannot find field.')
        return self._reply(head.rpartition("/")[2], body)

    def _reply(self, model: str, body: dict[str, Any]) -> Scripted:
        parts = _parts(body)
        counted = [_count(part) for part in parts]
        total = sum(tokens for _, tokens in counted)
        cached = self._cached(parts, [tokens for _, tokens in counted])
        by_modality = {kind: sum(t for k, t in counted if k == kind) for kind, _ in counted}
        usage = {
            "promptTokenCount": total,
            "candidatesTokenCount": 3,
            "totalTokenCount": total + 3,
            "promptTokensDetails": [
                {"modality": kind.upper(), "tokenCount": tokens} for kind, tokens in by_modality.items()
            ],
        }
        if cached:
            usage["cachedContentTokenCount"] = cached
        candidate = {
            "content": {"role": "model", "parts": [{"text": "cat"}]},
            "finishReason": "STOP",
            "index": 0,
        }
        return Scripted(
            body={
                "candidates": [candidate],
                "usageMetadata": usage,
                "modelVersion": model,
                "responseId": "r1",
            }
        )

    def _cached(self, parts: list[Any], tokens: list[int]) -> int:
        spelled = [json.dumps(part, sort_keys=True) for part in parts]
        longest = 0
        for earlier in self._seen:
            same = 0
            while same < min(len(spelled), len(earlier)) and spelled[same] == earlier[same]:
                same += 1
            longest = max(longest, sum(tokens[:same]))
        self._seen.append(spelled)
        return longest if longest >= self._minimum else 0


def _parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    system = body.get("system_instruction", {}).get("parts", [])
    turns = [("system", system)] + [(turn["role"], turn["parts"]) for turn in body["contents"]]
    return [{**part, "role": role} for role, parts in turns for part in parts]


def _count(part: dict[str, Any]) -> tuple[str, int]:
    if "text" in part:
        return "text", len(part["text"]) // 4 + 1
    kind = part["inline_data"]["mime_type"].partition("/")[0]
    return kind, COUNTS[kind]
