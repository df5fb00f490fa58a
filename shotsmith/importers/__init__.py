"""Importers: one module a data format. They turn files into drafts; the engine checks and stores those.

An importer is a class made with a source path and keyword options, registered under "shotsmith.importers":

    for draft in open_importer("jsonl", "shots.jsonl").read():
        ...
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from os import PathLike
from typing import Any, Protocol, runtime_checkable

from .. import registry
from ..domain.errors import InvalidParameter
from ..domain.examples import Draft


@runtime_checkable
class Importer(Protocol):
    """Reads one source. Constructing it checks that the source is there and reads nothing else."""

    @property
    def skipped(self) -> int:
        """How many files or items the last `read` passed over because they are no examples."""
        ...

    def read(self) -> Iterator[Draft]:
        """The drafts, one at a time and always in the same order; one draft's images are in memory at once.

        Raises:
            InvalidInput: At the first thing that cannot be read, naming its line, row or file; also for a source
                that holds no example at all. What was yielded before stays good.
        """
        ...

    # An importer may also have `lists`: after `read`, ids of fixed demonstrations by query id, best first.

    def total(self) -> int | None:
        """How many drafts to expect, for a progress bar; None where `read` will have something to say first."""
        ...


def open_importer(kind: str, source: str | PathLike[str], **options: Any) -> Importer:
    """The importer for a source.

    Args:
        kind: A registered name, such as "imagefolder", "jsonl", "vqa" or a plugin's.
        source: A directory or a file.
        options: What that importer's class takes besides the source.

    Raises:
        UnknownName: No importer of that name.
        InvalidParameter: An option that the importer does not take, or a value it cannot use.
        InvalidInput: The source is not there.
    """
    factory = registry.load("importers", kind)
    known = list(inspect.signature(factory).parameters)[1:]
    for name, value in options.items():
        if name not in known:
            raise InvalidParameter(
                f"the importer {kind!r} has no such option",
                field=name,
                value=value,
                mend=f"It takes {', '.join(known)}",
            )
    importer: Importer = factory(source, **options)
    return importer


__all__ = ["Importer", "open_importer"]
