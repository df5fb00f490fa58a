"""How often queries come."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from ...domain.errors import InvalidParameter
from .rules import check

_MINUTES = {"s": 1 / 60, "sec": 1 / 60, "min": 1.0, "h": 60.0, "hour": 60.0, "d": 1440.0, "day": 1440.0}
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*/\s*(\w+)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Queries that come independently of each other (a Poisson process).

    Attributes:
        per_minute: Queries a minute that share one prefix.
        broken: Share of them that show another prefix, because the leak guard keeps an example of it out for them.

    Raises:
        InvalidParameter: A rate below zero, or a share outside 0 to 1.
    """

    per_minute: float
    broken: float = 0.0

    def __post_init__(self) -> None:
        check("rate", self.per_minute)
        check("broken", self.broken, 0, 1)

    @classmethod
    def read(cls, text: str, *, broken: float = 0.0) -> Self:
        """From "2/min", "0.5/s", "90/h" or "1000/day".

        Raises:
            InvalidParameter: It says no rate.
        """
        found = _RATE.fullmatch(text)
        if found is None or found[2] not in _MINUTES:
            raise InvalidParameter(
                "not a rate",
                field="rate",
                value=text,
                mend='Write, e.g., "2/min", "0.5/s", "90/h" or "1000/day"',
            )
        return cls(float(found[1]) / _MINUTES[found[2]], broken)

    @property
    def per_second(self) -> float:
        """Queries a second that show the prefix."""
        return self.per_minute / 60 * (1 - self.broken)
