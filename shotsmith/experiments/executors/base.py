"""What every executor is, and the one that needs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from ...domain.errors import UnknownName
from ...domain.names import hint

In = TypeVar("In")
Out = TypeVar("Out")


class Executor(Protocol):
    """Runs one function on several arguments, side by side."""

    @property
    def width(self) -> int:
        """How many run at the same time."""
        ...

    @property
    def elsewhere(self) -> bool:
        """Whether they run in other processes, so that function, arguments and results travel."""
        ...

    @property
    def nodes(self) -> int:
        """On how many machines."""
        ...

    def map(self, work: Callable[[In], Out], jobs: Sequence[In]) -> Iterator[Out]:
        """The results as they come, in any order.

        Raises:
            What a job raises; those that run already come to their end, the others are left out.
        """
        ...


class Local:
    """This process, one job after the other: a job has threads of its own."""

    width = 1
    nodes = 1
    elsewhere = False

    def map(self, work: Callable[[In], Out], jobs: Sequence[In]) -> Iterator[Out]:
        """The results in order."""
        return map(work, jobs)


EXECUTORS = ("local", "process", "ray")


def open_executor(name: str, width: int | None = None, *, address: str | None = None) -> Executor:
    """An executor by its name.

    Args:
        name: "local", "process" or "ray".
        width: Jobs at the same time; by default one a core.
        address: Of the Ray cluster; by default the one of this machine, started when there is none.

    Raises:
        UnknownName: None of them.
        MissingExtra: Ray is not installed.
        Unavailable: The cluster cannot be reached.
    """
    if name == "local":
        return Local()
    if name == "process":
        from .process import Processes

        return Processes(width)
    if name == "ray":
        from .ray import Ray

        return Ray(width, address=address)
    raise UnknownName(
        "unknown executor",
        field="executor",
        value=name,
        mend=f"{hint(name, list(EXECUTORS))}Known: {', '.join(EXECUTORS)}",
    )
