"""Query-independent choices, and what they become for one query."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from .examples import Example
from .selections import Candidate

#: How a plan's own score is called among a candidate's scores.
PLANNED = "plan"

Slot = Sequence[str]
"""Ids for one place of a query-independent choice: the chosen one, then stand-ins for queries that may not see it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A query-independent choice, computed once for a pool version and then kept.

    Attributes:
        slots: In rank order.
        size: For how many demonstrations it was made; a plan may serve fewer where the choice is nested.
        remarks: What people should know of the first slot, the first two, and so on, such as how far they cover the
            pool; the last remark also stands for longer choices.
        notes: Why each example was chosen, by id.
        scores: What it was ranked by, by id, where that is a number.
        flags: What callers should know of single examples, by id.
    """

    slots: Sequence[Slot]
    size: int
    remarks: Sequence[str] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)


def chosen(
    plan: Plan, size: int, eligible: Mapping[str, Example], hidden: Collection[str] = ()
) -> list[Candidate]:
    """What a plan chooses for one query: for each slot the first eligible example that is not taken yet.

    A slot whose examples are all kept out is skipped, so stand-ins and later slots fill up to `size`.

    Args:
        plan: For `size` or more.
        size: How many are wanted.
        eligible: Those of the plan's examples that may be shown for this query.
        hidden: Those that are left out for another reason than the leak guard, which needs no flag.
    """
    taken: dict[str, str] = {}
    missing: list[str] = []
    for slot in plan.slots:
        if len(taken) == size:
            break
        free = next((id for id in slot if id in eligible and id not in taken), None)
        if slot[0] not in eligible and slot[0] not in hidden:
            missing.append(slot[0])
        if free is not None:
            taken[free] = slot[0]
    spare = (id for slot in plan.slots for id in slot if id in eligible and id not in taken)
    for id in spare:
        if len(taken) == size:
            break
        taken.setdefault(id, id)
    flags = [plan.remarks[min(len(taken), len(plan.remarks)) - 1]] if plan.remarks and taken else []
    if missing:
        flags.append(f"not the same as for other queries: {_named(missing)} may not be shown for this one")
    return [
        Candidate(
            id=id,
            reason=plan.notes.get(id, "the same for every query")
            + ("" if id == first else f"; stands in for {first!r}"),
            scores={PLANNED: plan.scores[id]} if id in plan.scores else {},
            label=eligible[id].label,
            flags=(*(flags if place == 0 else ()), *([plan.flags[id]] if id in plan.flags else [])),
        )
        for place, (id, first) in enumerate(taken.items())
    ]


def _named(ids: Sequence[str]) -> str:
    shown = ", ".join(repr(id) for id in ids[:3])
    return f"{shown} and {len(ids) - 3} more" if len(ids) > 3 else shown
