"""What a run may spend, and what it has spent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from ...domain.errors import ShotsmithError
from ...domain.recipes import Count, Frozen


class BudgetSpent(ShotsmithError):
    """The next call would pass the budget; what was answered is kept."""

    slug: ClassVar[str] = "budget-spent"
    status: ClassVar[int] = 409
    exit_code: ClassVar[int] = 8


class Spending(Frozen):
    """What may be spent; None for as much as it takes."""

    usd: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)] | None = Field(
        None, description="US dollars. A call counts with its estimate until its price is known."
    )
    calls: Count | None = Field(None, description="Calls that the ledger cannot answer.")
    minutes: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)] | None = Field(
        None, description="Wall time of one sitting."
    )


class Spent(NamedTuple):
    """What was spent: calls that the ledger could not answer, their price, and the time.

    `unpriced` calls have no known price and are not in `usd`; `repeated` ones were answered by the ledger.
    """

    calls: int = 0
    usd: float = 0.0
    seconds: float = 0.0
    unpriced: int = 0
    repeated: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return self._asdict()

    @classmethod
    def sum(cls, several: Iterable[Spent]) -> Spent:
        """All of them together."""
        return cls(*(sum(column) for column in zip(cls(), *several, strict=True)))

    def less(self, other: Spent) -> Spent:
        """What is more than another."""
        return Spent(*(mine - its for mine, its in zip(self, other, strict=True)))  # type: ignore[arg-type]


@dataclass
class Meter:
    """Lets calls pass while the budget holds. Thread-safe.

    A call reserves its estimated price before it is sent, so that many at once do not pass the budget together. One
    that would pass it waits for those on their way first: they may cost less, or nothing.

    Attributes:
        limit: What may be spent.
        before: What earlier sittings of the run spent.
        clock: Seconds.
    """

    limit: Spending = field(default_factory=Spending)
    before: Spent = field(default_factory=Spent)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._lock = Condition()
        self._spent = self.before
        self._calls_out = 0
        self._usd_out = 0.0
        self._started = self.clock()

    @property
    def spent(self) -> Spent:
        """So far, with what was spent before."""
        with self._lock:
            return self._spent._replace(seconds=self.before.seconds + self.clock() - self._started)

    @property
    def sitting(self) -> Spent:
        """Since this meter began."""
        return self.spent.less(self.before)

    @contextmanager
    def call(self, usd: float | None) -> Iterator[None]:
        """Around one call, until it is settled.

        Args:
            usd: Its estimated price; None for an unknown one.

        Raises:
            BudgetSpent: It would pass the budget.
        """
        estimate = usd or 0.0
        with self._lock:
            while passed := self._passed(estimate):
                if passed[0] == "minutes" or not self._calls_out:
                    raise _spent(*passed)
                self._lock.wait()
            self._calls_out += 1
            self._usd_out += estimate
        try:
            yield
        finally:
            with self._lock:
                self._calls_out -= 1
                self._usd_out = self._usd_out - estimate if self._calls_out else 0.0
                self._lock.notify_all()

    def settle(
        self, *, repeated: bool, usd: float | None, input_tokens: int | None, output_tokens: int | None
    ) -> None:
        """Count a call that was answered."""
        with self._lock:
            was = self._spent
            if repeated:
                self._spent = was._replace(repeated=was.repeated + 1)
                return
            self._spent = was._replace(
                calls=was.calls + 1,
                usd=was.usd + (usd or 0.0),
                unpriced=was.unpriced + (usd is None),
                input_tokens=was.input_tokens + (input_tokens or 0),
                output_tokens=was.output_tokens + (output_tokens or 0),
            )

    def _passed(self, usd: float) -> tuple[str, float, str] | None:
        limit, spent = self.limit, self._spent
        minutes = (self.clock() - self._started) / 60
        if limit.minutes is not None and minutes > limit.minutes:
            return "minutes", limit.minutes, f"{minutes:.1f} minutes have passed"
        if limit.calls is not None and spent.calls + self._calls_out + 1 > limit.calls:
            return "calls", limit.calls, f"{spent.calls:,} calls were made"
        if limit.usd is not None and spent.usd + self._usd_out + usd > limit.usd + 1e-12:
            return (
                "usd",
                limit.usd,
                f"${spent.usd:.4f} were spent and the next call costs about ${usd:.4f}",
            )
        return None


def _spent(name: str, value: float, said: str) -> BudgetSpent:
    return BudgetSpent(
        f"the budget is spent: {said}",
        field=f"budget.{name}",
        value=value,
        mend="Raise it and run again: what was answered is kept and costs nothing",
    )
