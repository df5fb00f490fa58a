"""JSON Lines: one object a line, images, sounds and videos as paths or data URLs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from os import PathLike
from typing import Any

from ..domain.errors import InvalidInput
from ..domain.examples import Draft
from .records import draft, existing_file, image_root, text_line


class JsonLines:
    """Reads a UTF-8 file with one JSON object a line; blank lines are passed over.

    Fields, all optional: `id`, `image` or `images` (a path, a data URL, or a list of them), `audio`, `video` and
    `media` (the same for sounds, for videos, and for any of the three), `text`, `answer`, `label` or `labels` (a
    string or a list), `group`, `split`, `tags` (a string or a list) and `metadata` (a flat object).

    Args:
        source: The file.
        root: Directory that relative image paths start from; by default the file's own.

    Raises:
        InvalidInput: The source is not a file.
        InvalidParameter: The root is not a directory.
    """

    def __init__(self, source: str | PathLike[str], *, root: str | PathLike[str] | None = None) -> None:
        self.source = existing_file(source)
        self.root = image_root(self.source, root)

    @property
    def skipped(self) -> int:
        """Always 0: every line that is not blank is read or refused."""
        return 0

    def read(self) -> Iterator[Draft]:
        """The drafts in the file's order.

        Raises:
            InvalidInput: At the first line that cannot be used; for a file without an example.
        """
        found = False
        with self.source.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                where = f"{self.source.name}:{number}"
                line = text_line(raw, number, where)
                if line.strip():
                    found = True
                    yield draft(parsed_line(line, where), where=where, root=self.root)
        if not found:
            raise InvalidInput(
                "the file holds no example",
                field="source",
                value=str(self.source),
                mend="Write one JSON object a line",
            )

    def total(self) -> int | None:
        """Lines that are not blank."""
        with self.source.open("rb") as lines:
            return sum(not raw.isspace() for raw in lines)


def parsed_line(line: str, where: str) -> dict[str, Any]:
    """The object of a line.

    Raises:
        InvalidInput: It is not one JSON object that can be stored.
    """
    try:
        record = json.loads(line, object_pairs_hook=_once, parse_constant=_no_constant)
        if "\\ud" in line.lower():
            # Half of a surrogate pair is JSON, but no database or model can take it.
            json.dumps(record, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"the line is not JSON: {error.msg} at column {error.colno}",
            field=where,
            value=line.strip(),
            mend="Write one JSON object a line",
        ) from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"the line is not usable JSON: {error}",
            field=where,
            value=line.strip(),
            mend="Write one flat JSON object a line",
        ) from None
    if not isinstance(record, dict):
        raise InvalidInput(
            "the line is not a JSON object",
            field=where,
            value=line.strip(),
            mend='Write {"image": …, "label": …}',
        )
    return record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"{twice!r} is given twice")
    return record


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
