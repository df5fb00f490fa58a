"""Named parts: built-ins and plugins register alike, by entry point, and load on first use.

A plugin declares, for example, `[project.entry-points."shotsmith.selectors"] mine = "my_package:Mine"`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from .domain.errors import MissingExtra, UnknownName
from .domain.names import hint

Kind = Literal["encoders", "selectors", "dialects", "importers", "vlms"]


@cache
def _entries(kind: Kind) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"shotsmith.{kind}")}


def names(kind: Kind) -> list[str]:
    """Registered names, sorted."""
    return sorted(_entries(kind))


def load(kind: Kind, name: str, *, also: Iterable[str] = ()) -> Any:
    """The registered class or factory; `also` are names that may be meant, though not registered.

    Raises:
        UnknownName: With the nearest registered names as the mend.
        MissingExtra: A plugin's module cannot be imported.
    """
    try:
        entry = _entries(kind)[name]
    except KeyError:
        known = names(kind)
        raise UnknownName(
            f"unknown {kind[:-1]}",
            field=kind[:-1],
            value=name,
            mend=f"{hint(name, [*also, *known])}Known: {', '.join(known)}",
        ) from None
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        package = entry.dist.name if entry.dist else entry.module
        raise MissingExtra(
            f"the {kind[:-1]} of the package {package} cannot be loaded: {error}",
            field=kind[:-1],
            value=name,
            mend=f"Repair or uninstall {package}",
        ) from error
