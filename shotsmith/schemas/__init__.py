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
from .images import data_url, image_files
from .problems import Problem
from .selections import (
    AnswerIn,
    AnswerOut,
    DemonstrationOut,
    PromptOut,
    QueryIn,
    RemovalOut,
    SelectionIn,
    SelectionOut,
    UsageOut,
    openai_message,
)

__all__ = [
    "AddedOut",
    "AnswerIn",
    "AnswerOut",
    "DemonstrationOut",
    "ExampleIn",
    "ExampleOut",
    "ExamplePage",
    "ExamplesIn",
    "MediaOut",
    "PoolIn",
    "PoolOut",
    "Problem",
    "PromptOut",
    "QueryIn",
    "RemovalOut",
    "SelectionIn",
    "SelectionOut",
    "UsageOut",
    "data_url",
    "image_files",
    "openai_message",
]
