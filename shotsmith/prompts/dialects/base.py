"""What every dialect is given and what it is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

from ...domain.messages import MediaPart, Message
from ...domain.recipes import Frozen

SummaryKind = Literal["caption", "intent"]
"""What stands in for images: what they show, or what they show that leads to the answer (arXiv 2402.11574)."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A demonstration, or the query, ready to be laid out.

    Attributes:
        media: Prepared images and sounds, in the order they are shown.
        text: Input text; blank for none.
        answer: The answer of a demonstration, never blank; None for the query.
        fixed: Whether every query is shown it, before all that depends on the query.
        summary: What a dialect that asked for it shows in place of the images; blank for none.
    """

    media: tuple[MediaPart, ...] = ()
    text: str = ""
    answer: str | None = None
    fixed: bool = False
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything that a prompt shows.

    Attributes:
        instruction: What the model is asked to do.
        shots: Demonstrations in prompt order.
        query: What is to be answered now.
        labels: The label space as the instruction shows it, for dialects that repeat it; empty for an open one.
    """

    instruction: str
    shots: tuple[Shot, ...]
    query: Shot
    labels: tuple[str, ...] = ()


@runtime_checkable
class Dialect(Protocol):
    """Lays a brief out as messages. Pure: an equal brief gives equal messages."""

    def render(self, brief: Brief) -> tuple[Message, ...]:
        """The messages; demonstrations in the given order, the query last."""
        ...


class DialectBase(Frozen):
    """A frozen pydantic model whose fields are its options, each with a default and a description.

    The first line of the docstring and the fields' descriptions are what users read in help and docs.
    """

    #: Whether it puts several images into one, so that a prompt has fewer than its demonstrations have.
    merges: ClassVar[bool] = False

    @property
    def shot_summary(self) -> SummaryKind | None:
        """What it shows in place of a demonstration's images; None where it shows the images."""
        return None

    @property
    def query_summary(self) -> SummaryKind | None:
        """The same for the query. Never "intent": that is written with the answer."""
        return None

    @abstractmethod
    def render(self, brief: Brief) -> tuple[Message, ...]:
        """As `Dialect`. What stands before the query may depend on the demonstrations alone, and what stands before
        the first demonstration that is not fixed on the fixed ones alone, so that providers can cache it.
        """
