"""Runs of experiment files: planned, asked, kept, and gone on with after any interruption."""

from .planned import Planned, delete_run, findings, planned
from .running import run_experiment

__all__ = ["Planned", "delete_run", "findings", "planned", "run_experiment"]
