"""Augmentation: examples that a model makes up from real ones (Baek et al., arXiv 2412.16926)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .flags import SYNTHETIC, is_synthetic

if TYPE_CHECKING:
    from .making import augment
    from .results import Augmented
    from .settings import Augmentation

__all__ = ["SYNTHETIC", "Augmentation", "Augmented", "augment", "is_synthetic"]

_HOMES = {"Augmentation": ".settings", "Augmented": ".results", "augment": ".making"}


def __getattr__(name: str) -> Any:
    # Loaded on first use: the bench asks for the flag, and what makes examples up needs the bench.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)
