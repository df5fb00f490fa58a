"""From a reply to an answer of the pool: the task's parser, and symbols back to labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..domain.examples import Pool
from ..domain.messages import Reply
from ..domain.parsed import Parsed
from ..domain.selections import Prompt
from ..prompts.parsing import Embed, Task, parse, task_of
from ..prompts.symbols import decode


def task_for(pool: Pool, labels: Sequence[str], prompt: Prompt) -> Task:
    """What is read from replies to a prompt: labels as it shows them."""
    symbols: Mapping[str, str] = prompt.manifest["symbols"]
    return task_of(pool, [symbols.get(label, label) for label in labels])


def read(reply: Reply, task: Task, prompt: Prompt, embed: Embed | None = None) -> Parsed:
    """The answer in a reply, in the words of the pool.

    Args:
        reply: What the model said.
        task: As `task_for` gave it.
        prompt: What it was sent.
        embed: Embeds texts, to find the label that is nearest to a reply that names none; symbols have no meaning that
            could be near.
    """
    symbols: Mapping[str, str] = prompt.manifest["symbols"]
    parsed = parse(reply.text, task, embed=None if symbols else embed, alternatives=reply.alternatives)
    if not symbols:
        return parsed
    meant = {symbol: label for label, symbol in symbols.items()}
    value = parsed.value
    if isinstance(value, tuple):
        value = tuple(meant.get(one, one) for one in value)
    elif isinstance(value, str):
        value = meant.get(value, value)
    return replace(
        parsed,
        answer=None if parsed.answer is None else decode(parsed.answer, symbols),
        value=value,
        found=tuple(meant.get(one, one) for one in parsed.found),
        unknown=tuple(meant.get(one, one) for one in parsed.unknown),
    )
