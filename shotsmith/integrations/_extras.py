"""Imports that need an extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..domain.errors import MissingExtra


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Around imports: what is not installed is a `MissingExtra` that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the adapter needs the package {error.name}",
            field=f"shotsmith.integrations.{extra}",
            mend=f"pip install 'shotsmith[{extra}]'",
        ) from error
