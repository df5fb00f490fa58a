"""Similar samples against all samples: curves, and the diagnostics behind a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..advisor import Evidence
from ..arms import Arm
from ..metrics import Efficiency, Estimate, data_efficiency
from ..perturbations import read_perturbations
from ..regimes import retrieval_gain, vote_gap
from ..words import named_arm, title
from .account import Account, scale

_SIMILAR = frozenset(("rices", "bm25", "fused", "mmices", "muier", "late_interaction"))
_MANY = frozenset(("all", "balanced", "stratified", "random_fixed"))


class Spot(NamedTuple):
    """A point of a curve."""

    curve: str
    side: str
    model: str
    k: int
    score: Estimate


class Growth(NamedTuple):
    """What ten times as many demonstrations are worth to a family."""

    name: str
    model: str
    efficiency: Efficiency


class Altered(NamedTuple):
    """An arm whose demonstrations were changed, less the same arm as it is."""

    name: str
    change: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Regimes:
    """What tells similar-sample from all-sample learning.

    Attributes:
        spots: Both curves.
        ratios: Diagnostics that are ratios: neutral at 1.
        differences: Those that are differences of scores: neutral at 0.
        growth: Data efficiency by family.
        altered: What perturbations did.
    """

    spots: tuple[Spot, ...]
    ratios: tuple[Evidence, ...]
    differences: tuple[Evidence, ...]
    growth: tuple[Growth, ...]
    altered: tuple[Altered, ...]


def regimes(account: Account) -> Regimes:
    """From the arms, and from the advice where there is some."""
    evidence = account.advice.evidence if account.advice else tuple(_own(account))
    return Regimes(
        tuple(_spots(account)),
        tuple(one for one in evidence if one.neutral == 1),
        tuple(one for one in evidence if one.neutral != 1),
        tuple(_growth(account)),
        tuple(_altered(account)),
    )


def side_of(arm: Arm) -> str:
    """ "similar", "many", or empty for an arm that is of neither kind."""
    if arm.recipe is None or arm.kind != "recipe" or not scale(arm):
        return ""
    name, *rest = (stage.name for stage in arm.recipe.selector)
    return "many" if name in _MANY else "similar" if name in _SIMILAR and not rest else ""


def _spots(account: Account) -> list[Spot]:
    found = []
    for arm in account.asked:
        score = account.scored.mean(arm)
        if (side := side_of(arm)) and score is not None and arm.k:
            found.append(Spot(title(arm.family), side, account.model_of(arm), arm.k, score))
    both = {side: {one.side for one in found} for side in ("similar", "many")}
    return found if len(both["similar"]) == 2 else []


def _own(account: Account) -> list[Evidence]:
    """RET(k) and VOTEGAP(k), which need no arms of their own."""
    scored, found = account.scored, []
    arms = [arm for arm in account.asked if not arm.changes]
    for model in account.models:
        mine = [arm for arm in arms if not arm.asks or account.model_of(arm) == model]
        near = {arm.k: arm for arm in mine if _is(arm, "rices") and arm.family == "rices"}
        even = {arm.k: arm for arm in mine if _is(arm, "balanced") and arm.family == "balanced"}
        votes = {arm.k: arm for arm in mine if arm.kind == "vote"}
        of = f" of {model}" if len(account.models) > 1 else ""
        for k, arm in sorted(near.items()):
            for name, rivals, says in (
                ("RET", even, ("retrieval beats a balanced choice", "a balanced choice is better")),
                ("VOTEGAP", votes, ("the model adds to the vote", "the vote alone is better")),
            ):
                if k in rivals and len(scored.paired(arm, rivals[k])[0]):
                    gain = retrieval_gain if name == "RET" else vote_gap
                    found.append(_evidence(f"{name}({k}){of}", gain(*scored.paired(arm, rivals[k]), k), says))
    return found


def _is(arm: Arm, name: str) -> bool:
    return bool(side_of(arm)) and arm.recipe is not None and arm.recipe.selector[0].name == name


def _evidence(name: str, found: Estimate, says: tuple[str, str]) -> Evidence:
    said = says[found.value < 0] if found.certain else "may be chance"
    return Evidence(name, "", found.value, found.low, found.high, 0.0, said)


def _growth(account: Account) -> list[Growth]:
    zero = {account.model_of(arm): arm for arm in account.asked if arm.kind == "zero-shot" and scale(arm)}
    curves: dict[tuple[str, str], dict[int, float]] = {}
    for arm in account.asked:
        model = account.model_of(arm)
        score = account.scored.mean(arm)
        if arm.asks and arm.k and scale(arm) and model in zero and score is not None:
            curves.setdefault((arm.family, model), {})[arm.k] = score.value
    found = []
    for (family, model), curve in curves.items():
        base = account.scored.mean(zero[model])
        if len(curve) > 1 and base is not None:
            found.append(Growth(title(family), model, data_efficiency({0: base.value, **curve})))
    return found


def _altered(account: Account) -> list[Altered]:
    found = []
    by_recipe = {_bare(arm): arm for arm in account.asked if not arm.changes}
    for arm in account.asked:
        rival = by_recipe.get(_bare(arm))
        if (
            not arm.changes
            or rival is None
            or "place" in {one.name for one in read_perturbations(arm.changes)}
        ):
            continue
        if (drawn := account.scored.contrast(arm, rival, same_seeds=True)) is not None:
            found.append(Altered(named_arm(rival, begins=True), arm.changes, drawn.interval()))
    return found


def _bare(arm: Arm) -> tuple[str, str, str | None, int]:
    recipe = arm.recipe.model_dump_json(exclude={"seed"}) if arm.recipe else ""
    return recipe, arm.model, arm.instruction, arm.batch
