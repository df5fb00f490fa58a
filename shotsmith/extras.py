"""Packages that only some work needs, and files that cannot be written: one clear error each."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .domain.errors import MissingExtra, Unavailable


def optional(module: str, *, what: str, field: str, mend: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: Its name.
        what: Who needs it, as in "exports need".
        field: What was asked for.
        mend: How to install it, or do without.

    Raises:
        MissingExtra: The package, or something it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{what} the package {error.name}", field=field, mend=mend) from error


@contextmanager
def writable() -> Iterator[None]:
    """Turns what the file system refuses into one clear error.

    Raises:
        Unavailable: With the reason.
    """
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"the export cannot be written: {error.strerror or error}",
            field="out",
            value=error.filename,
            mend="Name a place that can be written, with room enough",
        ) from error
