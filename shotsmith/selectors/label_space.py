"""Demonstrations for the labels that are likely: a partial view of a large label space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from ..domain.examples import Query
from ..domain.protocols import Hit
from ..domain.recipes import Modality
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource
from .base import Card, SelectorBase
from .label_view import require_labels
from .ranking import fill, flagged, ordinal, space_for
from .rices import Rices

_FIRST, _GROWTH, _WIDEST = 64, 4, 4096
_FEW = 32  # so few labels are sooner asked one by one


class LabelSpace(SelectorBase):
    """The likeliest labels by their best hit, and the same number of nearest examples for each.

    Labels are ranked by the cosine of their nearest example, then by name. In this order each gets its `per_label`
    nearest examples until k are chosen; when every label had its turn, the next ones follow. Rank order goes in
    rounds: the nearest of each label, then the second of each. With `per_label` above the pool's size it is the
    likeliest label's examples first.
    """

    card = Card(
        paper='Milios et al., "ICL for Text Classification with Many Labels", '
        "[arXiv 2309.10954](https://arxiv.org/abs/2309.10954); equal shares for the top labels are ours",
        cost="one search, and one for each label shown",
        use="hundreds of labels: show the plausible ones, each more than once",
        avoid="few labels: `balanced` shows them all",
    )
    draws = False
    nested = "subset"

    per_label: int = Field(2, ge=1, description="Shots for each of the likeliest labels.")
    modality: Modality = Field("image", description="Space to compare in; falls back as in `rices`.")

    def select(self, query: Query, source: CandidateSource, k: int, seed: int) -> list[Candidate]:
        """The nearest of the likeliest labels, in rounds; what has no label or no vector fills up."""
        counts = require_labels("label_space", source, k)
        space = space_for(self.modality, source)
        if space is None or not counts or k == 0:
            return Rices(modality=self.modality).select(query, source, k, seed)
        ranking = _Likeliest(source, space, counts)
        wanted, depth = -(-k // self.per_label), self.per_label
        while True:
            labels = ranking.first(wanted)
            complete = len(labels) == len(ranking)
            dealt, starved = self._deal(
                labels, source.nearest_per_label(space, labels, depth), k, depth, complete
            )
            if starved:  # labels share examples, or only a few have any left
                depth *= 2
            elif len(dealt) == k or complete:
                break
            else:
                wanted *= 2
        chosen = [
            Candidate(
                id=hit.id,
                reason=f"{ordinal(turn + 1)} nearest of the {ordinal(place + 1)} likeliest label, {labels[place]!r}, "
                f"by {space}, cosine {hit.score:.4f}",
                scores={space: hit.score},
                label=labels[place],
            )
            for turn, place, hit in sorted(dealt, key=lambda one: one[:2])
        ]
        chosen += fill(query, source, chosen, k, seed, f"no label or no {space} to compare")
        if space == self.modality:
            return chosen
        return flagged(chosen, f"cannot compare by {self.modality}: ranked by {space} instead")

    def _deal(
        self, labels: Sequence[str], lists: Mapping[str, Sequence[Hit]], k: int, depth: int, again: bool
    ) -> tuple[list[tuple[int, int, Hit]], bool]:
        """(turn within the label, place of the label, hit) of what is chosen, each example once.

        The flag tells that a label's list of `depth` hits was used up, so that its next one is not known. Only where
        all labels are there do they have a turn `again`.
        """
        taken: set[str] = set()
        dealt: list[tuple[int, int, Hit]] = []
        turns = [0] * len(labels)
        rest = [iter(lists[label]) for label in labels]
        before = -1
        while before < len(dealt) < k and (again or before < 0):
            before = len(dealt)
            for place, hits in enumerate(rest):
                for _ in range(min(self.per_label, k - len(dealt))):
                    hit = next((hit for hit in hits if hit.id not in taken), None)
                    if hit is None:
                        if len(lists[labels[place]]) == depth:
                            return dealt, True
                        break
                    taken.add(hit.id)
                    dealt.append((turns[place], place, hit))
                    turns[place] += 1
        return dealt, False


class _Likeliest:
    """Labels by the cosine of their nearest example, found from the top, so that few labels cost one search."""

    def __init__(self, source: CandidateSource, space: Modality, counts: Mapping[str, int]) -> None:
        self._source = source
        self._space = space
        self._counts = counts
        self._sure: list[str] = []
        self._limit = _FIRST
        self._complete = False

    def __len__(self) -> int:
        return len(self._counts)

    def first(self, wanted: int) -> list[str]:
        """The first labels of the ranking."""
        while len(self._sure) < min(wanted, len(self._counts)) and not self._complete:
            self._look()
        return self._sure[:wanted]

    def _look(self) -> None:
        if self._limit > (_FIRST if len(self._counts) <= _FEW else _WIDEST):
            nearest = self._source.nearest_per_label(self._space, list(self._counts), 1)
            best = {label: hits[0].score for label, hits in nearest.items() if hits}
            floor = -2.0
        else:
            hits = self._source.nearest(self._space, self._limit)
            examples = self._source.examples([hit.id for hit in hits])
            best = {}
            for hit in hits:
                for label in examples[hit.id].labels if hit.id in examples else ():
                    best.setdefault(label, hit.score)
            # Labels that tie with the last hit may tie with one that was not seen.
            floor = hits[-1].score if len(hits) == self._limit else -2.0
            self._limit *= _GROWTH
        self._complete = floor == -2.0
        sure = {label: score for label, score in best.items() if score > floor}
        self._sure = sorted(sure, key=lambda label: (-sure[label], label))
        if self._complete:  # labels whose examples all lack the space
            self._sure += sorted(label for label in self._counts if label not in sure)
