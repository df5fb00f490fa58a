"""The index on a Qdrant server, over REST or gRPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import numpy as np
from pydantic import SecretStr
from qdrant_client import QdrantClient, models

from ...domain.errors import Conflict, InvalidInput, Unavailable
from ...domain.protocols import Hit, Point
from ...domain.scoring import Vector
from .base import Asked, CheckedIndex, check_same, no_collection, taken
from .border import check_dims, check_name
from .conditions import AnyOf, Condition
from .exact import Nomination, Question, Rows, answer
from .payloads import KEYWORDS, packed, point_key
from .qdrant_errors import REMOTE_ERRORS, retrying, translated

PREFIX = "shotsmith_"

_GRAPH_FROM = 20_000  # points, as in the embedded index
_FLOATS = 400_000  # in one upsert; as JSON well below the server's limit of 32 MB
_QUESTIONS = 100  # in one request
_IDS = 10_000  # in one request
_BREADTH = 128  # HNSW ef


class QdrantIndex(CheckedIndex):
    """`VectorIndex` on a Qdrant server or cluster; thread-safe.

    Collections and aliases carry the prefix `shotsmith_`, so the server may hold others. Passing failures are tried
    again before they are reported. Open it after forking, never before.

    Args:
        url: `http(s)://host:port`, with `?grpc=PORT` to send points over gRPC.
        api_key: Sent with every request; never shown.
        timeout: Seconds that one request may take.
        attempts: How often a request is tried while the server is busy or unreachable.

    Raises:
        InvalidInput: The URL has parts that are not understood.
    """

    def __init__(
        self, url: str, api_key: SecretStr | None = None, *, timeout: int = 30, attempts: int = 4
    ) -> None:
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        ports = options.pop("grpc", [])
        if options or parts.fragment or parts.username or parts.hostname is None:
            raise InvalidInput(
                "not the URL of a Qdrant server",
                field="index_url",
                value=url.split("@")[-1],
                mend="Use http(s)://host:port or http(s)://host:port?grpc=PORT; an API key goes into its own setting",
            )
        if ports and not ports[-1].isdecimal():
            raise InvalidInput("not a port", field="index_url", value=ports[-1], mend="Use ?grpc=6334")
        self._server = parts.netloc
        self._secret = api_key.get_secret_value() if api_key else None
        self._attempts = attempts
        self._known: dict[str, Mapping[str, int]] = {}
        self._client: QdrantClient | None = QdrantClient(
            url=urlunsplit(parts._replace(query="")),
            api_key=self._secret,
            prefer_grpc=bool(ports),
            grpc_port=int(ports[-1]) if ports else 6334,
            timeout=timeout,
            check_compatibility=False,  # it asks and warns while we have not been asked for anything yet
        )

    def create(self, collection: str, dims: Mapping[str, int]) -> None:
        """Create a collection with these spaces; a no-op when it exists with the same ones (Conflict otherwise)."""
        check_name(collection)
        wanted = check_dims(dims)
        if collection in self._aliases():
            raise taken(collection, "an alias")
        if not self.exists(collection):
            try:
                self._create(collection, wanted)
            except (Conflict, InvalidInput):
                if not self.exists(collection):  # or else another process was faster
                    raise
        found = self._call("get_collection", collection)
        check_same(collection, _spaces(found), wanted)
        for field in KEYWORDS:
            if field not in found.payload_schema:
                self._call(
                    "create_payload_index", collection, field_name=field, field_schema="keyword", wait=True
                )
        self._known[collection] = wanted

    def exists(self, collection: str) -> bool:
        """Whether the collection (or alias) exists."""
        return bool(self._call("collection_exists", collection)) or collection in self._aliases()

    def drop(self, collection: str) -> None:
        """Remove a collection, its points and its aliases; a no-op when there is none."""
        aliases = self._aliases()
        if collection in aliases:
            raise taken(collection, "an alias")
        stale = [alias for alias, name in aliases.items() if name == collection]
        if stale:
            self._call(
                "update_collection_aliases", change_aliases_operations=[_deletion(alias) for alias in stale]
            )
        if self.exists(collection):
            self._call("delete_collection", collection)
        self._known.clear()

    def swap(self, alias: str, collection: str) -> None:
        """Make `alias` name `collection` from now on, atomically; what it named before stays."""
        check_name(alias, "alias")
        aliases = self._aliases()
        if collection in aliases or not self._call("collection_exists", collection):
            raise no_collection(collection)
        if alias not in aliases and self._call("collection_exists", alias):
            raise taken(alias, "a collection")
        creation = models.CreateAlias(collection_name=PREFIX + collection, alias_name=PREFIX + alias)
        changes: list[models.AliasOperations] = [models.CreateAliasOperation(create_alias=creation)]
        if alias in aliases:
            changes.insert(0, _deletion(alias))  # both happen at once
        self._call("update_collection_aliases", change_aliases_operations=changes)
        self._known.clear()

    def flush(self) -> None:
        """Nothing to do: every write waits until the server has applied it, and the server sees to its disks."""

    def close(self) -> None:
        """Hang up. Idempotent."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def nominate(self, collection: str, questions: Sequence[Question]) -> list[list[Nomination]]:
        """The best points of each question, by descending float32 score."""
        requests = [
            models.QueryRequest(
                query=question.vector.tolist(),
                using=question.space,
                filter=_filter(question.conditions),
                limit=question.limit,
                params=models.SearchParams(hnsw_ef=_BREADTH, exact=question.exact),
                with_payload=False,
                with_vector=False,
            )
            for question in questions
        ]
        answers: list[list[Nomination]] = []
        for start in range(0, len(requests), _QUESTIONS):
            part = requests[start : start + _QUESTIONS]
            found = self._call("query_batch_points", collection, requests=part)
            answers.extend([(point.id, point.score) for point in one.points] for one in found)
        return answers

    def rows(self, collection: str, space: str, keys: Sequence[str]) -> Rows:
        """The stored vectors of these points."""
        found = self._call("retrieve", collection, ids=list(keys), with_payload=["id"], with_vectors=[space])
        held = [(point, point.vector[space]) for point in found if space in (point.vector or {})]
        matrix = np.array([vector for _, vector in held], dtype=np.float32)
        ids = [point.payload["id"] for point, _ in held]
        return Rows([point.id for point, _ in held], ids, matrix)

    def _create(self, collection: str, dims: Mapping[str, int]) -> None:
        scanned = _GRAPH_FROM * max(dims.values()) * 4 // 1024  # KiB
        self._call(
            "create_collection",
            collection,
            vectors_config={
                space: models.VectorParams(size=size, distance=models.Distance.DOT)
                for space, size in dims.items()
            },
            hnsw_config=models.HnswConfigDiff(full_scan_threshold=scanned),
            optimizers_config=models.OptimizersConfigDiff(indexing_threshold=scanned),
        )

    def _aliases(self) -> dict[str, str]:
        """Our collections by alias."""
        return {
            alias.alias_name.removeprefix(PREFIX): alias.collection_name.removeprefix(PREFIX)
            for alias in self._call("get_aliases").aliases
            if alias.alias_name.startswith(PREFIX)
        }

    def _call(self, method: str, collection: str | None = None, **arguments: Any) -> Any:
        if self._client is None:
            raise Unavailable("the index is closed", mend="Open it again")
        if collection is not None:
            arguments["collection_name"] = PREFIX + collection
        try:
            return retrying(self._attempts)(getattr(self._client, method), **arguments)
        except REMOTE_ERRORS as error:
            raise translated(error, collection=collection, server=self._server, secret=self._secret) from None

    def _session(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _resolve(self, collection: str) -> str:
        # A real name stays one, so only aliases cost a request.
        return collection if collection in self._known else self._aliases().get(collection, collection)

    def _dims(self, collection: str, *, fresh: bool = False) -> Mapping[str, int]:
        if fresh or collection not in self._known:
            self._known.pop(collection, None)
            self._known[collection] = _spaces(self._call("get_collection", collection))
        return self._known[collection]

    def _batch_size(self, collection: str) -> int:
        return max(1, min(1000, _FLOATS // sum(self._dims(collection).values())))

    def _write(self, collection: str, points: Sequence[Point]) -> None:
        kept = [
            models.PointStruct(
                id=point_key(point.id),
                vector={space: vector.tolist() for space, vector in point.vectors.items()},
                payload=packed(point),
            )
            for point in points
        ]
        self._call("upsert", collection, points=kept, wait=True)

    def _erase(self, collection: str, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), _IDS):
            keys = [point_key(id) for id in ids[start : start + _IDS]]
            self._call("delete", collection, points_selector=models.PointIdsList(points=keys), wait=True)

    def _answer(self, collection: str, asked: Sequence[Asked]) -> list[list[Hit]]:
        return answer(self, collection, asked)

    def _vectors(self, collection: str, space: str, ids: Sequence[str]) -> dict[str, Vector]:
        found: dict[str, Vector] = {}
        size = self._batch_size(collection)
        for start in range(0, len(ids), size):
            rows = self.rows(collection, space, [point_key(id) for id in ids[start : start + size]])
            found.update(zip(rows.ids, rows.matrix, strict=True))
        return {id: found[id] for id in ids if id in found}

    def _count(self, collection: str, wanted: tuple[Condition, ...]) -> int:
        return int(self._call("count", collection, count_filter=_filter(wanted), exact=True).count)

    def _page(self, collection: str, cursor: Any, size: int) -> tuple[Sequence[Mapping[str, Any]], Any]:
        records, after = self._call(
            "scroll", collection, offset=cursor, limit=size, with_payload=True, with_vectors=False
        )
        return [record.payload for record in records], after


def _spaces(found: models.CollectionInfo) -> dict[str, int]:
    vectors = found.config.params.vectors
    return {space: params.size for space, params in vectors.items()} if isinstance(vectors, dict) else {}


def _filter(wanted: Sequence[Condition]) -> models.Filter | None:
    if not wanted:
        return None
    return models.Filter(
        must=[_translated(condition) for condition in wanted if not condition.negated],
        must_not=[_translated(condition) for condition in wanted if condition.negated],
    )


def _translated(condition: Condition) -> models.Condition:
    if isinstance(condition, AnyOf):
        return models.FieldCondition(key=condition.field, match=models.MatchAny(any=list(condition.values)))
    return models.HasIdCondition(has_id=[point_key(id) for id in condition.ids])


def _deletion(alias: str) -> models.DeleteAliasOperation:
    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=PREFIX + alias))
