"""The engine: the one object that the service, the CLI and a notebook all drive."""

from .answers import Answer
from .core import Added, Engine
from .doctor import Checkup

__all__ = ["Added", "Answer", "Checkup", "Engine"]
