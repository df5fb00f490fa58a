"""The items of a long JSON array, one at a time: benchmark files are hundreds of megabytes of one value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from ..domain.errors import InvalidInput

_CHUNK = 1 << 20
_SPACES = " \t\r\n"
_AFTER = tuple(",]}:" + _SPACES)


def json_items(path: Path, key: str | None = None) -> Iterator[tuple[int, Any]]:
    """The items of the array under a key of the file's object, or of the file's own array, with their numbers from 0.

    Holds one item at a time; other values of the object are passed over, arrays item by item.

    Raises:
        InvalidInput: The file is not UTF-8 or not JSON, or has no such array; after the items before the fault.
    """
    with path.open(encoding="utf-8-sig") as file:
        yield from _Scanner(file, path.name).items(key)


class _Scanner:
    """Reads JSON values from a text, a chunk at a time."""

    def __init__(self, file: TextIO, name: str) -> None:
        self._file = file
        self._name = name
        self._text = ""
        self._at = 0
        self._before = 0  # characters of the file before the text
        self._decoder = json.JSONDecoder()

    def items(self, key: str | None) -> Iterator[tuple[int, Any]]:
        first = self._peek()
        if key is None:
            if first != "[":
                self._wrong("the file does not hold an array", "Write one array of objects")
            yield from self._array()
            return
        if first != "{":
            self._wrong(f"the file is not an object with {key!r}", f'Write {{"{key}": […]}}')
        found = False
        self._at += 1
        while self._peek() != "}":
            name = self._value()
            self._expect(":")
            if self._peek() == "[":
                wanted = name == key
                found |= wanted
                for item in self._array():
                    if wanted:
                        yield item
            elif name == key:
                self._wrong(f"{key!r} is not an array", "Write an array of objects")
            else:
                self._value()
            if self._peek() == ",":
                self._at += 1
        if not found:
            self._wrong(f"the file has no {key!r}", f'Write {{"{key}": […]}}')

    def _array(self) -> Iterator[tuple[int, Any]]:
        self._at += 1
        number = 0
        while self._peek() != "]":
            yield number, self._value()
            number += 1
            if self._peek() not in ",]":
                self._wrong("a comma is missing", "Save the file again as JSON")
            if self._peek() == ",":
                self._at += 1
        self._at += 1

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._more():
                    continue
                self._wrong(f"not JSON: {error.msg}", "Save the file again as JSON")
            except RecursionError:
                self._wrong("the values are nested too deeply", "Flatten them")
            # A number that is cut off is a number as well.
            if self._text[end : end + 1] not in _AFTER and self._more():
                continue
            self._at = end
            return value

    def _expect(self, mark: str) -> None:
        if self._peek() != mark:
            self._wrong(f"{mark!r} is missing", "Save the file again as JSON")
        self._at += 1

    def _peek(self) -> str:
        """The next character that is no space."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACES:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                self._wrong("the file ends too early", "Copy it again, it may be cut off")

    def _more(self) -> bool:
        try:
            chunk = self._file.read(max(_CHUNK, len(self._text) - self._at))
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"the file is not UTF-8: {error.reason}", field=self._name, mend="Save the file as UTF-8"
            ) from None
        if not chunk:
            return False
        self._before += self._at
        self._text, self._at = self._text[self._at :] + chunk, 0
        return True

    def _wrong(self, what: str, mend: str) -> NoReturn:
        raise InvalidInput(
            what,
            field=f"{self._name}: character {self._before + self._at}",
            value=self._text[self._at : self._at + 40],
            mend=mend,
        )
