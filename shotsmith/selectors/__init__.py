"""Selectors decide which examples become demonstrations, stages rework a choice, orders lay it out.

A selector of your own subclasses `SelectorBase`, a stage `StageBase`, and registers under the entry point group
`shotsmith.selectors`; `ArraySource` gives it a pool in memory to be tested on.
"""

from .base import Card, SelectorBase, StageBase
from .catalogue import Description, Inner, Parameter, build, describe
from .chain import Chain
from .fake import ArraySource
from .orders import ORDERS, arrange

__all__ = [
    "ORDERS",
    "ArraySource",
    "Card",
    "Chain",
    "Description",
    "Inner",
    "Parameter",
    "SelectorBase",
    "StageBase",
    "arrange",
    "build",
    "describe",
]
