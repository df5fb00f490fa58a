"""Shares for labels: equal ones, or those that the labels have in the pool."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..domain.examples import Query
from ..domain.scoring import shuffled
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Selector
from .base import Card, StageBase
from .label_view import LabelView, PerLabel, require_labels
from .ranking import flagged

_Key = tuple[bool, float, int, str]
_UNLABELLED = "filled up with examples that have no label"
_UNSHARED = "filled up beyond the shares of the labels"


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


def proportions(counts: Mapping[str, int], order: Sequence[str], k: int) -> dict[str, int]:
    """Shares in proportion to the counts, by largest remainder; equal remainders by `order`. None is 1 off."""
    total = sum(counts.values())
    wanted = min(k, total)
    given = {label: wanted * counts[label] // total for label in order} if total else {}
    remainder = {label: wanted * counts[label] % total for label in given}
    for label in sorted(given, key=lambda label: -remainder[label])[: wanted - sum(given.values())]:
        given[label] += 1
    return {label: share for label, share in given.items() if share}


class _Shares(StageBase):
    """What both ways of sharing have in common: each label is asked for on its own, by what stands before."""

    keeps_fixed = True

    @abstractmethod
    def shares(self, counts: Mapping[str, int], order: Sequence[str], k: int) -> dict[str, int]:
        """Shots by label."""

    def counts_for(self, label: str, carried: Sequence[str]) -> Sequence[str]:
        """Whose shot it is that was chosen for a label."""
        return [label]

    @abstractmethod
    def next(self, got: Mapping[str, int], shares: Mapping[str, int], open: Sequence[str]) -> str | None:
        """Whose turn it is, of the labels in keyed order that may still have an example; None for nobody's."""

    def apply(
        self, inner: Selector, query: Query, source: CandidateSource, k: int, seed: int
    ) -> list[Candidate]:
        """Shares by label, merged into one rank order; examples without a label fill what the labels cannot."""
        counts = require_labels(self._name, source, k)
        order = shuffled(counts, seed, f"{self._name}|{'fixed' if inner.fixed else query.key}")
        shares = self.shares(counts, order, k)
        lists = _Lists(inner, query, source, k, seed, shares)
        place = {label: number for number, label in enumerate(order)}
        got = dict.fromkeys(order, 0)
        open_ones = list(order)
        chosen: dict[str, tuple[_Key, Candidate]] = {}
        while len(chosen) < k and (label := self.next(got, shares, open_ones)) is not None:
            found = lists.next(label, chosen)
            if found is None:
                open_ones.remove(label)
                continue
            key = _key(found, got[label], place[label])
            chosen[found.id] = key, replace(found, label=label, reason=f"label {label!r}: {found.reason}")
            for counted in self.counts_for(label, lists.labels_of(found.id)):
                got[counted] += 1
        merged = [candidate for _, candidate in sorted(chosen.values(), key=lambda one: one[0])]
        if (missing := k - len(merged)) <= 0:
            return merged
        rest = inner.select(query, source.without(list(chosen)), missing, seed)[:missing]
        return [*merged, *(flagged([one], _UNSHARED if one.label else _UNLABELLED)[0] for one in rest)]

    @property
    def _name(self) -> str:
        return type(self).__name__.lower()


class Balanced(_Shares):
    """As many examples of each label as of any other, chosen within each label by what stands before.

    Every label is asked for on its own, so that a rare one is never missed. Remainders, and the labels shown when k
    is below their number, follow a keyed order that changes with the query (with none after a fixed selector), so no
    label is starved. An exhausted label hands its shots on, one at a time. An example with several labels counts for
    each of them: the turn is always the label's that was shown least.

    The merged rank order is by the score within the labels; what was not scored follows in rounds over the labels.
    """

    card = Card(
        paper="Jiang et al., ManyICL, [arXiv 2405.09798](https://arxiv.org/abs/2405.09798)",
        cost="one filtered search a label, in one batch",
        use="classification with few labels, rare classes, skewed pools",
        avoid="more labels than shots: most labels shown are unlikely ones; prefer `label_space`",
    )
    nested = "subset"

    def shares(self, counts: Mapping[str, int], order: Sequence[str], k: int) -> dict[str, int]:
        """Equal ones."""
        return quotas(counts, order, k)

    def counts_for(self, label: str, carried: Sequence[str]) -> Sequence[str]:
        """Every label that it carries."""
        return carried

    def next(self, got: Mapping[str, int], shares: Mapping[str, int], open: Sequence[str]) -> str | None:
        """The label that was shown least."""
        return min(open, key=got.__getitem__, default=None)


class Stratified(_Shares):
    """Examples of each label in the proportion that it has in the pool, chosen within it by what stands before.

    Shares by largest remainder, so that none is one off; equal remainders by a keyed order. An example with several
    labels counts for the one it was chosen for.
    """

    card = Card(
        paper="largest remainder, as in parliaments (Hamilton); for demonstrations ours",
        cost="one filtered search a label, in one batch",
        use="label frequencies matter, as in triage or screening",
        avoid="rare labels must be seen: `balanced` shows them",
    )

    def shares(self, counts: Mapping[str, int], order: Sequence[str], k: int) -> dict[str, int]:
        """Proportional ones."""
        return proportions(counts, order, k)

    def next(self, got: Mapping[str, int], shares: Mapping[str, int], open: Sequence[str]) -> str | None:
        """The first label that has less than its share."""
        return next((label for label in open if got[label] < shares.get(label, 0)), None)


class _Lists:
    """What the inner selector would choose for each label, asked for as far as it is needed."""

    def __init__(
        self,
        inner: Selector,
        query: Query,
        source: CandidateSource,
        k: int,
        seed: int,
        shares: Mapping[str, int],
    ) -> None:
        self._inner, self._query, self._source, self._k, self._seed = inner, query, source, k, seed
        self._shared = PerLabel(source, tuple(shares))
        self._lists: dict[str, list[Candidate]] = {}
        self._asked: dict[str, int] = {}
        self._at: dict[str, int] = {}
        # Largest share first: its question is the widest, and the answer to it serves the other labels too.
        for label, share in sorted(shares.items(), key=lambda item: -item[1]):
            self._ask(label, share)

    def next(self, label: str, taken: Mapping[str, object]) -> Candidate | None:
        """The best candidate of a label that is not taken; None when there is none."""
        while True:
            known = self._lists.get(label, [])
            at = self._at.get(label, 0)
            while at < len(known) and known[at].id in taken:
                at += 1
            self._at[label] = at
            if at < len(known):
                return known[at]
            if len(known) < self._asked.get(label, 0) or len(known) >= self._k:
                return None
            self._ask(label, min(self._k, 2 * len(known) + 1))

    def labels_of(self, id: str) -> tuple[str, ...]:
        """Every label that an example carries, each once."""
        return tuple(dict.fromkeys(self._source.examples([id])[id].labels))

    def _ask(self, label: str, limit: int) -> None:
        view = LabelView(self._shared, label)
        self._lists[label] = self._inner.select(self._query, view, limit, self._seed)[:limit]
        self._asked[label] = limit
        self._at[label] = 0


def _key(candidate: Candidate, turn: int, place: int) -> _Key:
    """Rank order across labels: scored ones by the total order, then the others in rounds over the labels."""
    if candidate.score is None:
        return True, turn, place, candidate.id
    return False, -candidate.score, 0, candidate.id
