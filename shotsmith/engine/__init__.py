"""The engine: the one object that the service, the CLI and a notebook all drive."""

from .added import Added
from .answers import Answer
from .core import Engine
from .doctor import Checkup

__all__ = ["Added", "Answer", "Checkup", "Engine"]
