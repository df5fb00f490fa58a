"""The instruction as a factor: variants of it, which of them is best, and whether it beats the pool's own.

After Multimodal Prompt Optimization (Choi et al. 2025, arXiv 2510.09201): a model writes variants from failures, and
which variant is evaluated next follows from the evaluations before. Any arms can be searched like that.
"""

from .best import METHODS, best_arm, least_calls
from .findings import ArmSeen, Best, Confirmation
from .grid import Evaluate
from .proposing import Failure, Proposals, propose_instructions
from .split import split_items
from .ucb import Earlier

__all__ = [
    "METHODS",
    "ArmSeen",
    "Best",
    "Confirmation",
    "Earlier",
    "Evaluate",
    "Failure",
    "Proposals",
    "best_arm",
    "least_calls",
    "propose_instructions",
    "split_items",
]
