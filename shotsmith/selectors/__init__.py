"""Selectors decide which examples become demonstrations; orders decide how they are laid out.

A selector of your own subclasses `SelectorBase` and registers under the entry point group `shotsmith.selectors`;
`ArraySource` gives it a pool in memory to be tested on.
"""

from .base import SelectorBase
from .catalogue import Description, Parameter, build, describe
from .fake import ArraySource
from .orders import ORDERS, arrange

__all__ = [
    "ORDERS",
    "ArraySource",
    "Description",
    "Parameter",
    "SelectorBase",
    "arrange",
    "build",
    "describe",
]
