"""How synthetic examples are told from real ones."""

from __future__ import annotations

from ...domain.examples import Example

SYNTHETIC = "synthetic"
"""The tag that examples made up by a model carry; they are shown, but never asked as held-out items."""


def is_synthetic(example: Example) -> bool:
    """Whether a model made the example up."""
    return SYNTHETIC in example.tags
