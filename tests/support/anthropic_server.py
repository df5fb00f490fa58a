"""Anthropic's Messages API on loopback: it refuses what the real one refuses, and has a prompt cache like it.

The rules are those of platform.claude.com's pages on the Messages API, errors and prompt caching. Tokens are counted by
a rule of its own: a quarter of the letters of a text and 500 an image.
"""

from __future__ import annotations

import hashlib
import json
import threading
from typing import Any

from scripted_server import Recorded, Scripted, ScriptedServer

KNOWN = {
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "service_tier",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
}
MEDIA = {"image/jpeg", "image/png", "image/gif", "image/webp"}
LOOK_BACK = 20
IMAGE_TOKENS = 500


def tokens(block: dict[str, Any]) -> int:
    return IMAGE_TOKENS if block["type"] == "image" else len(block["text"]) // 4 + 1


def message(text: str = "cat", *, usage: dict[str, Any], model: str = "claude") -> Scripted:
    return Scripted(
        body={
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": usage,
        }
    )


def failure(status: int, type: str, message: str = "no", headers: dict[str, str] | None = None) -> Scripted:
    body = {"type": "error", "error": {"type": type, "message": message}, "request_id": "req_1"}
    return Scripted(status, body, headers or {})


class AnthropicServer(ScriptedServer):
    """Answers "cat", with the usage that its cache gives. An entry can be read once the answer that wrote it begins.

    Args:
        key: The only key it takes.
        minimum: Tokens of the shortest prefix that is kept.
        together: So many requests are in before any is answered.
    """

    def __init__(self, key: str, *, minimum: int = 1024, together: int = 1) -> None:
        super().__init__()
        self.usages: list[dict[str, int]] = []
        self._key = key
        self._minimum = minimum
        self._together = threading.Barrier(together)
        self._entries: set[str] = set()

    @property
    def url(self) -> str:
        return self.origin

    def answer(self, request: Recorded) -> Scripted:
        if request.headers.get("x-api-key") != self._key:
            return failure(401, "authentication_error", "invalid x-api-key")
        if request.path != "/v1/messages" or "anthropic-version" not in request.headers:
            return failure(404, "not_found_error", request.path)
        if refused := self._refused(request.json):
            return failure(400, "invalid_request_error", refused)
        usage = self._usage(request.json)
        self._together.wait(10)
        self.usages.append(usage)
        return message(usage=usage, model=request.json["model"])

    def replied(self, request: Recorded) -> None:
        blocks = _blocks(request.json)
        self._entries.update(
            key
            for key, (block, total) in zip(_prefixes(blocks), _sums(blocks), strict=True)
            if "cache_control" in block and total >= self._minimum
        )

    def _refused(self, body: dict[str, Any]) -> str | None:
        if unknown := body.keys() - KNOWN:
            return f"{min(unknown)}: Extra inputs are not permitted"
        if missing := {"model", "messages", "max_tokens"} - body.keys():
            return f"{min(missing)}: Field required"
        if body["messages"][0]["role"] != "user":
            return "messages: first message must use the user role"
        blocks = _blocks(body)
        if sum("cache_control" in block for block in blocks) > 4:
            return "A maximum of 4 blocks with cache_control may be provided."
        return next((told for block in blocks if (told := _refused_block(block))), None)

    def _usage(self, body: dict[str, Any]) -> dict[str, int]:
        blocks = _blocks(body)
        keys, sums = _prefixes(blocks), [total for _, total in _sums(blocks)]
        marked = [at for at, block in enumerate(blocks) if "cache_control" in block]
        seen = [
            at
            for mark in marked
            for at in range(max(mark - LOOK_BACK + 1, 0), mark + 1)
            if keys[at] in self._entries
        ]
        read = sums[max(seen)] if seen else 0
        kept = max((sums[at] for at in marked if sums[at] >= self._minimum), default=0)
        total = sums[-1]
        return {
            "input_tokens": total - max(kept, read),
            "cache_creation_input_tokens": max(kept - read, 0),
            "cache_read_input_tokens": read,
            "output_tokens": 3,
        }


def _blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
    system = body.get("system", [])
    turns = [("system", system)] + [(turn["role"], turn["content"]) for turn in body["messages"]]
    return [{**block, "role": role} for role, content in turns for block in content]


def _sums(blocks: list[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    total = 0
    return [(block, total := total + tokens(block)) for block in blocks]


def _prefixes(blocks: list[dict[str, Any]]) -> list[str]:
    digest = hashlib.sha256()
    keys = []
    for block in blocks:
        plain = {name: value for name, value in block.items() if name != "cache_control"}
        digest.update(json.dumps(plain, sort_keys=True).encode())
        keys.append(digest.hexdigest())
    return keys


def _refused_block(block: dict[str, Any]) -> str | None:
    match block["type"]:
        case "text":
            return None if block["text"].strip() else "text content blocks must contain non-whitespace text"
        case "image":
            kind = block["source"]["media_type"]
            return None if kind in MEDIA else f"media_type: {kind} is not supported"
    return f"{block['type']}: unknown block"
