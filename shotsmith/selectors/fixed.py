"""What query-independent selectors share: a space of the pool, and a plan from an order of its vectors."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import ClassVar

from ..domain.examples import Query
from ..domain.plans import Plan
from ..domain.recipes import Modality
from ..domain.scoring import digest
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Rows
from .base import SelectorBase
from .ranking import FILLED, PREFERENCE, fill


class FixedBase(SelectorBase):
    """A selector that chooses once for a version of the pool, and then only heeds the leak guard.

    Subclasses implement `plan`; the parameters are part of the plan's key.
    """

    #: Whether a plan for many serves few.
    nested_plan: ClassVar[bool] = True
    #: To be raised when the same parameters come to choose otherwise, so that stored plans are made anew.
    revision: ClassVar[int] = 1

    @property
    def fixed(self) -> bool:
        """Always."""
        return True

    def plan(self, everyone: CandidateSource, size: int, seed: int) -> Plan:
        """The choice of so many, from the source without leak guard and query."""
        raise NotImplementedError

    def key(self, source: CandidateSource, seed: int) -> str:
        """What names the plan: the selector with its revision, its parameters and the seed."""
        kind = type(self)
        return digest([kind.__module__, kind.__qualname__, kind.revision, self.model_dump(mode="json"), seed])

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """The first k of the plan that may be shown for this query."""

        def make(everyone: CandidateSource, size: int) -> Plan:
            return self.plan(everyone, size, seed)

        chosen = source.planned(self.key(source, seed), k, make, nested=self.nested_plan)
        lacking = "not been planned for: too much of the plan is kept out for this query"
        return [*chosen, *fill(Query(), source, chosen, k, seed, lacking)]


def rows_of(source: CandidateSource, wanted: Modality) -> tuple[Rows, Modality, list[str]]:
    """All vectors of the wanted space, or of the first that the pool has; and a remark where that is another one."""
    for space in PREFERENCE[wanted]:
        rows = source.everything(space)
        if len(rows.ids):
            return (
                rows,
                space,
                [] if space == wanted else [f"no {wanted} to compare: planned by {space} instead"],
            )
    return source.everything(wanted), wanted, [f"no {wanted} to compare: drawn at random instead"]


def completed(
    source: CandidateSource, plan: Plan, seed: int, lacking: str, *, ranked: Collection[str] = ()
) -> Plan:
    """The plan with slots up to its size: what the choice leaves out follows in a keyed order, noted and flagged.

    Args:
        source: Where from.
        plan: With all that was chosen.
        seed: Seeds the order.
        lacking: Why the others were not chosen, after "it has", e.g. "no image to compare".
        ranked: Those that could have been chosen, and were left because they add nothing.
    """
    taken = {slot[0] for slot in plan.slots}
    missing = plan.size - len(plan.slots)
    if missing <= 0:
        return plan
    drawn = source.draw(plan.size + len(taken), seed, "fill|fixed")
    ids = [id for id in drawn if id not in taken][:missing]
    why = {id: "nothing that the chosen ones do not show" if id in ranked else lacking for id in ids}
    return replace(
        plan,
        slots=[*plan.slots, *((id,) for id in ids)],
        notes={**plan.notes, **{id: f"random fill: it has {reason}" for id, reason in why.items()}},
        flags={**plan.flags, **{id: FILLED.format(reason) for id, reason in why.items()}},
    )
