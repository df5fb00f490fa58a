"""Keeps the vector index in step with SQL: replays the outbox, and rebuilds what was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

from PIL.Image import Image

from ..domain.examples import Example, Pool
from ..domain.protocols import Point, VectorIndex
from ..retrieval.embedding import Embedder, Item
from ..storage import Examples, Outbox

_BATCH = 256


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
        self._lock = Lock()

    def sync(self, pool: Pool, embedder: Embedder, pictures: Mapping[str, Image] | None = None) -> int:
        """Bring a pool's collection up to date; return how many examples were touched.

        Args:
            pool: The pool.
            embedder: Of the pool's encoder.
            pictures: Pictures that are decoded already, by pixel hash.
        """
        with self._lock:
            touched = 0
            if not self._index.exists(pool.uid):
                self._index.create(pool.uid, embedder.encoder.dims)
                for page in self._examples.each(pool.uid, _BATCH):
                    touched += self.put(pool, embedder, page, pictures)
            while tasks := self._outbox.pending(pool.uid, _BATCH):
                ids = sorted({task.id for task in tasks})
                found = self._examples.get(pool.uid, ids)
                active = [example for example in found.values() if example.status == "active"]
                self.put(pool, embedder, active, pictures)
                held = {example.id: example.content_sha256 for example in active}
                gone = [id for id in ids if id not in held]
                self._index.delete(pool.uid, gone)
                self._outbox.done(pool.uid, tasks, {id: held.get(id) for id in ids})
                touched += len(ids)
            return touched

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
