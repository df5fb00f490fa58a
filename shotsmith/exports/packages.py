"""The packages that only exports need."""

from __future__ import annotations

import importlib
from typing import Any

from ..domain.errors import MissingExtra


def needed(module: str) -> Any:
    """Import a module of an optional package.

    Raises:
        MissingExtra: The package, or something it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"exports need the package {error.name}",
            field="export",
            mend="pip install 'shotsmith[export]'",
        ) from error
