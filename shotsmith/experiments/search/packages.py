"""The packages that only the search for the best arm needs."""

from __future__ import annotations

import importlib
from typing import Any

from ...domain.errors import MissingExtra


def needed(module: str) -> Any:
    """Import a module of an optional package.

    Raises:
        MissingExtra: The package, or something it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the search for the best arm needs the package {error.name}",
            field="search",
            mend="pip install 'shotsmith[search]'",
        ) from error
