"""Advice in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..arms import Arm
from ..words import points
from .explore import Explored
from .rules import Compared, Decision, Margins, Name

MEANS: Mapping[str, str] = {
    "NO-ICL": "Demonstrations do not help: ask without any.",
    "KNN": "A vote of the nearest examples does as well: no model is needed.",
    "SSL": "Similar samples are what helps: retrieve the nearest few for every query.",
    "ASL": "All samples help, whichever is near: show as many as possible, the same for every query and cached.",
    "HYBRID": "Both help: a cached part for every query, and the nearest few after it.",
}
_WHAT: Mapping[Name, str] = {
    "gain": "the best arm with demonstrations less zero-shot",
    "vote gain": "the best vote less zero-shot",
    "vote": "the best vote less the best arm that asks the model",
    "flat": "the nearest few less all",
    "similar": "a tenth replaced among the least similar less among the most similar",
    "unique": "different demonstrations less repeated ones",
    "hybrid near": "the mixture less the nearest few",
    "hybrid wide": "the mixture less all",
}


def why(
    decided: Decision,
    compared: Mapping[Name, Compared],
    pairs: Mapping[Name, tuple[Arm, Arm]],
    margins: Margins,
    *,
    cheaper: bool,
) -> Iterator[str]:
    """The decisive sentence first, then every comparison that it rests on."""
    if decided.leading is None:
        yield MEANS[decided.regime]
    else:
        yield _undecided(decided, margins)
    for name in sorted(compared, key=lambda one: (one != _decisive(decided), list(_WHAT).index(one))):
        one, other = pairs[name]
        found = compared[name]
        yield (
            f"{_capital(_WHAT[name])} ({one.name} against {other.name}): {points(found.difference)} points "
            f"on {found.items:,} items."
        )
    if decided.regime == "ASL" and cheaper:
        yield "With caches, all demonstrations cost no more than the nearest few."


def found(stage: str, decided: Decision, explored: Explored | None) -> str:
    """What came of a stage."""
    if explored is None:
        return "the budget ended before any arm could be chosen"
    said = []
    if stage == "floor and scale":
        said.append(f"best of their kind: {explored.near.name}; {explored.wide.name}; {explored.vote.name}")
    if decided.regime != "INCONCLUSIVE":
        said.append(f"verdict {decided.regime}")
    elif decided.open:
        said.append(f"open: {_WHAT[decided.open]}")
    return "; ".join(said)


def _undecided(decided: Decision, margins: Margins) -> str:
    what = _WHAT[decided.open] if decided.open else "which arm is best"
    said = f"Not decided: {what}, at a margin of {100 * margins.delta:g} points. {decided.leading} leads."
    if decided.needed:
        said += f" About {decided.needed:,} held-out items would decide that."
    return said


def _decisive(decided: Decision) -> Name | None:
    if decided.open:
        return decided.open
    decisive: Mapping[str, Name] = {"NO-ICL": "gain", "KNN": "vote", "SSL": "flat", "ASL": "flat"}
    return decisive.get(decided.regime, "hybrid wide")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
