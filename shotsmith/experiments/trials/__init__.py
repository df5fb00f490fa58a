"""Trials: every arm asked about every item, once, within a budget, through outages and restarts."""

from .findings import Findings
from .keep import Cell, Keep, MemoryKeep, Record, SqlKeep
from .meter import BudgetSpent, Meter, Spending, Spent
from .outage import Outage
from .trials import Standing, Trials, cells_of

__all__ = [
    "BudgetSpent",
    "Cell",
    "Findings",
    "Keep",
    "MemoryKeep",
    "Meter",
    "Outage",
    "Record",
    "Spending",
    "Spent",
    "SqlKeep",
    "Standing",
    "Trials",
    "cells_of",
]
