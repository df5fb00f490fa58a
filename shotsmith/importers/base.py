"""What importers of benchmarks and label tools share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import Draft
from .records import existing_file, image_root

TRAIN, TEST = "train", "test"


class FileImporter:
    """Reads one file; subclasses say how in `_drafts`.

    Args:
        source: The file.
        root: Directory that image paths start from; by default the file's own.

    Raises:
        InvalidInput: The source is not a file.
        InvalidParameter: The root is not a directory.
    """

    def __init__(self, source: str | PathLike[str], *, root: str | PathLike[str] | None = None) -> None:
        self.source = existing_file(source)
        self.root = image_root(self.source, root)
        self._skipped = 0

    @property
    def skipped(self) -> int:
        """How many items the last `read` passed over."""
        return self._skipped

    def read(self) -> Iterator[Draft]:
        """The drafts in the file's order.

        Raises:
            InvalidInput: At the first item that cannot be used; for a file without an example.
        """
        self._skipped = 0
        found = False
        for draft in self._drafts():
            found = True
            yield draft
        if not found:
            raise InvalidInput(
                "the source holds no example",
                field="source",
                value=str(self.source),
                mend=f"{self._skipped} items were passed over" if self._skipped else "Name another",
            )

    def total(self) -> int | None:
        """Not known before it is read."""
        return None

    def _drafts(self) -> Iterator[Draft]:
        raise NotImplementedError


class FolderImporter(FileImporter):
    """The same for a directory of files."""

    def __init__(self, source: str | PathLike[str], *, root: str | PathLike[str] | None = None) -> None:
        self.source = Path(source)
        if not self.source.is_dir():
            reason = "is a file" if self.source.exists() else "does not exist"
            raise InvalidInput(
                f"the directory {reason}",
                field="source",
                value=str(source),
                mend="Name the directory that holds the files",
            )
        if root is not None and not os.path.isdir(root):
            raise InvalidParameter(
                "not a directory", field="root", value=str(root), mend="Name an existing directory"
            )
        self.root = self.source if root is None else Path(root)
        self._skipped = 0


def fields(item: Any, where: str, *names: str) -> Mapping[str, Any]:
    """An object that has these fields.

    Raises:
        InvalidInput: Naming what is missing.
    """
    if not isinstance(item, dict):
        wrong("not an object", where, item, f"Write an object with {', '.join(names)}")
    for name in names:
        if item.get(name) is None:
            wrong("the field is missing", f"{where}: {name}", None, f"Write {', '.join(names)}")
    return item


def text_of(value: Any, field: str) -> str:
    """A string, or a number written as one.

    Raises:
        InvalidInput: For anything else.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        wrong("neither a string nor a number", field, value, "Write a string")
    return str(value)


def list_of(value: Any, field: str) -> list[Any]:
    """A list. Raises InvalidInput for anything else."""
    if not isinstance(value, list):
        wrong("not a list", field, value, "Write a list")
    return value


def facts(item: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of the named values that can be metadata, where they are given."""
    return {name: item[name] for name in names if isinstance(item.get(name), str | int | float)}


def one_of(option: str, value: Any, known: tuple[str, ...]) -> None:
    """Refuse a value that is not among the known ones.

    Raises:
        InvalidParameter: Naming them.
    """
    if value not in known:
        raise InvalidParameter(
            "not one of the choices", field=option, value=value, mend=f"Use one of {', '.join(known)}"
        )


def wrong(what: str, field: str, value: Any, mend: str) -> NoReturn:
    """Raise one clear error."""
    raise InvalidInput(what, field=field, value=value, mend=mend)
