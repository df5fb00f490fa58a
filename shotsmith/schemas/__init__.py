"""The shapes that the REST API, the SDK and the CLI share: validated on the way in, stable JSON on the way out."""

from .examples import (
    AddedOut,
    ExampleIn,
    ExampleOut,
    ExamplePage,
    ExamplesIn,
    MediaOut,
    PoolIn,
    PoolOut,
)
from .images import data_url, image_files, media_files
from .neighbours import NeighboursIn, NeighboursOut
from .problems import Problem
from .selections import (
    AnswerIn,
    AnswerOut,
    DemonstrationOut,
    PromptIn,
    PromptOut,
    QueryIn,
    RemovalOut,
    SelectionIn,
    SelectionOut,
    UsageOut,
    openai_message,
)
from .selectors import CardOut, ParameterOut, SelectorOut

__all__ = [
    "AddedOut",
    "AnswerIn",
    "AnswerOut",
    "CardOut",
    "DemonstrationOut",
    "ExampleIn",
    "ExampleOut",
    "ExamplePage",
    "ExamplesIn",
    "MediaOut",
    "NeighboursIn",
    "NeighboursOut",
    "ParameterOut",
    "PoolIn",
    "PoolOut",
    "Problem",
    "PromptIn",
    "PromptOut",
    "QueryIn",
    "RemovalOut",
    "SelectionIn",
    "SelectionOut",
    "SelectorOut",
    "UsageOut",
    "data_url",
    "image_files",
    "media_files",
    "openai_message",
]
