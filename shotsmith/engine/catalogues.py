"""Catalogues in memory, one per pool version."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..domain.examples import Catalogue, Pool
from ..storage import Examples

_KEPT = 8


class LoadedCatalogue:
    """A pool's catalogue with its picture hashes as an array."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    @cached_property
    def _owners(self) -> list[str]:
        return [id for id, hashes in self.catalogue.dhashes.items() for _ in hashes]

    @cached_property
    def _hashes(self) -> NDArray[np.uint64]:
        hashes = [int(dhash, 16) for dhashes in self.catalogue.dhashes.values() for dhash in dhashes]
        return np.array(hashes, dtype=np.uint64)

    def near_duplicates(self, dhashes: Sequence[str], bits: int) -> list[str]:
        """Ids with a picture whose difference hash is within so many bits of one of these."""
        near: set[str] = set()
        for dhash in dhashes:
            distances = np.bitwise_count(self._hashes ^ np.uint64(int(dhash, 16)))
            near.update(self._owners[position] for position in np.flatnonzero(distances <= bits))
        return sorted(near)


class Catalogues:
    """Keeps the catalogues of the pools that were used last."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples
        self._kept: OrderedDict[tuple[str, str], LoadedCatalogue] = OrderedDict()
        self._lock = Lock()

    def of(self, pool: Pool) -> LoadedCatalogue:
        """The catalogue of a pool at its version."""
        key = (pool.uid, pool.version)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = LoadedCatalogue(self._examples.catalogue(pool.uid))
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]
