"""Dialects: how an instruction, demonstrations and a query are laid out as messages.

A dialect is a class without arguments, registered under `shotsmith.dialects`; the built-in ones are `chat` and
`interleaved`. It only lays out: what is shown, and in which order, is decided before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from ... import registry
from ...domain.messages import MediaPart, Message


@dataclass(frozen=True, slots=True)
class Shot:
    """A demonstration, or the query, ready to be laid out.

    Attributes:
        media: Prepared images and sounds, in the order they are shown.
        text: Input text; blank for none.
        answer: The answer of a demonstration, never blank; None for the query.
        fixed: Whether every query is shown it, before all that depends on the query.
    """

    media: tuple[MediaPart, ...] = ()
    text: str = ""
    answer: str | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything that a prompt shows.

    Attributes:
        instruction: What the model is asked to do.
        shots: Demonstrations in prompt order.
        query: What is to be answered now.
    """

    instruction: str
    shots: tuple[Shot, ...]
    query: Shot


@runtime_checkable
class Dialect(Protocol):
    """Lays a brief out as messages. Pure: an equal brief gives equal messages."""

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """The messages; demonstrations in the given order, the query last."""
        ...


def open_dialect(name: str) -> Dialect:
    """The registered dialect of that name.

    Raises:
        UnknownName: With the registered names as the mend.
    """
    return cast(Dialect, registry.load("dialects", name)())
