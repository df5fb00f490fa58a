"""Dialects: how an instruction, demonstrations and a query are laid out as messages.

A dialect subclasses `DialectBase`, its fields being its options, or is any class without arguments that has `render`;
it registers under the entry point group `shotsmith.dialects`, as the built-in ones do. It only lays out: what is shown,
and in which order, is decided before.
"""

from .base import Brief, Dialect, DialectBase, Shot, SummaryKind
from .catalogue import Description, Option, describe, open_dialect

__all__ = [
    "Brief",
    "Description",
    "Dialect",
    "DialectBase",
    "Option",
    "Shot",
    "SummaryKind",
    "describe",
    "open_dialect",
]
