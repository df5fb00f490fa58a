"""Where bulk work runs: in this process, in worker processes, or on a Ray cluster."""

from .base import EXECUTORS, Executor, Local, open_executor

__all__ = ["EXECUTORS", "Executor", "Local", "open_executor"]
