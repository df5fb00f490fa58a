"""What asking a model gives."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain.messages import Reply
from ..domain.selections import Prompt, Selection
from ..prompts.parsing import Parsed


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer with everything that led to it.

    Attributes:
        reply: What the model said, with usage and cost.
        parsed: The answer read from it; a parse failure is said, and counts as wrong.
        selection: The demonstrations it was shown.
        prompt: The messages it was sent and their manifest.
    """

    reply: Reply
    parsed: Parsed
    selection: Selection
    prompt: Prompt
