"""What the advisor asks, and what it knows of it: scores of arms on the items that all of them were asked about."""

from __future__ import annotations

from collections.abc import Sequence

from ..arms import Arm
from ..outcomes import Outcome
from ..statistics import Scores
from ..trials import BudgetSpent, Trials

FEWEST = 10  # items below which nothing is said


class Enough(Exception):
    """The budget is spent: what is known must do."""


class Asked:
    """Asks arms through trials, and remembers which.

    Args:
        trials: Hold the bench, the budget and what was found.
        items: In the order in which they are asked.
    """

    def __init__(self, trials: Trials, items: Sequence[str]) -> None:
        self.trials = trials
        self.items = tuple(items)
        self.arms: dict[str, Arm] = {}
        self.spent: BudgetSpent | None = None

    def ask(self, arms: Sequence[Arm], items: Sequence[str]) -> None:
        """Ask what is not known yet.

        Raises:
            Enough: The budget does not suffice.
            ModelError: The model did not answer for longer than patience lasts.
        """
        self.arms |= {arm.key: arm for arm in arms}
        try:
            self.trials.ask(arms, items)
        except BudgetSpent as error:
            self.spent = error
            raise Enough from error

    @property
    def calls(self) -> int:
        """So far, those that were answered before included: what they would take anew."""
        spent = self.trials.meter.spent
        return spent.calls + spent.repeated

    def scores(
        self, arms: Sequence[Arm], items: Sequence[str] | None = None, fewest: int = FEWEST
    ) -> list[Scores] | None:
        """The arms' scores on the items that all of them were asked about; None for too few."""
        found = self.trials.found(arms, self.items if items is None else items)
        shared = found.on(found.shared(arms))
        return [shared.scores(arm) for arm in arms] if len(shared.items) >= fewest else None

    def means(self, arms: Sequence[Arm], items: Sequence[str]) -> dict[str, float]:
        """Mean scores by key, on common items; 0 for all where there are none."""
        found = self.scores(arms, items, fewest=1)
        values = [float(one.mean()) for one in found] if found else [0.0] * len(arms)
        return {arm.key: value for arm, value in zip(arms, values, strict=True)}

    def outcomes(self, arm: Arm, items: Sequence[str] | None = None) -> list[Outcome]:
        """All of an arm, under all seeds."""
        found = self.trials.found([arm], self.items if items is None else items)
        return [found.outcomes[cell] for cell in found.cells(arm) if cell in found.outcomes]

    def failed(self) -> list[str]:
        """Arms of which prompts got no answer, in words."""
        said = []
        for arm in self.arms.values():
            outcomes = self.outcomes(arm) if arm.asks else []
            errors = [one.error for one in outcomes if one.error]
            if errors:
                said.append(
                    f"{arm.name}: {len(errors):,} of {len(outcomes):,} prompts got no answer, which counts as wrong "
                    f"({errors[0]})"
                )
        return said
