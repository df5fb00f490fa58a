"""Messages as the OpenAI chat format spells them, the form that litellm translates for every provider."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from ...domain.errors import InvalidInput
from ...domain.messages import ImagePart, Message, Part, TextPart


def render(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """System and assistant turns as strings, user turns as a list of text and image parts in their order.

    Images travel as data URLs of their exact bytes; a URL would make a provider or litellm fetch it.

    Raises:
        InvalidInput: An image outside a user turn.
    """
    return [{"role": message.role, "content": _content(message)} for message in messages]


def _content(message: Message) -> str | list[dict[str, Any]]:
    if message.role == "user":
        return [_part(part) for part in message.parts]
    if any(isinstance(part, ImagePart) for part in message.parts):
        raise InvalidInput(
            "only user turns can show images",
            field="messages",
            value=message.role,
            mend="Move it to a user turn",
        )
    return "\n".join(part.text for part in message.parts if isinstance(part, TextPart))


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = base64.b64encode(part.data).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:{part.mime};base64,{data}"}}
