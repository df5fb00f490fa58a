"""CSV: one row an example, columns named as the fields of JSON Lines."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from os import PathLike

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import Draft
from .records import FIELDS, check_names, draft, existing_file, image_root, text_line

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
LISTS = ("images", "media", "labels", "tags")
METADATA = "metadata."
COLUMNS = tuple(name for name in FIELDS if name != "metadata")


class Csv:
    """Reads a UTF-8 file whose first row names the columns; blank rows are passed over, empty cells are absent.

    Columns are `id`, `image`, `images`, `audio`, `video`, `media`, `text`, `answer`, `label`, `labels`, `group`,
    `split`, `tags`, and `metadata.<name>` for anything else. In `images`, `media`, `labels` and `tags` values are
    separated by ";". A data URL goes into `image`, `audio` or `video`. Rows are counted as spreadsheets do: the header
    is row 1.

    Args:
        source: The file.
        delimiter: ",", ";" or a tab, or their names; by default the one that reads the header best.
        root: Directory that relative image paths start from; by default the file's own.

    Raises:
        InvalidInput: The source is not a file.
        InvalidParameter: Another delimiter, or a root that is not a directory.
    """

    def __init__(
        self,
        source: str | PathLike[str],
        *,
        delimiter: str | None = None,
        root: str | PathLike[str] | None = None,
    ) -> None:
        self.source = existing_file(source)
        self.root = image_root(self.source, root)
        self.delimiter = None if delimiter is None else _delimiter(delimiter)

    @property
    def skipped(self) -> int:
        """Always 0: every row that is not blank is read or refused."""
        return 0

    def read(self) -> Iterator[Draft]:
        """The drafts in the file's order.

        Raises:
            InvalidInput: For a header that cannot be used, at the first such row, and for a file without an example.
        """
        found = False
        rows = self._rows()
        header = self._header(next(rows, (1, []))[1])
        for number, cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            found = True
            where = f"{self.source.name} row {number}"
            if len(cells) != len(header):
                raise InvalidInput(
                    f"the row has {len(cells)} cells, the header {len(header)}",
                    field=where,
                    mend="Put values that hold the delimiter into double quotes",
                )
            yield draft(_record(header, cells), where=where, root=self.root)
        if not found:
            raise InvalidInput(
                "the file holds no example",
                field="source",
                value=str(self.source),
                mend="Add rows below the header",
            )

    def total(self) -> int | None:
        """Rows that are not blank; None for a file that is not well-formed, which `read` explains."""
        try:
            return max(0, sum(any(cell.strip() for cell in cells) for _, cells in self._rows()) - 1)
        except InvalidInput:
            return None

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        number = 0
        with self.source.open("rb") as lines:
            text = (text_line(raw, n, f"{self.source.name}:{n}") for n, raw in enumerate(lines, 1))
            first = next(text, "")
            delimiter = self.delimiter or _sniffed(first)
            reader = csv.reader(chain([first], text), delimiter=delimiter, strict=True)
            try:
                for number, cells in enumerate(reader, 1):
                    yield number, cells
            except csv.Error as error:
                long = "limit" in str(error)
                mend = "Use JSON Lines for cells that long" if long else 'Write a quote inside quotes as ""'
                raise InvalidInput(
                    f"the row cannot be read: {error}",
                    field=f"{self.source.name} row {number + 1}",
                    mend=mend,
                ) from None

    def _header(self, cells: list[str]) -> list[str]:
        names = [cell.strip() for cell in cells]
        where = f"{self.source.name} row 1"
        if not any(name in COLUMNS for name in names):
            raise InvalidInput(
                "the first row names no known column",
                field=where,
                value=", ".join(names),
                mend=f"Begin with a header, e.g. image,text,label. Known: {', '.join(COLUMNS)}",
            )
        plain = [name for name in names if not (name.startswith(METADATA) and name != METADATA)]
        check_names(plain, [*COLUMNS, "metadata.<name>"], where)
        for name, count in Counter(names).items():
            if count > 1:
                raise InvalidInput(
                    "the column is given twice", field=f"{where}: {name}", mend="Keep one of them"
                )
        return names


def _delimiter(given: str) -> str:
    for name, mark in DELIMITERS.items():
        if given in (name, mark):
            return mark
    raise InvalidParameter(
        "not a delimiter", field="delimiter", value=given, mend=f"Use one of {', '.join(DELIMITERS)}"
    )


def _sniffed(header: str) -> str:
    """The delimiter that finds the most known columns in the header, a comma when none does better."""
    return max(
        DELIMITERS.values(),
        key=lambda mark: sum(cell.strip(' "\r\n') in COLUMNS for cell in header.split(mark)),
    )


def _record(header: list[str], cells: list[str]) -> dict[str, object]:
    record: dict[str, object] = {}
    metadata: dict[str, object] = {}
    for name, cell in zip(header, cells, strict=True):
        if not cell:
            continue
        if name.startswith(METADATA):
            metadata[name.removeprefix(METADATA)] = cell
        elif name in LISTS:
            record[name] = [item.strip() for item in cell.split(";") if item.strip()]
        else:
            record[name] = cell
    if metadata:
        record["metadata"] = metadata
    return record
