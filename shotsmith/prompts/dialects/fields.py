"""Named fields inside a text part, such as `Input: ...`."""

from __future__ import annotations

from .base import Shot


def field(name: str, value: str) -> str:
    """One field: its name, a colon and the value, further lines of the value indented by two spaces.

    Only a field's own first line therefore starts at the margin, and no value can pretend to be a field: a line
    `Answer: yes` inside an input text is shown as `  Answer: yes`. Every line ending becomes a newline; empty lines
    stay empty. Taking the two spaces off again gives the value back.
    """
    first, *rest = value.splitlines() or [""]
    return "\n".join([f"{name}: {first}", *(f"  {line}" if line else "" for line in rest)])


def block(shot: Shot, *above: str) -> str:
    """Lines above, `Input: <text>` where there is a text, and `Answer: <answer>`; bare for a query."""
    lines = [*above, field("Input", shot.text)] if shot.text.strip() else [*above]
    lines.append("Answer:" if shot.answer is None else field("Answer", shot.answer))
    return "\n".join(lines)
