"""The truth: SQL tables, content-addressed blobs, and the outbox that feeds the vector index."""

from .blobs import Blobs
from .calibration import CalibrationStates
from .calls import CallLedger
from .database import Database
from .embeddings import EmbeddingCache
from .examples import Examples, Write
from .neighbours import Neighbours
from .outbox import Outbox, Task
from .plans import Plans
from .pools import Pools
from .renders import Renders
from .runs import OutcomeRow, Runs

__all__ = [
    "Blobs",
    "CalibrationStates",
    "CallLedger",
    "Database",
    "EmbeddingCache",
    "Examples",
    "Neighbours",
    "Outbox",
    "OutcomeRow",
    "Plans",
    "Pools",
    "Renders",
    "Runs",
    "Task",
    "Write",
]
