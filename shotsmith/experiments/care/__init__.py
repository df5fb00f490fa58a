"""Data care: suspect labels, copies and leaks, coverage of labels, and what to label next.

The functions of `suspects`, `influence`, `copies`, `coverage` and `labelling` are pure; those of `pool` ask an engine.
"""

from .copies import Copies, copies
from .coverage import Coverage, Covered, coverage
from .influence import Logged, influence
from .labelling import Regime, label_next
from .logs import read_log
from .pool import Pick, pool_copies, pool_coverage, pool_label_next, pool_suspects
from .suspects import Suspect, suspects

__all__ = [
    "Copies",
    "Coverage",
    "Covered",
    "Logged",
    "Pick",
    "Regime",
    "Suspect",
    "copies",
    "coverage",
    "influence",
    "label_next",
    "pool_copies",
    "pool_coverage",
    "pool_label_next",
    "pool_suspects",
    "read_log",
    "suspects",
]
