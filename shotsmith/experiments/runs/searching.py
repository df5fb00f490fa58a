"""The best of an experiment's instructions, found for a part of what asking all of them would take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...domain.errors import InvalidParameter
from ..arms import Arm
from ..design import INSTRUCTIONS, ExperimentFile
from ..search import best_arm, least_calls, split_items
from ..trials import Trials


def searched(file: ExperimentFile, arms: Sequence[Arm]) -> dict[str, list[Arm]]:
    """The arms that are searched, by model: the focus with the pool's own instruction first."""
    if file.search == "all":
        return {}
    found: dict[str, list[Arm]] = {}
    for arm in arms:
        if arm.group == INSTRUCTIONS:
            found.setdefault(arm.model, []).append(arm)
    for model, others in found.items():
        others.insert(0, next(one for one in arms if one.model == model and _like(one, others[0])))
    return found


def affordable(file: ExperimentFile, arms: Sequence[Arm], items: Sequence[str]) -> None:
    """Refuse a share of calls that is too small for so many instructions. Raises InvalidParameter."""
    if file.search == "all":
        return
    for tried in searched(file, arms).values():
        chosen, fresh = split_items(items, seed=file.seeds[0])
        needed = least_calls(len(tried), len(chosen), file.search) + 2 * len(fresh)
        if int(file.search_share * len(tried) * len(items)) < needed:
            least = math.ceil(100 * needed / (len(tried) * len(items))) / 100
            raise InvalidParameter(
                f"a search among {len(tried)} instructions takes {needed:,} calls at least",
                field="search_share",
                value=file.search_share,
                mend=f"Give {least:g} or more, or more instructions, or ask about all: search: all",
            )


def search(trials: Trials, file: ExperimentFile, arms: Sequence[Arm], items: Sequence[str]) -> dict[str, Any]:
    """Search every model's best instruction; what is told of each, as plain JSON.

    Raises:
        InvalidParameter: The share of calls is too small for so many instructions.
        MissingExtra: The extra `search` is not installed.
        BudgetSpent, ModelError: As `Trials.ask`.
    """
    if file.search == "all":
        return {}
    told = {}
    for model, tried in searched(file, arms).items():

        def evaluate(number: int, items: Sequence[str], tried: Sequence[Arm] = tried) -> list[float]:
            arm = tried[number]
            return [float(one) for one in trials.ask([arm], items).scores(arm).mean(axis=1)]

        own = trials.bench.pool.instruction
        names = [own if arm.instruction is None else arm.instruction for arm in tried]
        best = best_arm(
            names,
            evaluate,
            items,
            budget_calls=int(file.search_share * len(tried) * len(items)),
            seed=file.seeds[0],
            method=file.search,
        )
        told[model] = best.as_dict()
    return told


def _like(one: Arm, other: Arm) -> bool:
    """Whether they differ in nothing but the instruction, of which the first has none of its own."""
    return one.instruction is None and (one.recipe, one.changes, one.batch, one.kind) == (
        other.recipe,
        other.changes,
        other.batch,
        other.kind,
    )
