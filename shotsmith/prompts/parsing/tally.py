"""What could not be read: counted, and kept with the raw replies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ...domain.parsed import Parsed, Step


@dataclass(frozen=True, slots=True)
class Failure:
    """A reply from which no answer was read.

    Attributes:
        item: Which question it was.
        text: The reply, as it came.
        found: Labels that occur in it.
        steps: The rules that were tried.
    """

    item: str
    text: str
    found: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many replies were read, and how.

    Attributes:
        total: Replies.
        ways: How many were read by each rule, most frequent first, then by name; "failed" among them.
        failures: Those that were not read, in their order.
    """

    total: int = 0
    ways: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()


def tally(replies: Iterable[tuple[str, str, Parsed]]) -> Tally:
    """Count (item, reply, what was read from it)."""
    given = list(replies)
    counts = Counter(parsed.how for _, _, parsed in given)
    return Tally(
        len(given),
        dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))),
        tuple(
            Failure(item, text, parsed.found, parsed.steps)
            for item, text, parsed in given
            if parsed.answer is None
        ),
    )
