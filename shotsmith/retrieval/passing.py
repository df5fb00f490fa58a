"""The examples that pass a filter, without their content: to count, to list and to draw from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..domain.examples import Catalogue
from ..domain.filters import Filter
from ..domain.scoring import Keys, item_keys, keyed


@dataclass(frozen=True)
class Passing:
    """What passes one filter.

    Attributes:
        ids: Ascending.
        by_label: Places in `ids` of the examples that carry each label, ascending; labels ascending.
    """

    ids: Sequence[str]
    by_label: Mapping[str, NDArray[np.intp]]

    @classmethod
    def of(cls, catalogue: Catalogue, filter: Filter) -> Self:
        """Ask the filter about every example of a catalogue."""
        ids: list[str] = []
        labels: dict[str, list[int]] = {}
        for id, payload in catalogue.payloads.items():
            if filter.matches(id, payload):
                for label in dict.fromkeys(payload["labels"]):
                    labels.setdefault(label, []).append(len(ids))
                ids.append(id)
        return cls(ids, {label: np.array(labels[label]) for label in sorted(labels)})

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {id: place for place, id in enumerate(self.ids)}

    @cached_property
    def _keys(self) -> Keys:
        return item_keys(self.ids)

    def of_label(self, label: str | None) -> Sequence[str]:
        """Ids that carry a label, or all for None; ascending."""
        if label is None:
            return self.ids
        return [self.ids[place] for place in self.by_label.get(label, ())]

    def counts(self, without: Collection[str]) -> dict[str, int]:
        """How many examples carry each label, labels ascending; those without any left are absent."""
        gone = np.array([self._places[id] for id in without if id in self._places], dtype=np.intp)
        counts = {
            label: len(places) - int(np.isin(gone, places).sum()) if gone.size else len(places)
            for label, places in self.by_label.items()
        }
        return {label: count for label, count in counts.items() if count}

    def draw(
        self, limit: int, seed: int, scope: str, label: str | None, without: Collection[str]
    ) -> list[str]:
        """The first ids of the keyed shuffle of those that carry a label, or of all for None."""
        places = None if label is None else self.by_label.get(label, np.array([], dtype=np.intp))
        keys = keyed(self._keys if places is None else self._keys[places], seed, scope)
        wanted = min(limit + len(without), len(keys))
        if wanted <= 0:
            return []
        last = np.partition(keys, wanted - 1)[wanted - 1]
        first = np.flatnonzero(keys <= last)
        order = first[np.argsort(keys[first], kind="stable")]  # ids ascend, so ties come by id
        drawn = (self.ids[place if places is None else places[place]] for place in order.tolist())
        return [id for id in drawn if id not in without][:limit]
