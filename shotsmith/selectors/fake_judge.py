"""A judge for tests and for authors of selectors: its opinions are hashes, so they are always the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..domain.examples import Example, Query
from ..domain.scoring import digest


class FakeJudge:
    """Satisfies `Judge` without a model. It understands nothing.

    Attributes:
        asked: What it was asked, in order: the method's name.
    """

    name = "fake/judge"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def probabilities(
        self, query: Query, shots: Sequence[Example], labels: Sequence[str]
    ) -> Mapping[str, float]:
        """A weight for each label that depends on query, demonstrations and their order."""
        self.asked.append("probabilities")
        shown = [shot.id for shot in shots]
        weights = {label: _number([query.key, shown, label]) + 1e-3 for label in labels}
        return {label: weight / sum(weights.values()) for label, weight in weights.items()}

    def ranking(self, query: Query, candidates: Sequence[Example]) -> Sequence[str]:
        """By a number of query and id, whatever the given order."""
        self.asked.append("ranking")
        return sorted((one.id for one in candidates), key=lambda id: (_number([query.key, id]), id))

    def description(self, query: Query) -> str:
        """Its key."""
        self.asked.append("description")
        return query.key

    def difficulty(self, example: Example, prompt: int = 0) -> float:
        """A number of its id and the wording."""
        self.asked.append("difficulty")
        return _number([example.id, prompt])


def _number(value: object) -> float:
    return int(digest(value)[:8], 16) / 16**8
