"""Prompts behind outcomes, rebuilt and checked."""

from __future__ import annotations

from ..domain.errors import ShotsmithError
from ..domain.selections import Prompt
from .arms import Arm
from .bench import Bench
from .outcomes import Outcome


def rebuilt(bench: Bench, arm: Arm, outcome: Outcome) -> tuple[Prompt | None, str]:
    """The prompt behind an outcome, and what must be said of it: empty where it is the one that was sent.

    Args:
        bench: Where it was asked.
        arm: Who asked.
        outcome: What came of it; its seed is the prompt's.
    """
    if not arm.asks or arm.recipe is None:
        return None, "nobody was asked"
    if arm.batch > 1:
        return None, "the prompt held several queries; such prompts are not rebuilt"
    try:
        prompt = bench.prompt(arm.seeded(outcome.seed), outcome.item)
    except ShotsmithError as error:
        return None, f"the prompt cannot be rebuilt: {error}"
    if not outcome.prompt_sha256:
        return prompt, "this prompt was not answered, or its hash was not kept"
    if prompt.manifest["prompt_sha256"] != outcome.prompt_sha256:
        return prompt, (
            f"this is not the prompt that was sent, whose sha256 is {outcome.prompt_sha256[:12]}…: the pool, an "
            "encoder or Shotsmith has changed since"
        )
    return prompt, ""
