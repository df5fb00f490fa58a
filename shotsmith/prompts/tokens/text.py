"""What text costs: by the tokeniser where it is installed, else by kinds of characters, rather too much."""

from __future__ import annotations

from functools import lru_cache
from math import ceil

from ..facts.rules import Characters, TextRule
from .encodings import encoding

_LETTERS = bytes(range(ord("a"), ord("z") + 1)) + bytes(range(ord("A"), ord("Z") + 1)) + b" \t\r\n"
_DIGITS = b"0123456789"
_BEYOND = bytes(range(128, 256))
_PIECE = 20_000  # characters; tokenisers grow slow with the length of what they cannot split


@lru_cache(maxsize=16_384)
def text_tokens(rule: TextRule, text: str) -> int:
    """Tokens of a text."""
    if isinstance(rule, Characters):
        return _by_characters(rule, text)
    tokenise = encoding(rule.encoding)
    if tokenise is None:
        return _by_characters(Characters(rule="characters"), text)
    return sum(len(tokenise(text[start : start + _PIECE])) for start in range(0, len(text), _PIECE))


def counted_by(rule: TextRule) -> str:
    """How texts are counted: "o200k_base", or "characters" where a tokeniser is missing."""
    return "characters" if isinstance(rule, Characters) or encoding(rule.encoding) is None else rule.encoding


def _by_characters(rule: Characters, text: str) -> int:
    data = text.encode("utf-8", "surrogatepass")
    others = data.translate(None, _LETTERS)
    signs_and_beyond = others.translate(None, _DIGITS)
    signs = signs_and_beyond.translate(None, _BEYOND)
    return ceil(
        rule.letter * (len(data) - len(others))
        + rule.digit * (len(others) - len(signs_and_beyond))
        + rule.sign * len(signs)
        + rule.byte * (len(signs_and_beyond) - len(signs))
    )
