"""Keeps the vector index in step with SQL: replays the outbox, and rebuilds what was lost."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from threading import Lock

from PIL.Image import Image

from ..domain.errors import NotFound
from ..domain.examples import Example, Pool
from ..domain.protocols import Point, VectorIndex
from ..retrieval.embedding import Embedder, Item
from ..storage import Examples, Outbox

_BATCH = 256
_log = logging.getLogger("shotsmith")


class Indexer:
    """Writes examples into the index. Every step can be repeated, so a killed process loses nothing.

    Args:
        index: The derived store.
        examples: The truth.
        outbox: What the index has yet to hear of.
    """

    def __init__(self, index: VectorIndex, examples: Examples, outbox: Outbox) -> None:
        self._index = index
        self._examples = examples
        self._outbox = outbox
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)
        self._guard = Lock()

    def _lock_of(self, pool: Pool) -> Lock:
        with self._guard:
            return self._locks[pool.uid]

    def sync(self, pool: Pool, embedder: Embedder, pictures: Mapping[str, Image] | None = None) -> int:
        """Bring a pool's collection up to date; return how many examples were touched.

        Args:
            pool: The pool.
            embedder: Of the pool's encoder.
            pictures: Pictures that are decoded already, by pixel hash.
        """
        if self._index.exists(pool.uid) and not self._outbox.pending(pool.uid, 1):
            return 0
        with self._lock_of(pool):
            touched = 0
            if not self._index.exists(pool.uid):
                # Pending first: whoever is killed in between leaves work behind, not a half-filled collection.
                self._outbox.requeue(pool.uid)
                self._index.create(pool.uid, embedder.encoder.dims)
            while tasks := self._outbox.pending(pool.uid, _BATCH):
                ids = sorted({task.id for task in tasks})
                found = self._examples.get(pool.uid, ids)
                active = [example for example in found.values() if example.status == "active"]
                lost = self._put_what_can_be(pool, embedder, active, pictures)
                held = {example.id: example.content_sha256 for example in active}
                self._index.delete(pool.uid, [id for id in ids if id not in held or id in lost])
                self._outbox.done(pool.uid, tasks, {id: held.get(id) for id in ids})
                touched += len(ids)
            return touched

    def _put_what_can_be(
        self, pool: Pool, embedder: Embedder, active: Sequence[Example], pictures: Mapping[str, Image] | None
    ) -> set[str]:
        """Index a batch; return ids whose pictures are lost, which must not block the rest. `doctor` names them."""
        try:
            self.put(pool, embedder, active, pictures)
            return set()
        except NotFound:
            lost = set()
            for example in active:
                try:
                    self.put(pool, embedder, [example], pictures)
                except NotFound:
                    _log.warning("example %r of pool %r has lost its picture", example.id, pool.name)
                    lost.add(example.id)
            return lost

    def put(
        self,
        pool: Pool,
        embedder: Embedder,
        batch: Sequence[Example],
        pictures: Mapping[str, Image] | None = None,
    ) -> int:
        """Embed and upsert active examples; return how many."""
        active = [example for example in batch if example.status == "active"]
        if active:
            items = [Item(example.media, example.text) for example in active]
            vectors = embedder.embed(items, pictures=pictures)
            points = [
                Point(example.id, spaces, example.payload())
                for example, spaces in zip(active, vectors, strict=True)
            ]
            self._index.upsert(pool.uid, points)
        return len(active)
