"""Experiments: which selector, how many shots, and did the demonstrations help at all."""

from .arms import MAJORITY, RANDOM, VOTE, ZERO_SHOT, Arm, plan
from .bench import Bench, held_out
from .contact_sheet import contact_sheet
from .outcomes import Outcome
from .report import render
from .results import ArmResult, Comparison
from .runner import compare
from .samples import Row, Sample, Shown, gather, illustrate
from .terminal import arms_table
from .words import headline, percent, points, title

__all__ = [
    "MAJORITY",
    "RANDOM",
    "VOTE",
    "ZERO_SHOT",
    "Arm",
    "ArmResult",
    "Bench",
    "Comparison",
    "Outcome",
    "Row",
    "Sample",
    "Shown",
    "arms_table",
    "compare",
    "contact_sheet",
    "gather",
    "headline",
    "held_out",
    "illustrate",
    "percent",
    "plan",
    "points",
    "render",
    "title",
]
