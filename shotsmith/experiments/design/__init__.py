"""Experiment files, the arms that they name, and what running them takes."""

from .arms import INSTRUCTIONS, arms_of
from .checks import bench_of, check, items_of
from .controls import CONTROLS
from .estimate import ArmCost, Estimates, estimate
from .file import ArmSpec, ExperimentFile, Focus, Fold, experiment_schema

__all__ = [
    "CONTROLS",
    "INSTRUCTIONS",
    "ArmCost",
    "ArmSpec",
    "Estimates",
    "ExperimentFile",
    "Focus",
    "Fold",
    "arms_of",
    "bench_of",
    "check",
    "estimate",
    "experiment_schema",
    "items_of",
]
