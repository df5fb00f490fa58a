"""The advisor: which regime a task is in, which recipe to use, and why."""

from .advice import Advice, Evidence, Point, Regime, Stage

__all__ = ["Advice", "Evidence", "Point", "Regime", "Stage"]
