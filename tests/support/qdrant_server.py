"""A Qdrant server for tests, on loopback, over REST and gRPC: the wire is real, the engine is not.

Messages are parsed and built with the models that qdrant-client ships, and answered by that client's local mode. So
URLs, JSON, protobuf, status codes, aliases and paging are exercised; consensus, sharding, optimizers and real timeouts
are not. Set SHOTSMITH_TEST_QDRANT_URL to run the same tests against a real server.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import RLock, Thread
from typing import Any

import grpc
from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient, models
from qdrant_client import grpc as wire
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc

_GRPC_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ALREADY_EXISTS,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}


class Refusal(Exception):
    """An answer other than success."""

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after = retry_after


@dataclass
class Backend:
    """Local mode behind a lock, with what it lacks: payload indexes, an API key and failures on demand.

    Attributes:
        faults: Answers for the next requests, taken from the left; None lets one pass.
        seen: Operations in the order of their arrival, refused ones included.
        api_key: When set, requests must carry it.
    """

    local: QdrantClient = field(default_factory=lambda: QdrantClient(":memory:"))
    lock: Any = field(default_factory=RLock)
    faults: deque[Refusal | None] = field(default_factory=deque)
    seen: list[str] = field(default_factory=list)
    indexed: dict[str, list[str]] = field(default_factory=dict)
    api_key: str | None = None

    def run(self, operation: str, key: str | None, work: Callable[[], Any]) -> Any:
        """Do one operation, or refuse it."""
        with self.lock:
            self.seen.append(operation)
            if self.faults and (fault := self.faults.popleft()):
                raise fault
            if self.api_key is not None and key != self.api_key:
                raise Refusal(401, f"Must provide an API key, not {key}")
            try:
                return work()
            except ValueError as error:
                status = 404 if "not found" in str(error) else 409 if "already exists" in str(error) else 400
                raise Refusal(status, str(error)) from error

    def info(self, name: str) -> models.CollectionInfo:
        """A collection, with the payload indexes that it should have."""
        found = self.local.get_collection(name)
        index = models.PayloadIndexInfo(data_type=models.PayloadSchemaType.KEYWORD, points=0)
        found.payload_schema = dict.fromkeys(self.indexed.get(self.real(name), []), index)
        return found

    def real(self, name: str) -> str:
        """The collection behind an alias."""
        aliases = {alias.alias_name: alias.collection_name for alias in self.local.get_aliases().aliases}
        return aliases.get(name, name)

    def drop(self, name: str) -> bool:
        """Remove a collection."""
        self.indexed.pop(name, None)
        return bool(self.local.delete_collection(name))

    def index(self, name: str, field_name: str) -> None:
        """Note a payload index."""
        self.local.get_collection(name)
        self.indexed.setdefault(self.real(name), []).append(field_name)

    def reset(self) -> None:
        """Forget everything."""
        for found in self.local.get_collections().collections:
            self.drop(found.name)
        self.faults.clear()
        self.seen.clear()

    def query(self, name: str, queries: list[models.QueryRequest]) -> list[models.QueryResponse]:
        """Answer a batch; local mode always scans, and warns about parameters that ask for it."""
        for query in queries:
            query.params = None
        return self.local.query_batch_points(name, queries)


class QdrantServer:
    """Both protocols in front of one backend.

    Args:
        api_key: What requests must carry.
    """

    def __init__(self, api_key: str | None = None) -> None:
        self.backend = Backend(api_key=api_key)
        handler = type("Handler", (_Rest,), {"backend": self.backend})
        self._rest = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._rest.daemon_threads = True
        self._thread = Thread(target=self._rest.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self._grpc = grpc.server(ThreadPoolExecutor(4))
        wire.add_PointsServicer_to_server(_Points(self.backend), self._grpc)
        wire.add_CollectionsServicer_to_server(_Collections(self.backend), self._grpc)
        self.grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()

    @property
    def rest_url(self) -> str:
        """For REST alone."""
        return f"http://127.0.0.1:{self._rest.server_address[1]}"

    @property
    def grpc_url(self) -> str:
        """For gRPC."""
        return f"{self.rest_url}?grpc={self.grpc_port}"

    def close(self) -> None:
        """Stop both."""
        self._grpc.stop(None).wait()
        self._rest.shutdown()
        self._rest.server_close()
        self._thread.join()
        self.backend.local.close()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [_plain(item) for item in value] if isinstance(value, list) else value


_DONE = {"operation_id": 0, "status": "completed"}
_Insert = TypeAdapter(models.PointInsertOperations)
_Selector = TypeAdapter(models.PointsSelector)


class _Rest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend: Backend

    def log_message(self, format: str, *args: Any) -> None:
        """Tests want no access log."""

    def handle_request(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        path = self.path.partition("?")[0]
        try:
            operation = f"{self.command} {re.sub('^/collections/[^/]+', '/collections/*', path)}"
            parts = path.split("/")
            name = parts[2] if len(parts) > 2 else ""
            work = self._routes(name, body).get(operation)
            if work is None:
                raise Refusal(404, f"no route for {operation}")
            self._send(
                200, {"result": _plain(self.backend.run(operation, self.headers.get("api-key"), work))}
            )
        except Refusal as refusal:
            self._send(refusal.status, {"status": {"error": str(refusal)}}, refusal.retry_after)

    do_GET = do_PUT = do_POST = do_DELETE = handle_request  # noqa: N815

    def _send(self, status: int, answer: dict[str, Any], retry_after: int | None = None) -> None:
        data = json.dumps({"status": "ok", "time": 0.0, **answer}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if retry_after is not None:
            self.send_header("retry-after", str(retry_after))
        self.end_headers()
        self.wfile.write(data)

    def _routes(self, name: str, body: dict[str, Any]) -> dict[str, Callable[[], Any]]:
        backend, local = self.backend, self.backend.local

        def create() -> Any:
            wanted = models.CreateCollection(**body)
            return local.create_collection(name, vectors_config=wanted.vectors)

        def alias() -> Any:
            return local.update_collection_aliases(models.ChangeAliasesOperation(**body).actions)

        def index() -> Any:
            backend.index(name, body["field_name"])
            return _DONE

        def upsert() -> Any:
            local.upsert(name, _Insert.validate_python(body).points)
            return _DONE

        def delete() -> Any:
            local.delete(name, _Selector.validate_python(body))
            return _DONE

        def retrieve() -> Any:
            wanted = models.PointRequest(**body)
            return local.retrieve(name, wanted.ids, wanted.with_payload or False, wanted.with_vector or False)

        def query() -> Any:
            return backend.query(name, models.QueryRequestBatch(**body).searches)

        def count() -> Any:
            return local.count(name, models.CountRequest(**body).filter)

        def scroll() -> Any:
            wanted = models.ScrollRequest(**body)
            records, after = local.scroll(name, limit=wanted.limit or 10, offset=wanted.offset)
            return {"points": _plain(records), "next_page_offset": after}

        return {
            "PUT /collections/*": create,
            "GET /collections/*": lambda: backend.info(name),
            "DELETE /collections/*": lambda: backend.drop(name),
            "GET /collections/*/exists": lambda: {"exists": local.collection_exists(name)},
            "GET /aliases": local.get_aliases,
            "POST /collections/*": alias,  # /collections/aliases
            "PUT /collections/*/index": index,
            "PUT /collections/*/points": upsert,
            "POST /collections/*/points/delete": delete,
            "POST /collections/*/points": retrieve,
            "POST /collections/*/points/query/batch": query,
            "POST /collections/*/points/count": count,
            "POST /collections/*/points/scroll": scroll,
        }


class _Servicer:
    """Runs operations for a gRPC service and turns refusals into status codes."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.local = backend.local

    def _run(self, operation: str, context: Any, work: Callable[[], Any]) -> Any:
        key = dict(context.invocation_metadata()).get("api-key")
        try:
            return self.backend.run(operation, key, work)
        except Refusal as refusal:
            if refusal.retry_after is not None:
                context.set_trailing_metadata([("retry-after", str(refusal.retry_after))])
            context.abort(_GRPC_CODES[refusal.status], str(refusal))


_UPDATED = wire.PointsOperationResponse(
    result=wire.UpdateResult(operation_id=0, status=wire.UpdateStatus.Completed)
)


class _Collections(_Servicer, wire.CollectionsServicer):
    def Create(self, request: Any, context: Any) -> Any:
        vectors = GrpcToRest.convert_vectors_config(request.vectors_config)
        self._run(
            "Create",
            context,
            lambda: self.local.create_collection(request.collection_name, vectors_config=vectors),
        )
        return wire.CollectionOperationResponse(result=True)

    def Get(self, request: Any, context: Any) -> Any:
        info = self._run("Get", context, lambda: self.backend.info(request.collection_name))
        return wire.GetCollectionInfoResponse(result=RestToGrpc.convert_collection_info(info))

    def Delete(self, request: Any, context: Any) -> Any:
        result = self._run("Delete", context, lambda: self.backend.drop(request.collection_name))
        return wire.CollectionOperationResponse(result=result)

    def CollectionExists(self, request: Any, context: Any) -> Any:
        exists = self._run(
            "CollectionExists", context, lambda: self.local.collection_exists(request.collection_name)
        )
        return wire.CollectionExistsResponse(result=wire.CollectionExists(exists=exists))

    def UpdateAliases(self, request: Any, context: Any) -> Any:
        actions = [GrpcToRest.convert_alias_operations(action) for action in request.actions]
        self._run("UpdateAliases", context, lambda: self.local.update_collection_aliases(actions))
        return wire.CollectionOperationResponse(result=True)

    def ListAliases(self, request: Any, context: Any) -> Any:
        aliases = self._run("ListAliases", context, self.local.get_aliases).aliases
        return wire.ListAliasesResponse(
            aliases=[RestToGrpc.convert_alias_description(alias) for alias in aliases]
        )


class _Points(_Servicer, wire.PointsServicer):
    def CreateFieldIndex(self, request: Any, context: Any) -> Any:
        self._run(
            "CreateFieldIndex",
            context,
            lambda: self.backend.index(request.collection_name, request.field_name),
        )
        return _UPDATED

    def Upsert(self, request: Any, context: Any) -> Any:
        points = [GrpcToRest.convert_point_struct(point) for point in request.points]
        self._run("Upsert", context, lambda: self.local.upsert(request.collection_name, points))
        return _UPDATED

    def Delete(self, request: Any, context: Any) -> Any:
        selector = GrpcToRest.convert_points_selector(request.points)
        self._run("Delete", context, lambda: self.local.delete(request.collection_name, selector))
        return _UPDATED

    def Get(self, request: Any, context: Any) -> Any:
        ids = [GrpcToRest.convert_point_id(id) for id in request.ids]
        payload = GrpcToRest.convert_with_payload_interface(request.with_payload)
        vectors = GrpcToRest.convert_with_vectors_selector(request.with_vectors)
        found = self._run(
            "Get", context, lambda: self.local.retrieve(request.collection_name, ids, payload, vectors)
        )
        return wire.GetResponse(result=[RestToGrpc.convert_retrieved_point(point) for point in found])

    def QueryBatch(self, request: Any, context: Any) -> Any:
        queries = [GrpcToRest.convert_query_points(query) for query in request.query_points]
        answers = self._run(
            "QueryBatch", context, lambda: self.backend.query(request.collection_name, queries)
        )
        return wire.QueryBatchResponse(
            result=[
                wire.BatchResult(result=[RestToGrpc.convert_scored_point(point) for point in answer.points])
                for answer in answers
            ]
        )

    def Count(self, request: Any, context: Any) -> Any:
        wanted = GrpcToRest.convert_filter(request.filter) if request.HasField("filter") else None
        count = self._run("Count", context, lambda: self.local.count(request.collection_name, wanted)).count
        return wire.CountResponse(result=wire.CountResult(count=count))

    def Scroll(self, request: Any, context: Any) -> Any:
        offset = GrpcToRest.convert_point_id(request.offset) if request.HasField("offset") else None
        records, after = self._run(
            "Scroll",
            context,
            lambda: self.local.scroll(request.collection_name, limit=request.limit, offset=offset),
        )
        return wire.ScrollResponse(
            result=[RestToGrpc.convert_record(record) for record in records],
            next_page_offset=None if after is None else RestToGrpc.convert_extended_point_id(after),
        )
