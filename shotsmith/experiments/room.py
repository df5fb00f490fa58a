"""How many demonstrations fit, from two prompts of a bench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..domain.recipes import Recipe, stages_of
from .arms import Arm
from .bench import Bench

SHARE_OF_WINDOW = 4
"""Models use what stands in a quarter of their context well."""
_PROBE = 8


def doubled(most: int) -> tuple[int, ...]:
    """1, 2, 4 and so on, as far as `most`; at least 1."""
    grid = [1]
    while grid[-1] * 2 <= most:
        grid.append(grid[-1] * 2)
    return tuple(grid)


@dataclass(frozen=True, slots=True)
class Probe:
    """The manifests of a prompt without demonstrations and of one with `k`."""

    few: Mapping[str, Any]
    more: Mapping[str, Any]
    k: int

    @classmethod
    def of(cls, bench: Bench, base: Recipe, model: str = "") -> Probe:
        """For the first item, by default as the bench's model is asked."""
        k = min(_PROBE, len(bench.train))
        few, more = (_manifest(bench, base, shots, model) for shots in (0, k))
        return cls(few, more, k)

    def shots(self, tokens: float) -> int:
        """Demonstrations that a prompt of so many tokens holds; below 0 where it does not even hold the query."""
        least = self.few["tokens"]["total"]
        each = max((self.more["tokens"]["total"] - least) / self.k, 1.0)
        return int((tokens - least) / each)


def _manifest(bench: Bench, base: Recipe, k: int, model: str) -> Mapping[str, Any]:
    recipe = base.model_copy(update={"selector": stages_of("random_fixed"), "k": k})
    return bench.prompt(Arm("probe", "recipe", k, recipe, model), bench.items[0]).manifest
