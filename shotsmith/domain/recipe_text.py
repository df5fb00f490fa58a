"""The short text form of recipes, for URLs, command lines and model names.

    where(labels=[cat,dog])|rices(modality=text,k=16)|mmr|balanced|similar_last|with(seed=3,dialect=interleaved)

It reads from left to right: filters, a selector, stages that rework its choice, an order, and the rest. Every part but
the selector may be missing, and so may parentheses. `k` stands with any selector or stage. A value is JSON, or a word
without quotes; braces hold names and values, as in `images={max_side=256}`. A value may itself be a selector with
stages, as in `hybrid(similar=rices(modality=text)|balanced)`.

This module reads and writes the form; what the names mean is decided elsewhere.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from .errors import InvalidParameter

_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_BARE = re.compile(r"[^\s,|()\[\]{}=\"']+")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}
_DEEPEST = 20
#: Half of a surrogate pair: JSON can spell it, and no text can hold it.
HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Segment:
    """One part between bars: a name and its arguments, values as JSON would have them."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def read_segments(text: str) -> list[Segment]:
    """Take a text apart.

    Raises:
        InvalidParameter: Naming the place where it cannot be read.
    """
    return [replace(one, arguments=_texts(one.arguments)) for one in _parsed(text)]


def _parsed(text: str) -> _Nested:
    reader = _Reader(text)
    if half := HALF.search(text):
        reader.fail("half of a surrogate pair", half.start())
    segments = reader.segments()
    reader.spaces()
    if not reader.ended:
        reader.fail("expected | or the end")
    return segments


def _texts(value: Any) -> Any:
    """Selectors within a value as they are written."""
    if isinstance(value, _Nested):
        return write_segments(value)
    if isinstance(value, Mapping):
        return {name: _texts(one) for name, one in value.items()}
    return [_texts(one) for one in value] if isinstance(value, list) else value


def write_segments(segments: Sequence[Segment]) -> str:
    """The one text of these segments; `read_segments` gives them back.

    Raises:
        InvalidParameter: A name or a value that the text form cannot hold.
    """
    return "|".join(_segment(one) for one in segments)


def _segment(segment: Segment) -> str:
    if not _NAME.fullmatch(segment.name):
        raise InvalidParameter("no name that the text form can hold", field="recipe", value=segment.name)
    if not segment.arguments:
        return segment.name
    return f"{segment.name}({_pairs(segment.arguments)})"


def _pairs(values: Mapping[str, Any]) -> str:
    return ",".join(f"{_key(name)}={_value(value)}" for name, value in values.items())


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value if _plain(value) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, _Nested):
        return write_segments(value)
    if isinstance(value, Mapping):
        return "{" + _pairs(value) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_value(one) for one in value) + "]"
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise InvalidParameter("no value that the text form can hold", field="recipe", value=value) from None


def _plain(text: str) -> bool:
    """Whether a string needs no quotes: a word that is nothing else in JSON, or selectors as they are written here."""
    if _BARE.fullmatch(text):
        return text not in _WORDS and not _NUMBER.fullmatch(text)
    try:
        return ("(" in text or "|" in text) and write_segments(_parsed(text)) == text
    except InvalidParameter:
        return False


class _Nested(list[Segment]):
    """Selectors as a value, kept apart until all is read: reading takes time in proportion to the text."""


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._text)

    def fail(self, what: str, at: int | None = None) -> NoReturn:
        raise InvalidParameter(
            f"{what} at column {(self._at if at is None else at) + 1}",
            field="recipe",
            value=self._text,
            mend="Write, for example, rices(k=16)|balanced|similar_last",
        )

    def spaces(self) -> None:
        while not self.ended and self._text[self._at].isspace():
            self._at += 1

    def segments(self) -> _Nested:
        found = _Nested([self._one()])
        while self._skip("|"):
            found.append(self._one())
        return found

    def _one(self) -> Segment:
        self.spaces()
        name = self._match(_NAME)
        if name is None:
            self.fail("expected a name")
        return Segment(name, self._arguments(")") if self._skip("(") else {})

    def _arguments(self, end: str) -> dict[str, Any]:
        """NAME=VALUE pairs up to the closing bracket."""
        found: dict[str, Any] = {}
        self._deeper()
        while not self._skip(end):
            if found and not self._skip(","):
                self.fail(f"expected , or {end}")
            self.spaces()
            name = self._string() if self._peek() == '"' else self._match(_NAME)
            if name is None:
                self.fail("expected NAME=VALUE")
            if name in found:
                self.fail(f"{name} stands twice")
            if not (self._skip("=") or (end == "}" and self._skip(":"))):
                self.fail(f"expected = after {name}")
            found[name] = self._value()
        self._depth -= 1
        return found

    def _value(self) -> Any:
        self.spaces()
        opening = self._peek()
        if opening == '"':
            return self._string()
        if self._skip("["):
            return self._list()
        if self._skip("{"):
            return self._arguments("}")
        start = self._at
        word = self._match(_BARE)
        if word is None:
            self.fail("expected a value")
        if self._peek() in ("(", "|"):
            self._at = start
            return self.segments()
        if word in _WORDS:
            return _WORDS[word]
        return self._number(word) if _NUMBER.fullmatch(word) else word

    def _number(self, word: str) -> int | float:
        try:
            number: int | float = json.loads(word)
        except ValueError:  # thousands of digits
            self.fail("a number too long")
        if number in (math.inf, -math.inf):
            self.fail("a number too large")
        return number

    def _list(self) -> list[Any]:
        found: list[Any] = []
        self._deeper()
        while not self._skip("]"):
            if found and not self._skip(","):
                self.fail("expected , or ]")
            found.append(self._value())
        self._depth -= 1
        return found

    def _string(self) -> str:
        try:
            value, self._at = json.JSONDecoder().raw_decode(self._text, self._at)
        except ValueError:
            self.fail("a string that does not end")
        if HALF.search(value):
            self.fail("half of a surrogate pair")
        return str(value)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            self.fail("too many brackets in each other")

    def _peek(self) -> str:
        self.spaces()
        return "" if self.ended else self._text[self._at]

    def _skip(self, mark: str) -> bool:
        if self._peek() != mark:
            return False
        self._at += 1
        return True

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found[0]
