"""Named parts: built-ins and plugins register alike, by entry point, and load on first use.

A plugin declares, for example, `[project.entry-points."shotsmith.selectors"] mine = "my_package:Mine"`.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from .domain.errors import UnknownName

Kind = Literal["encoders", "selectors", "dialects", "importers", "vlms"]


@cache
def _entries(kind: Kind) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"shotsmith.{kind}")}


def names(kind: Kind) -> list[str]:
    """Registered names, sorted."""
    return sorted(_entries(kind))


def load(kind: Kind, name: str) -> Any:
    """The registered class or factory.

    Raises:
        UnknownName: With the nearest registered names as the mend.
    """
    try:
        entry = _entries(kind)[name]
    except KeyError:
        known = names(kind)
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise UnknownName(
            f"unknown {kind[:-1]}", field=kind[:-1], value=name, mend=f"{hint}Known: {', '.join(known)}"
        ) from None
    return entry.load()
