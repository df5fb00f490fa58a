"""What simulated models count and charge: the rules that `prompts/facts/offline.toml` gives for `simulated/*`.

tokens = ceil(UTF-8 bytes / 4) a text + 256 an image + ceil(25 seconds) a sound + 4 a turn + 3 a request
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from ....domain.messages import ImagePart, Mark, Message, Part, TextPart

BYTES_A_TOKEN = 4
IMAGE_TOKENS = 256
SOUND_TOKENS = 25
TURN_TOKENS = 4
REQUEST_TOKENS = 3


def prompt_tokens(messages: Iterable[Message]) -> int:
    """Tokens of a prompt."""
    return REQUEST_TOKENS + sum(TURN_TOKENS + sum(map(_tokens, message.parts)) for message in messages)


def prefix_tokens(messages: tuple[Message, ...], marks: Iterable[Mark]) -> int:
    """Tokens of a prompt up to its last mark; 0 without any."""
    turn, part = max(marks, default=Mark(-1, -1))
    if turn < 0:
        return 0
    last = messages[turn]
    return prompt_tokens((*messages[:turn], Message(last.role, last.parts[: part + 1])))


def text_tokens(text: str) -> int:
    """Tokens of a text."""
    return ceil(len(text.encode("utf-8", "surrogatepass")) / BYTES_A_TOKEN)


def _tokens(part: Part) -> int:
    if isinstance(part, TextPart):
        return text_tokens(part.text)
    return IMAGE_TOKENS if isinstance(part, ImagePart) else ceil(SOUND_TOKENS * part.seconds)
