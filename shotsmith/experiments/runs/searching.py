"""The best of an experiment's instructions, found for a part of what asking all of them would take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arms import Arm
from ..design import INSTRUCTIONS
from ..search import best_arm
from ..trials import Trials
from .planned import Planned


def searched(plan: Planned) -> dict[str, list[Arm]]:
    """The arms that are searched, by model: the focus with the pool's own instruction first."""
    if plan.file.search == "all":
        return {}
    found: dict[str, list[Arm]] = {}
    for arm in plan.arms:
        if arm.group == INSTRUCTIONS:
            found.setdefault(arm.model, []).append(arm)
    for model, arms in found.items():
        own = next(one for one in plan.arms if one.model == model and _like(one, arms[0]))
        arms.insert(0, own)
    return found


def search(trials: Trials, plan: Planned) -> dict[str, Any]:
    """Search every model's best instruction; what is told of each, as plain JSON.

    Raises:
        InvalidParameter: The share of calls is too small for so many instructions.
        MissingExtra: The extra `search` is not installed.
        BudgetSpent, ModelError: As `Trials.ask`.
    """
    file = plan.file
    if file.search == "all":
        return {}
    told = {}
    for model, arms in searched(plan).items():

        def evaluate(number: int, items: Sequence[str], arms: Sequence[Arm] = arms) -> list[float]:
            arm = arms[number]
            return [float(one) for one in trials.ask([arm], items).scores(arm).mean(axis=1)]

        own = plan.bench.pool.instruction
        names = [own if arm.instruction is None else arm.instruction for arm in arms]
        best = best_arm(
            names,
            evaluate,
            plan.items,
            budget_calls=int(file.search_share * len(arms) * len(plan.items)),
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
