"""Query batching, as in ManyICL (arXiv 2405.09798): several queries in one call, behind the same demonstrations.

`plan` says which queries share a call, `layout` shows them as numbered questions, `blocks` reads the numbered answers.
Every question has a tag besides its number, and every answer repeats both at its start and its end: an answer that
stands at the wrong place, runs into the next or is cut off shows it, and is never taken for another query's.
"""

from .blocks import Block, State, read_blocks
from .layout import BatchDialect, batch_prompt, together
from .plan import MOST, Batch, plan_batches, tags_of

__all__ = [
    "MOST",
    "Batch",
    "BatchDialect",
    "Block",
    "State",
    "batch_prompt",
    "plan_batches",
    "read_blocks",
    "tags_of",
    "together",
]
