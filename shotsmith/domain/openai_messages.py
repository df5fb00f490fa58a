"""Messages as the OpenAI chat format spells them, the form that litellm translates for every provider."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from .errors import InvalidInput
from .messages import AudioPart, Message, Part, TextPart

_FORMATS = {"audio/wav": "wav", "audio/mpeg": "mp3"}


def render(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """System and assistant turns as strings, user turns as a list of their parts in order.

    Raises:
        InvalidInput: An image or a sound outside a user turn.
    """
    return [{"role": message.role, "content": _content(message)} for message in messages]


def _content(message: Message) -> str | list[dict[str, Any]]:
    if message.role == "user":
        return [content_part(part) for part in message.parts]
    if not all(isinstance(part, TextPart) for part in message.parts):
        raise InvalidInput(
            "only user turns can show images or sounds",
            field="messages",
            value=message.role,
            mend="Move it to a user turn",
        )
    return "\n".join(part.text for part in message.parts if isinstance(part, TextPart))


def content_part(part: Part) -> dict[str, Any]:
    """One part; media travel as their exact bytes, for a URL would make a provider or litellm fetch it."""
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = base64.b64encode(part.data).decode("ascii")
    if isinstance(part, AudioPart):
        return {"type": "input_audio", "input_audio": {"data": data, "format": _FORMATS[part.mime]}}
    return {"type": "image_url", "image_url": {"url": f"data:{part.mime};base64,{data}"}}
