"""What a request body shows, in one form for all protocols, to compare it with the messages that were sent."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

Item = tuple[str, str]
"""("text", the text), or a media type and the sha256 of the bytes."""

Turns = list[tuple[str, list[Item]]]
"""Role and items; turns of one role that follow each other are one."""


def media(mime: str, data: str) -> Item:
    return mime, hashlib.sha256(base64.b64decode(data, validate=True)).hexdigest()


def joined(turns: Iterable[tuple[str, list[Item]]]) -> Turns:
    found: Turns = []
    for role, items in turns:
        if found and found[-1][0] == role:
            found[-1][1].extend(items)
        elif items:
            found.append((role, list(items)))
    return found


def by_openai(body: Any) -> Turns:
    return joined((turn["role"], _openai_items(turn["content"])) for turn in body["messages"])


def _openai_items(content: Any) -> list[Item]:
    return [("text", content)] if isinstance(content, str) else [_openai_item(part) for part in content]


def _openai_item(part: Any) -> Item:
    match part["type"]:
        case "text":
            return "text", part["text"]
        case "image_url":
            head, _, data = part["image_url"]["url"].partition(";base64,")
            return media(head.removeprefix("data:"), data)
        case "input_audio":
            sound = part["input_audio"]
            return media({"wav": "audio/wav", "mp3": "audio/mpeg"}[sound["format"]], sound["data"])
    raise AssertionError(part)


def by_anthropic(body: Any) -> Turns:
    system = [("system", [_anthropic_item(block) for block in body.get("system", [])])]
    turns = [
        (turn["role"], [_anthropic_item(block) for block in turn["content"]]) for turn in body["messages"]
    ]
    return joined(system + turns)


def _anthropic_item(block: Any) -> Item:
    if block["type"] == "text":
        return "text", block["text"]
    assert block["type"] == "image"
    assert block["source"]["type"] == "base64"
    return media(block["source"]["media_type"], block["source"]["data"])


def by_converse(body: Any) -> Turns:
    turns = [("system", body.get("system", []))] + [
        (turn["role"], turn["content"]) for turn in body["messages"]
    ]
    return joined(
        (role, [_converse_item(block) for block in blocks if "cachePoint" not in block])
        for role, blocks in turns
    )


def _converse_item(block: Any) -> Item:
    if "text" in block:
        return "text", block["text"]
    return media(f"image/{block['image']['format']}", block["image"]["source"]["bytes"])


def by_gemini(body: Any) -> Turns:
    system = [("system", body.get("system_instruction", {}).get("parts", []))]
    roles = {"user": "user", "model": "assistant"}
    turns = system + [(roles[turn["role"]], turn["parts"]) for turn in body["contents"]]
    return joined((role, [_gemini_item(part) for part in parts]) for role, parts in turns)


def _gemini_item(part: Any) -> Item:
    if "text" in part:
        return "text", part["text"]
    mime = part["inline_data"]["mime_type"]
    return media("audio/mpeg" if mime == "audio/mp3" else mime, part["inline_data"]["data"])
