"""Perturbations that tell similar-sample from all-sample learning: the sets of `regime_sets` as arms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from ...domain.errors import InvalidParameter
from ...domain.examples import Example, Query
from ...domain.recipes import Modality, Whole, stages_of
from ...domain.selections import Candidate, Demonstration, Selection
from .. import regime_sets
from .base import Changed, Others, Perturbation

Tenth = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class _Ranked(Perturbation):
    """Base of those that act on one end of the ranking by similarity."""

    draws = False
    verb: ClassVar[str]

    end: Literal["most", "least"] = Field("most", description="Which: the most or the least similar ones.")
    share: Tenth = Field(
        regime_sets.SHARE, description="Of the demonstrations, at least one; halves are rounded up."
    )
    modality: Modality = Field("image", description="Similar in what, however they were chosen.")

    def change(self, selection: Selection, seed: int, others: Others | None) -> Changed:
        """Nothing where fewer than two are shown."""
        shown = selection.demonstrations
        if len({shot.example.id for shot in shown}) < max(2, len(shown)):
            why = "an example is shown twice" if len(shown) > 1 else f"{len(shown)} shown"
            return Changed(shown, f"none {self.verb}: {why}")
        ranking = _ranking(self, selection, seed, others)
        changed = self.ranked(selection, ranking)
        return Changed(changed.demonstrations, "; ".join([changed.note, *ranking.notes]))

    @abstractmethod
    def ranked(self, selection: Selection, ranking: _Ranking) -> Changed:
        """What is shown instead, given the ranking of all eligible examples."""


class Without(_Ranked):
    """Leave out the most or the least similar demonstrations; the others keep their order.

    That the first hurts more than the second is what the similar-sample ratio (SLR) measures.
    """

    name = "without"
    verb = "removed"

    def ranked(self, selection: Selection, ranking: _Ranking) -> Changed:
        """A share of them."""
        shown = selection.demonstrations
        kept = {one.id for one in regime_sets.without(ranking.of(shown), self.end, self.share)}
        left = [shot for shot in shown if shot.example.id in kept]
        return Changed(_numbered(left), f"{len(shown) - len(left)} of {len(shown)} removed")


class Replaced(_Ranked):
    """Put others of the same labels in the place of the most or the least similar demonstrations.

    They come from the middle of the ranking of all that may be shown. How many are shown, and which label stands where,
    stays what it was, so that only similarity changes (SLR*).
    """

    name = "replaced"
    verb = "replaced"

    def ranked(self, selection: Selection, ranking: _Ranking) -> Changed:
        """As many as there are others of their labels."""
        shown = selection.demonstrations
        ids = {shot.example.id for shot in shown}
        found = regime_sets.replaced(ranking.candidates, ids, self.end, self.share)
        coming = {gone: ranking.examples[one.id] for gone, one in found.substitutes}
        side = f"the {self.end} similar by {self.modality}"
        changed = [
            Demonstration(
                coming[shot.example.id],
                rank=shot.rank,
                position=shot.position,
                reason=f"of the same label as {shot.example.id}, one of {side}",
                stage=self.name,
            )
            if shot.example.id in coming
            else shot
            for shot in shown
        ]
        kept = f", {found.kept} kept for want of others of their labels" if found.kept else ""
        return Changed(changed, f"{found.replaced} of {len(shown)} replaced{kept}")


class Duplicated(Perturbation):
    """Show only every so-manieth demonstration, and each so often that the prompt stays as long.

    Where that is worse, more different demonstrations are worth more than a longer prompt (UDI).
    """

    name = "duplicated"
    draws = False

    times: Annotated[Whole, Field(ge=2)] = Field(4, description="How often each is shown.")

    def change(self, selection: Selection, seed: int, others: Others | None) -> Changed:
        """Nothing where there are fewer demonstrations than repetitions."""
        shown = selection.demonstrations
        if len({shot.example.id for shot in shown}) < max(self.times, len(shown)):
            why = "an example is shown twice" if len(shown) >= self.times else f"{len(shown)} shown"
            return Changed(shown, f"none repeated: {why}")
        ranked = [_candidate(shot.example) for shot in selection.by_rank]
        kept = {one.id for one in regime_sets.duplicated(ranked, self.times)}
        left = [shot for shot in shown if shot.example.id in kept]
        # The last round is whole, so that next to the query stands what stood nearest to it.
        repeated = [left[(place - len(shown)) % len(left)] for place in range(len(shown))]
        return Changed(_numbered(repeated), f"{len(left)} of {len(shown)} shown, {self.times} times each")


class _Ranking(NamedTuple):
    """All that may be shown, by similarity; those that cannot be compared last.

    Attributes:
        candidates: Most similar first.
        examples: By id.
        notes: What could not be compared.
    """

    candidates: Sequence[Candidate]
    examples: dict[str, Example]
    notes: Sequence[str]

    def of(self, shown: Sequence[Demonstration]) -> list[Candidate]:
        """The part that is shown."""
        ids = {shot.example.id for shot in shown}
        return [one for one in self.candidates if one.id in ids]


def _ranking(one: _Ranked, selection: Selection, seed: int, others: Others | None) -> _Ranking:
    if others is None:
        raise InvalidParameter(
            "needs the ranking of all examples by similarity",
            field="perturbations",
            value=one.text,
            mend="Pass `others`, which ranks those of the pool",
        )
    shown = [shot.example for shot in selection.by_rank]
    selector = stages_of(f"rices(modality={one.modality})")
    recipe = selection.recipe.model_copy(
        update={"selector": selector, "k": max(selection.eligible, len(shown)), "seed": seed}
    )
    kept_out = {removal.id for removal in selection.removed} | {selection.query.id}
    ranked = {found.id: found for found in others(recipe) if found.id not in kept_out}
    missing = [found for found in shown if found.id not in ranked]
    ranked |= {found.id: found for found in missing}
    notes = []
    if not _comparable(selection.query, one.modality):
        notes.append(f"the query has no {one.modality}: ranked by what it has")
    if blind := sum(not _comparable(found, one.modality) for found in shown):
        notes.append(f"{blind} have no {one.modality} and rank last")
    if missing:
        notes.append(f"{len(missing)} are not among what could be ranked, and rank last")
    return _Ranking([_candidate(found) for found in ranked.values()], ranked, notes)


def _comparable(item: Example | Query, modality: Modality) -> bool:
    seen, read = any(part.seen for part in item.media), bool(item.text.strip())
    return {"image": seen, "text": read, "joint": seen or read}[modality]


def _candidate(example: Example) -> Candidate:
    return Candidate(example.id, "", label=example.label if example.label is not None else example.answer)


def _numbered(shown: Sequence[Demonstration]) -> list[Demonstration]:
    """Ranks without gaps; of an example that comes again, the last one ranks first."""
    order = sorted(range(len(shown)), key=lambda place: (shown[place].rank, -place))
    ranks = {place: rank for rank, place in enumerate(order, start=1)}
    return [replace(shot, rank=ranks[place]) for place, shot in enumerate(shown)]
