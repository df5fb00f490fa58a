"""JSON, one document or one object a line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from ...domain.errors import InvalidInput
from ..records import UTF8_BOM, text_line


def parsed(path: Path) -> tuple[Any, list[str] | None]:
    """What a file holds; for JSON Lines a list, and the place of each object.

    Raises:
        InvalidInput: It is neither.
    """
    try:
        text = path.read_bytes().removeprefix(UTF8_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"neither a NumPy file nor text in UTF-8: byte {error.start + 1}",
            field="source",
            value=str(path),
            mend="Give JSON, JSON Lines, .npy or .npz",
        ) from None
    try:
        return _json(text), None
    except json.JSONDecodeError as error:
        # A second value on another line: one object a line.
        if error.msg == "Extra data" and error.lineno > 1:
            return _lines(path)
        raise InvalidInput(
            f"the file is not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            field="source",
            value=str(path),
            mend="Give JSON, JSON Lines, .npy or .npz",
        ) from None
    except (ValueError, RecursionError) as error:
        raise _unusable(error, path.name) from None


def _lines(path: Path) -> tuple[list[Any], list[str]]:
    found, places = [], []
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, 1):
            where = f"{path.name}:{number}"
            line = text_line(raw, number, where)
            if not line.strip():
                continue
            try:
                found.append(_json(line))
            except json.JSONDecodeError as error:
                raise InvalidInput(
                    f"the line is not JSON: {error.msg} at column {error.colno}",
                    field=where,
                    value=line.strip(),
                    mend="Write one JSON object a line",
                ) from None
            except (ValueError, RecursionError) as error:
                raise _unusable(error, where) from None
            places.append(where)
    return found, places


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"{twice!a} is given twice")
    return record


def _unusable(error: Exception, where: str) -> InvalidInput:
    return InvalidInput(
        f"the JSON cannot be used: {error}", field=where, mend="Write each name once, and flat"
    )
