"""What query-independent selectors share: a space of the pool, and a plan from an order of its vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..domain.examples import Query
from ..domain.plans import Plan
from ..domain.recipes import Modality
from ..domain.scoring import digest
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Rows
from .base import SelectorBase
from .ranking import PREFERENCE, fill


class FixedBase(SelectorBase):
    """A selector that chooses once for a version of the pool, and then only heeds the leak guard.

    Subclasses implement `plan`; the parameters are part of the plan's key.
    """

    #: Whether a plan for many serves few.
    nested_plan: ClassVar[bool] = True

    @property
    def fixed(self) -> bool:
        """Always."""
        return True

    def plan(self, everyone: CandidateSource, size: int, seed: int) -> Plan:
        """The choice of so many, from the source without leak guard and query."""
        raise NotImplementedError

    def key(self, source: CandidateSource, seed: int) -> str:
        """What names the plan: the selector, its parameters and the seed."""
        return digest([type(self).__name__, self.model_dump(mode="json"), seed])

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """The first k of the plan that may be shown for this query."""

        def make(everyone: CandidateSource, size: int) -> Plan:
            return self.plan(everyone, size, seed)

        chosen = source.planned(self.key(source, seed), k, make, nested=self.nested_plan)
        lacking = "not been planned for: too much of the plan is kept out for this query"
        return [*chosen, *fill(query, source, chosen, k, seed, lacking)]


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
    source: CandidateSource,
    slots: Sequence[Sequence[str]],
    notes: dict[str, str],
    size: int,
    seed: int,
    lacking: str,
) -> list[Sequence[str]]:
    """Slots up to `size`: what the choice leaves out follows in a keyed order, and is noted."""
    taken = {slot[0] for slot in slots}
    done = list(slots)
    if len(done) < size:
        drawn = [id for id in source.draw(size + len(taken), seed, "fill|fixed") if id not in taken]
        for id in drawn[: size - len(done)]:
            notes[id] = f"random fill: it has {lacking}"
            done.append((id,))
    return done
