"""Runs of experiment files: planned, asked, kept, and gone on with after any interruption."""

from .planned import Planned, findings, planned
from .running import run_experiment

__all__ = ["Planned", "findings", "planned", "run_experiment"]
