"""Where a prompt stops being the same for every query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..domain.messages import Mark, Message
from .dialects import Brief, Dialect, Shot

#: A query like no other: what it has in common with a prompt does not depend on the query.
_OTHER = Shot(text="\N{REPLACEMENT CHARACTER}")


def common(messages: Sequence[Message], brief: Brief, dialect: Dialect, *, alone: bool = True) -> Mark | None:
    """The last part up to which another query's prompt has the same parts; None where already the first differs.

    Found by rendering, so that it holds for every dialect: the same fixed demonstrations and another query are laid
    out, and what both have in common from the start is the prefix.

    Args:
        messages: The prompt.
        brief: What it lays out.
        dialect: How.
        alone: Whether the fixed demonstrations are all that any query is shown. Otherwise the prefix ends with them,
            even where for this query no other one fitted.
    """
    fixed = tuple(shot for shot in brief.shots if shot.fixed)
    shots = fixed if alone else (*fixed, replace(_OTHER, answer=_OTHER.text))
    others = dialect.render(replace(brief, shots=shots, query=_OTHER))
    end: Mark | None = None
    for turn, (message, other) in enumerate(zip(messages, others, strict=False)):
        if message.role != other.role:
            break
        for part, (mine, its) in enumerate(zip(message.parts, other.parts, strict=False)):
            if mine != its:
                return end
            end = Mark(turn, part)
        if len(message.parts) != len(other.parts):
            break
    return end


def cut(messages: Sequence[Message], mark: Mark) -> tuple[Message, ...]:
    """The messages up to a mark, the marked part included."""
    last = messages[mark.turn]
    return (*messages[: mark.turn], Message(last.role, last.parts[: mark.part + 1]))
