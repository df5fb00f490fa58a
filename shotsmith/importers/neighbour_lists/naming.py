"""Their ids into ours: by a template, and where lists hold row numbers, by files that name the rows."""

from __future__ import annotations

import re
from os import PathLike

from ...domain.errors import InvalidInput, InvalidParameter
from ...domain.names import check_key
from ..records import existing_file, text_line

_TEMPLATE = re.compile(r"([^{}]*)\{(?::0?(\d{1,2}))?\}([^{}]*)")
_INTEGERS = range(-(2**63), 2**64)


class NotAnId(Exception):
    """Something that cannot become an id of ours.

    Args:
        message: What is wrong.
        value: What was given.
        mend: What to do about it.
    """

    def __init__(self, message: str, value: object, mend: str) -> None:
        super().__init__(message)
        self.message = message
        self.value = value
        self.mend = mend

    def at(self, field: str) -> InvalidInput:
        """The error with its place."""
        return InvalidInput(self.message, field=field, value=self.value, mend=self.mend)


class Naming:
    """Turns ids of a file into ids of a pool.

    Args:
        option: How the template is called in errors.
        template: Text with one `{}` where the id goes; `{:012}` fills up with zeros.
        rows: A text file with one id a line; what the file gives as ids are row numbers then, from 0.

    Raises:
        InvalidParameter: A template without one such place.
        InvalidInput: The file of rows cannot be used.
    """

    def __init__(self, option: str, template: str, rows: str | PathLike[str] | None) -> None:
        found = _TEMPLATE.fullmatch(template)
        if found is None:
            raise InvalidParameter(
                "not a template", field=option, value=template, mend="Write, e.g., test/{} or COCO_{:012}.jpg"
            )
        self._before, width, self._after = found.groups()
        self._width = int(width or 0)
        self.rows = None if rows is None else _lines(rows, f"{option}s")
        self._known: dict[object, str] = {}

    def name(self, raw: object) -> str:
        """Our id for one of theirs.

        Raises:
            NotAnId: There is none.
        """
        # True would be found as 1.
        if type(raw) not in (int, str):
            raise NotAnId("not an id", raw, "Ids are strings or whole numbers")
        if raw not in self._known:
            self._known[raw] = self._named(raw)
        return self._known[raw]

    def _named(self, raw: object) -> str:
        if isinstance(raw, int) and raw not in _INTEGERS:
            raise NotAnId("the number is too large", raw, "Ids are strings or numbers of 64 bits")
        text = str(raw)
        if self.rows is not None:
            row = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
            if not 0 <= row < len(self.rows):
                mend = f"The file of ids names rows 0 to {len(self.rows) - 1}"
                raise NotAnId("no such row", repr(raw), mend)
            text = self.rows[row]
        id = f"{self._before}{text.zfill(self._width)}{self._after}"
        try:
            check_key("", "the id", id)
        except InvalidInput as error:
            raise NotAnId(error.message, repr(id), error.mend or "") from None
        return id


def _lines(source: str | PathLike[str], option: str) -> list[str]:
    """One id a line; blank lines would shift what follows, so they may only stand at the end."""
    path = existing_file(source)
    with path.open("rb") as file:
        lines = [
            text_line(raw, number, f"{path.name}:{number}").rstrip("\r\n")
            for number, raw in enumerate(file, 1)
        ]
    while lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise InvalidInput("the line is blank", field=f"{path.name}:{number}", mend="Write one id a line")
    if not lines:
        raise InvalidInput("the file holds no id", field=option, value=str(path), mend="Write one id a line")
    return lines
