"""The advisor: which regime a task is in, which recipe to use, and why."""

from .advice import Advice, Evidence, Point, Regime, Stage
from .advise import advise
from .rules import Margins

__all__ = ["Advice", "Evidence", "Margins", "Point", "Regime", "Stage", "advise"]
