"""Tables and tensors that grow row by row in files, so that an export of any length needs little memory."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..extras import writable
from .packages import needed

GROUP_ROWS = 2048
GROUP_BYTES = 16_000_000


class Table:
    """A Parquet file. Rows wait in memory until they fill a row group.

    Args:
        place: The file.
        schema: Its Arrow schema.
        group_bytes: When a row group is full, beside `GROUP_ROWS`.
        options: Of pyarrow's writer.
    """

    def __init__(self, place: Path, schema: Any, *, group_bytes: int = GROUP_BYTES, **options: Any) -> None:
        self.rows = 0
        self._schema = schema
        self._group_bytes = group_bytes
        self._waiting: list[Mapping[str, Any]] = []
        self._waiting_bytes = 0
        with writable():
            self._writer = needed("pyarrow.parquet").ParquetWriter(place, schema, version="2.6", **options)

    def add(self, row: Mapping[str, Any], size: int) -> None:
        """Append a row of about so many bytes."""
        self._waiting.append(row)
        self._waiting_bytes += size
        self.rows += 1
        if len(self._waiting) >= GROUP_ROWS or self._waiting_bytes >= self._group_bytes:
            self._flush()

    def finish(self) -> None:
        """Write what waits, and the end of the file."""
        if self._waiting:
            self._flush()
        with writable():
            self._writer.close()

    def close(self) -> None:
        """Release the file, whatever state it is in. Idempotent."""
        self._waiting.clear()
        with writable():
            self._writer.close()

    def _flush(self) -> None:
        group = needed("pyarrow").Table.from_pylist(self._waiting, schema=self._schema)
        with writable():
            self._writer.write_table(group, row_group_size=len(self._waiting))
        self._waiting, self._waiting_bytes = [], 0


class Tensor:
    """An array that grows by its first axis, kept in a file without a name.

    Args:
        folder: On which disk.
        dtype: Of its numbers.
        shape: Of one row.
    """

    def __init__(self, folder: Path, dtype: type[np.generic], *shape: int) -> None:
        self.rows = 0
        self._dtype = dtype
        self._shape = shape
        with writable():
            self._file = tempfile.TemporaryFile(prefix=".", dir=folder)  # noqa: SIM115 - closed by `close`

    def append(self, row: Any) -> None:
        """Add one row."""
        with writable():
            self._file.write(np.asarray(row, dtype=self._dtype).reshape(self._shape).tobytes())
        self.rows += 1

    def mapped(self) -> NDArray[Any]:
        """All rows, read from the file when they are needed."""
        if not self.rows or 0 in self._shape:
            return np.empty((self.rows, *self._shape), self._dtype)
        with writable():
            self._file.flush()
            return np.memmap(self._file, self._dtype, "r", shape=(self.rows, *self._shape))

    def close(self) -> None:
        """Let the file go. Idempotent."""
        with writable():
            self._file.close()
