"""The shapes that the REST API, the SDK and the CLI share: validated on the way in, stable JSON on the way out."""

from .batches import BatchAnswerOut, BatchIn, BatchOut, ShareOut
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
    ConfidenceOut,
    DemonstrationOut,
    PromptIn,
    PromptOut,
    QueryIn,
    RemovalOut,
    SelectionIn,
    SelectionOut,
    UsageOut,
    openai_message,
    prompt_json,
)
from .selectors import CardOut, ParameterOut, SelectorOut

__all__ = [
    "AddedOut",
    "AnswerIn",
    "AnswerOut",
    "BatchAnswerOut",
    "BatchIn",
    "BatchOut",
    "CardOut",
    "ConfidenceOut",
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
    "ShareOut",
    "UsageOut",
    "data_url",
    "image_files",
    "media_files",
    "openai_message",
    "prompt_json",
]
