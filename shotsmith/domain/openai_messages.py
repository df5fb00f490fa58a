"""Messages as the OpenAI chat format spells them, the form that litellm translates for every provider."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from .errors import InvalidInput
from .messages import AudioPart, Mark, Message, Part, Request, TextPart

_FORMATS = {"audio/wav": "wav", "audio/mpeg": "mp3"}
_MOST_MARKS = 4  # Anthropic refuses more, OpenAI writes no more


def render(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """System and assistant turns as strings, user turns as a list of their parts in order.

    Raises:
        InvalidInput: An image or a sound outside a user turn.
    """
    return [{"role": message.role, "content": _content(message, {})} for message in messages]


def render_marked(request: Request) -> list[dict[str, Any]]:
    """The messages of a request with its cache marks, as its `mark_kind` spells them.

    A mark stands on the part before it that can carry one: no provider takes it on a blank text, and OpenAI not on an
    assistant's. A marked system or assistant turn becomes a list of its text before the mark and the text behind it.
    Kinds without marks in the messages render as `render` does.

    Raises:
        InvalidInput: An image or a sound outside a user turn, more than 4 marks, or one that is outside the messages.
    """
    spelled = _spelled(request)
    places = set(_places(request)) if spelled else set()
    return [
        {
            "role": message.role,
            "content": _content(message, {mark.part: spelled for mark in places if mark.turn == turn}),
        }
        for turn, message in enumerate(request.messages)
    ]


def _spelled(request: Request) -> dict[str, Any]:
    match request.mark_kind:
        case "cache_control":
            ttl = {} if request.mark_ttl == "5m" else {"ttl": request.mark_ttl}
            return {"cache_control": {"type": "ephemeral", **ttl}}
        case "breakpoint":
            return {"prompt_cache_breakpoint": {"mode": "explicit"}}
    return {}


def _places(request: Request) -> Iterator[Mark]:
    """The parts that carry the marks, which stand on them or on blank or unmarkable parts behind them."""
    if len(request.marks) > _MOST_MARKS:
        raise InvalidInput(
            "too many cache marks",
            field="marks",
            value=len(request.marks),
            mend=f"Providers take {_MOST_MARKS} a request",
        )
    parts = [
        (Mark(turn, part), _carries(message, message.parts[part], request))
        for turn, message in enumerate(request.messages)
        for part in range(len(message.parts))
    ]
    places = {place for place, _ in parts}
    for mark in request.marks:
        if mark not in places:
            raise InvalidInput(
                "a cache mark stands outside the messages",
                field="marks",
                value=tuple(mark),
                mend="Name a turn and a part in it, both counted from 0",
            )
        carriers = [place for place, carries in parts if carries and place <= mark]
        yield from carriers[-1:]


def _carries(message: Message, part: Part, request: Request) -> bool:
    if isinstance(part, TextPart) and not part.text.strip():
        return False
    return not (request.mark_kind == "breakpoint" and message.role == "assistant")


def _content(message: Message, marks: dict[int, dict[str, Any]]) -> str | list[dict[str, Any]]:
    if message.role == "user":
        return [content_part(part) | marks.get(at, {}) for at, part in enumerate(message.parts)]
    texts = [part.text for part in message.parts if isinstance(part, TextPart)]
    if len(texts) < len(message.parts):
        raise InvalidInput(
            "only user turns can show images or sounds",
            field="messages",
            value=message.role,
            mend="Move it to a user turn",
        )
    if not marks:
        return "\n".join(texts)
    blocks: list[dict[str, Any]] = []
    start = 0
    for at in sorted(marks):
        blocks.append({"type": "text", "text": "\n".join(texts[start : at + 1]), **marks[at]})
        start = at + 1
    if start < len(texts):
        blocks.append({"type": "text", "text": "\n".join(texts[start:])})
    return blocks


def content_part(part: Part) -> dict[str, Any]:
    """One part; media travel as their exact bytes, for a URL would make a provider or litellm fetch it."""
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = base64.b64encode(part.data).decode("ascii")
    if isinstance(part, AudioPart):
        return {"type": "input_audio", "input_audio": {"data": data, "format": _FORMATS[part.mime]}}
    return {"type": "image_url", "image_url": {"url": f"data:{part.mime};base64,{data}"}}
