"""Shotsmith chooses, orders and renders the demonstrations that a vision-language model is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clients.sdk import AsyncClient, Client
    from .domain.errors import ShotsmithError
    from .domain.recipes import Recipe
    from .engine import Engine
    from .settings import Settings

__version__ = "0.1.0"

__all__ = ["AsyncClient", "Client", "Engine", "Recipe", "Settings", "ShotsmithError", "__version__"]

_HOMES = {
    "AsyncClient": "shotsmith.clients.sdk",
    "Client": "shotsmith.clients.sdk",
    "Engine": "shotsmith.engine",
    "Recipe": "shotsmith.domain.recipes",
    "Settings": "shotsmith.settings",
    "ShotsmithError": "shotsmith.domain.errors",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that `import shotsmith` stays fast.
    if name not in _HOMES:
        raise AttributeError(f"module 'shotsmith' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
