"""Files that grow by rows: CSV, JSON Lines and Parquet with the same columns, and little in memory."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from ..extras import optional, writable

Kind = Literal["text", "texts", "number", "whole", "flag", "json"]
Column = tuple[str, Kind]
"""A name, and what stands there; any may be None."""

_GROUP_ROWS = 2048
_GROUP_BYTES = 16_000_000
_FORMULA = ("=", "+", "-", "@")


class Rows(ABC):
    """A file of rows.

    Attributes:
        mended: Texts that held half a surrogate pair, which the file cannot.
    """

    mended = 0

    @abstractmethod
    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row, by the names of the columns."""

    @abstractmethod
    def finish(self) -> None:
        """Write what waits."""

    @abstractmethod
    def close(self) -> None:
        """Release the file, whatever state it is in. Idempotent."""

    def _whole(self, text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:
            self.mended += 1
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text


class _TextRows(Rows):
    """Lines of text in UTF-8."""

    def __init__(self, place: Path, columns: Sequence[Column]) -> None:
        self._columns = columns
        with writable():
            self._file = place.open("wb")

    def finish(self) -> None:
        """Write what waits."""
        with writable():
            self._file.flush()

    def close(self) -> None:
        """Release the file."""
        with writable():
            self._file.close()

    def _write(self, line: bytes) -> None:
        with writable():
            self._file.write(line)


class JsonRows(_TextRows):
    """One JSON object a line. Half a surrogate pair is escaped, and so kept."""

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row."""
        record = {name: row[name] for name, _ in self._columns}
        try:
            line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        except UnicodeEncodeError:
            line = json.dumps(record, separators=(",", ":")).encode()
        self._write(line + b"\n")


class CsvRows(_TextRows):
    """RFC 4180: texts in quotes, None as an empty cell without, lists as JSON.

    Attributes:
        formulas: Cells that a spreadsheet may take for formulas.
        guards: Whether an apostrophe is put before them.
    """

    def __init__(self, place: Path, columns: Sequence[Column], *, guards: bool = False) -> None:
        super().__init__(place, columns)
        self.formulas = 0
        self.guards = guards
        self._write(",".join(name for name, _ in columns).encode() + b"\r\n")

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row."""
        self._write(",".join(self._cell(row[name]) for name, _ in self._columns).encode() + b"\r\n")

    def _cell(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | float):
            return repr(value)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        # Whitespace before the sign does not keep every spreadsheet from running it.
        if text.lstrip().startswith(_FORMULA):
            self.formulas += 1
            text = f"'{text}" if self.guards else text
        return '"' + self._whole(text).replace('"', '""') + '"'


class ParquetRows(Rows):
    """A Parquet file, a row group at a time; JSON as text.

    Raises:
        MissingExtra: pyarrow is not installed.
    """

    _TYPES: ClassVar[Mapping[Kind, str]] = {
        "text": "string",
        "json": "string",
        "number": "float64",
        "whole": "int64",
        "flag": "bool_",
    }

    def __init__(self, place: Path, columns: Sequence[Column], facts: Mapping[str, bytes]) -> None:
        self._arrow = _needed("pyarrow")
        parquet = _needed("pyarrow.parquet")
        self._columns = columns
        self._schema = self._arrow.schema(
            [(name, self._type(kind)) for name, kind in columns], metadata=facts
        )
        self._waiting: list[dict[str, Any]] = []
        self._bytes = 0
        self._closed = False
        with writable():
            self._writer = parquet.ParquetWriter(place, self._schema, version="2.6", compression="zstd")

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row."""
        record = {name: self._plain(row[name], kind) for name, kind in self._columns}
        self._waiting.append(record)
        self._bytes += 500 + sum(len(one) for one in record.values() if isinstance(one, str))
        if len(self._waiting) >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def finish(self) -> None:
        """Write what waits, and the end of the file."""
        if self._waiting:
            self._flush()
        self.close()

    def close(self) -> None:
        """Release the file."""
        if not self._closed:
            self._closed = True
            with writable():
                self._writer.close()

    def _flush(self) -> None:
        group = self._arrow.Table.from_pylist(self._waiting, schema=self._schema)
        with writable():
            self._writer.write_table(group, row_group_size=len(self._waiting))
        self._waiting, self._bytes = [], 0

    def _type(self, kind: Kind) -> Any:
        if kind == "texts":
            return self._arrow.list_(self._arrow.string())
        return getattr(self._arrow, self._TYPES[kind])()

    def _plain(self, value: Any, kind: Kind) -> Any:
        if value is None:
            return None
        if kind == "json":
            return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
        if kind == "texts":
            return [self._whole(one) for one in value]
        return self._whole(value) if kind == "text" else value


_needed = partial(
    optional,
    what="Parquet needs",
    field="export",
    mend="pip install 'shotsmith[export]', or write .csv or .jsonl",
)
