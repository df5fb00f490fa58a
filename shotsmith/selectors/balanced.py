"""Label balance around any selector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import Field, field_validator

from ..domain.examples import Query
from ..domain.protocols import CandidateSource
from ..domain.recipes import SelectorField, SelectorSpec
from ..domain.scoring import shuffled
from ..domain.selections import Candidate
from .base import SelectorBase
from .catalogue import build
from .label_view import LabelView, PerLabel
from .ranking import flagged

_NAME = "balanced"
_Key = tuple[bool, float, int, str]


def quotas(counts: Mapping[str, int], order: Sequence[str], k: int) -> dict[str, int]:
    """How many of the k shots each label gets: one at a time around `order`, skipping exhausted labels.

    Counts differ by at most one between labels that are not exhausted; labels without a shot are left out.
    """
    given: dict[str, int] = {}
    active = [label for label in order if counts[label] > 0]
    left = k
    while left > 0 and active:
        for label in active[:left]:
            given[label] = given.get(label, 0) + 1
        left -= min(left, len(active))
        active = [label for label in active if given[label] < counts[label]] if left else []
    return given


class Balanced(SelectorBase):
    """As many examples of each label as of any other, chosen within each label by another selector.

    After ManyICL (Jiang et al., arXiv 2405.09798), with every label asked for on its own, so that a rare label is
    never missed. Remainders, and the labels shown when k is below their number, follow a keyed order that changes with
    the query (with none when the inner selector is fixed), so no label is starved. An exhausted label hands its
    shots on, one at a time.

    The merged rank order is by the inner score; what the inner selector did not score follows in rounds over the
    labels. Examples without a label only fill what the labels cannot.
    """

    inner: SelectorField = Field(
        default_factory=lambda: SelectorSpec(name="rices"),
        description="Selector that chooses within each label.",
    )

    @field_validator("inner")
    @classmethod
    def _inner_can_be_built(cls, spec: SelectorSpec) -> SelectorSpec:
        if spec.name == _NAME:
            raise ValueError("balanced cannot wrap itself")
        build(spec)
        return spec

    @property
    def fixed(self) -> bool:
        """Whether the inner selector is fixed."""
        return build(self.inner).fixed

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """Equal shares by label, merged into one rank order."""
        inner = build(self.inner)
        counts = source.labels()
        order = shuffled(counts, seed, f"{_NAME}|{'fixed' if inner.fixed else query.key}")
        shares = quotas(counts, order, k)
        place = {label: number for number, label in enumerate(shares)}
        shared = PerLabel(source, tuple(shares))
        chosen: list[tuple[_Key, Candidate]] = []
        # Largest share first: its question is the widest, and the answer to it serves the other labels too.
        for label, share in sorted(shares.items(), key=lambda item: -item[1]):
            found = inner.select(query, LabelView(shared, label), share, seed)[:share]
            for turn, candidate in enumerate(found):
                named = replace(candidate, label=label, reason=f"label {label!r}: {candidate.reason}")
                chosen.append((_key(candidate, turn, place[label]), named))
        merged = [candidate for _, candidate in sorted(chosen, key=lambda item: item[0])]
        return [*merged, *self._unlabelled(inner, query, source, k, k - sum(shares.values()), seed)]

    @staticmethod
    def _unlabelled(
        inner: SelectorBase, query: Query, source: CandidateSource, k: int, missing: int, seed: int
    ) -> list[Candidate]:
        # Fewer than k examples have labels, so the inner selector's k must contain enough without.
        if missing <= 0 or len(source.ids()) <= sum(source.labels().values()):
            return []
        without = [
            candidate
            for candidate in inner.select(query, source, k, seed)
            if source.label_of(candidate.id) is None
        ]
        return flagged(without[:missing], "has no label: fills what the labels cannot")


def _key(candidate: Candidate, turn: int, place: int) -> _Key:
    """Rank order across labels: scored ones by the total order, then the others in rounds over the labels."""
    if candidate.score is None:
        return True, turn, place, candidate.id
    return False, -candidate.score, 0, candidate.id
