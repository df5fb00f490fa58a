"""Qdrant Edge, opened in this process: collections, searches and durability.

The engine holds the GIL in every call and lets one process open a shard, so whoever opens an `EdgeStore` must hold the
directory's lock (`EdgeIndex` does). Never fork while one is open: the child would hang.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge

from ...domain.errors import Busy, Unavailable
from ...domain.protocols import Hit, Point
from ...domain.scoring import Vector
from .base import Asked, CheckedIndex, check_same, no_collection, taken
from .border import check_dims, check_name
from .conditions import Condition
from .edge_files import EdgeFiles
from .edge_filters import edge_filter
from .edge_rows import RowCache
from .exact import Nomination, Question, Rows, answer
from .payloads import KEYWORDS, packed, point_key

#: Up to this many points a scan is fast enough, and exact; a graph is built only beyond.
GRAPH_FROM = 20_000

_FLUSH_EVERY = 10_000  # points; bounds what the write-ahead log must replay after a crash
_CACHE = 256 * 2**20
_REMEMBERED = 1024  # a longer list of vectors is a bulk read
_BULK = 4096  # vectors read in one call
_CONNECTIONS, _CANDIDATES, _BREADTH = 16, 100, 128  # HNSW: m, ef_construct, ef


@dataclass(slots=True)
class _Shard:
    """An open collection, and how many points were written since its last flush."""

    handle: edge.EdgeShard
    unflushed: int = 0


class EdgeStore(CheckedIndex):
    """`VectorIndex` over a directory of Qdrant Edge shards; thread-safe by one lock.

    Vectors are stored as float32 under the dot product, so their bytes stay what the encoder gave. Writes go through
    the engine's write-ahead log: a killed process loses nothing it acknowledged. `flush` is for power loss.

    Args:
        root: The directory; created when missing.
        cache: Bytes of recently read vectors to keep for rescoring.
    """

    def __init__(self, root: Path, *, cache: int = _CACHE) -> None:
        self._lock = RLock()
        self._closed = False
        self._files = EdgeFiles(root)
        self._shards: dict[str, _Shard] = {}
        self._cache = RowCache(cache)

    def create(self, collection: str, dims: Mapping[str, int]) -> None:
        """Create a collection with these spaces; a no-op when it exists with the same ones (Conflict otherwise)."""
        check_name(collection)
        wanted = check_dims(dims)
        with self._session():
            if collection in self._files.aliases:
                raise taken(collection, "an alias")
            if collection in self._files:
                check_same(collection, self._files.dims(collection), wanted)
                return
            handle = edge.EdgeShard.create(str(self._files.begin(collection)), _config(wanted))
            try:
                for field in KEYWORDS:
                    keyword = edge.UpdateOperation.create_field_index(field, edge.PayloadSchemaType.Keyword)
                    handle.update(keyword)
                handle.flush()
                self._files.commit(collection, wanted)
            except BaseException:
                handle.close()
                self._files.abandon(collection)
                raise
            self._shards[collection] = _Shard(handle)

    def exists(self, collection: str) -> bool:
        """Whether the collection (or alias) exists."""
        with self._session():
            return collection in self._files or collection in self._files.aliases

    def drop(self, collection: str) -> None:
        """Remove a collection, its points and its aliases; a no-op when there is none."""
        with self._session():
            if collection in self._files.aliases:
                raise taken(collection, "an alias")
            if collection in self._files:
                if shard := self._shards.pop(collection, None):
                    shard.handle.close()
                self._files.remove(collection)

    def swap(self, alias: str, collection: str) -> None:
        """Make `alias` name `collection` from now on, atomically; what it named before stays."""
        check_name(alias, "alias")
        with self._session():
            if collection not in self._files:
                raise no_collection(collection)
            if alias in self._files:
                raise taken(alias, "a collection")
            self._files.swap(alias, collection)

    def optimise(self, collection: str) -> bool:
        """Build the approximate graph of a collection of more than 20,000 points; a no-op below.

        Blocks this process, all its threads included, until it is done (about a minute for 100,000 points of 512
        dimensions). Call it after a bulk import. Points that arrive later are scanned until the next call.

        Returns:
            Whether anything was built.
        """
        with self._session():
            shard = self._shard(self._resolve(collection))
            if shard.handle.count(edge.CountRequest(exact=True)) <= GRAPH_FROM:
                return False
            return bool(shard.handle.optimize())

    def flush(self) -> None:
        """Make everything durable against power loss."""
        with self._session():
            for shard in self._shards.values():
                if shard.unflushed:
                    shard.handle.flush()
                    shard.unflushed = 0

    def close(self) -> None:
        """Flush and release the store. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for shard in self._shards.values():
                shard.handle.flush()
                shard.handle.close()
            self._shards.clear()

    def nominate(self, collection: str, questions: Sequence[Question]) -> list[list[Nomination]]:
        """The best points of each question, by descending float32 score."""
        filters: dict[tuple[Condition, ...], edge.Filter | None] = {}
        requests = []
        for question in questions:
            if question.conditions not in filters:
                filters[question.conditions] = edge_filter(question.conditions)
            nearest = edge.Query.Nearest(question.vector.tolist(), using=question.space)
            requests.append(
                edge.QueryRequest(
                    limit=question.limit,
                    query=nearest,
                    filter=filters[question.conditions],
                    params=edge.SearchParams(hnsw_ef=_BREADTH, exact=question.exact),
                )
            )
        answers = self._shard(collection).handle.query_batch(edge.QueryBatchRequest(requests))
        return [[(point.id, point.score) for point in found] for found in answers]

    def rows(self, collection: str, space: str, keys: Sequence[UUID]) -> Rows:
        """The stored vectors of these points, from memory where they were read lately."""
        found = self._read(collection, space, keys)
        ids = [id for id, _ in found.values()]
        return Rows(list(found), ids, np.stack([vector for _, vector in found.values()]))

    def _read(self, collection: str, space: str, keys: Sequence[UUID]) -> dict[UUID, tuple[str, Vector]]:
        """Example id and vector by key; points that lack the space are absent."""
        found = {key: row for key in keys if (row := self._cache.get((collection, space, key)))}
        unread: list[Any] = [key for key in keys if key not in found]
        if unread:
            names = edge.PayloadSelector.Include(["id"])
            handle = self._shard(collection).handle
            points: list[Any] = handle.retrieve(unread, with_payload=names, with_vector=[space])
            for point in points:
                if space not in (point.vector or {}):
                    continue
                row = point.payload["id"], np.asarray(point.vector[space], np.float32)
                if len(unread) <= _REMEMBERED:  # a bulk read would only push out what is asked again
                    self._cache.put((collection, space, point.id), *row)
                found[point.id] = row
        return found

    @contextmanager
    def _session(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise Unavailable("the embedded index is closed", mend="Open it again")
            try:
                yield
            except Exception as error:
                # The engine raises nothing but bare exceptions; anything else is a mistake of ours.
                if type(error) is not Exception and not isinstance(error, OSError):
                    raise
                if "WouldBlock" in str(error):
                    raise Busy(
                        "another process has the embedded index open", mend="Close it there"
                    ) from error
                raise Unavailable(
                    f"the embedded index failed: {error}",
                    mend="Run `shotsmith doctor --repair`, which fills it again from the database",
                ) from error

    def _shard(self, collection: str) -> _Shard:
        if collection not in self._files:
            raise no_collection(collection)
        if collection not in self._shards:
            handle = edge.EdgeShard.load(str(self._files.shard(collection)))
            # The log may have been replayed, which no disk has seen yet.
            self._shards[collection] = _Shard(handle, unflushed=1)
        return self._shards[collection]

    def _resolve(self, collection: str) -> str:
        return self._files.resolve(collection)

    def _dims(self, collection: str, *, fresh: bool = False) -> Mapping[str, int]:
        return self._files.dims(collection)

    def _write(self, collection: str, points: Sequence[Point]) -> None:
        kept = [
            edge.Point(
                point_key(point.id),
                {space: vector.tolist() for space, vector in point.vectors.items()},
                packed(point),
            )
            for point in points
        ]
        self._update(collection, edge.UpdateOperation.upsert_points(kept), [point.id for point in points])

    def _erase(self, collection: str, ids: Sequence[str]) -> None:
        keys: list[Any] = [point_key(id) for id in ids]
        self._update(collection, edge.UpdateOperation.delete_points(keys), ids)

    def _update(self, collection: str, operation: edge.UpdateOperation, ids: Sequence[str]) -> None:
        shard = self._shard(collection)
        for id in ids:
            for space in self._dims(collection):
                self._cache.forget((collection, space, UUID(point_key(id))))
        shard.handle.update(operation)
        shard.unflushed += len(ids)
        if shard.unflushed >= _FLUSH_EVERY:
            shard.handle.flush()
            shard.unflushed = 0

    def _answer(self, collection: str, asked: Sequence[Asked]) -> list[list[Hit]]:
        return answer(self, collection, asked)

    def _vectors(self, collection: str, space: str, ids: Sequence[str]) -> dict[str, Vector]:
        found: dict[str, Vector] = {}
        for start in range(0, len(ids), _BULK):
            keys = [UUID(point_key(id)) for id in ids[start : start + _BULK]]
            found.update(self._read(collection, space, keys).values())
        return {id: found[id] for id in ids if id in found}

    def _count(self, collection: str, wanted: tuple[Condition, ...]) -> int:
        request = edge.CountRequest(filter=edge_filter(wanted), exact=True)
        return int(self._shard(collection).handle.count(request))

    def _page(self, collection: str, cursor: Any, size: int) -> tuple[Sequence[Mapping[str, Any]], Any]:
        request = edge.ScrollRequest(offset=cursor, limit=size, with_payload=True, with_vector=False)
        records, after = self._shard(collection).handle.scroll(request)
        return [record.payload or {} for record in records], after


def _config(dims: Mapping[str, int]) -> edge.EdgeConfig:
    scanned = GRAPH_FROM * max(dims.values()) * 4 // 1024  # KiB
    return edge.EdgeConfig(
        vectors={space: edge.EdgeVectorParams(size, edge.Distance.Dot) for space, size in dims.items()},
        hnsw_config=edge.HnswIndexConfig(_CONNECTIONS, _CANDIDATES, scanned),
        optimizers=edge.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=scanned),
        max_search_threads=1,  # in the calling thread: the lock lets in only one call anyway
    )
