"""What a Qdrant server's refusals mean, and which are worth another try."""

from __future__ import annotations

import json
from typing import Any

import grpc  # type: ignore[import-untyped]
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from ...domain.errors import Busy, Conflict, InvalidInput, ShotsmithError, Unavailable
from .base import no_collection

#: Everything that qdrant-client raises for the server's sake.
REMOTE_ERRORS = (ApiException, ResourceExhaustedResponse, grpc.RpcError)

_PATIENCE = 5  # seconds; a server that asks for a longer pause is reported as busy at once
_backoff = wait_random_exponential(multiplier=0.1, max=2)

#: gRPC codes as the HTTP statuses that the server would send over REST.
_STATUS = {
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


def retrying(attempts: int) -> Retrying:
    """Tries a call again after 429, 5xx and broken connections, with jitter or the pause the server asks for.

    Every operation of an index may be repeated, so writes are tried again like reads.
    """
    return Retrying(
        retry=retry_if_exception(_passing), wait=_pause, stop=stop_after_attempt(attempts), reraise=True
    )


def translated(
    error: Exception, *, collection: str | None, server: str, secret: str | None
) -> ShotsmithError:
    """Our error for one of `REMOTE_ERRORS`; the API key never appears in it."""
    status, said = _status(error), _said(error)
    if secret:
        said = said.replace(secret, "***")
    reason = f": {said}" if said else ""
    if status == 404:
        return no_collection(collection or "")
    if status in (400, 413, 422):
        return InvalidInput(
            f"the Qdrant server refuses the request{reason}", field="collection", value=collection
        )
    if status == 409:
        return Conflict(f"the Qdrant server reports a conflict{reason}", field="collection", value=collection)
    if status in (401, 403):
        return Unavailable(
            f"the Qdrant server at {server} wants another API key",
            mend="Set SHOTSMITH_INDEX_API_KEY to a valid one",
        )
    if status == 429:
        pause = _retry_after(error)
        when = "later" if pause is None else f"in {pause} s"
        return Busy(f"the Qdrant server at {server} has too much to do", mend=f"Try again {when}")
    if status is None:
        return Unavailable(
            f"the Qdrant server at {server} cannot be reached{reason}",
            mend="Check SHOTSMITH_INDEX_URL and that the server runs",
        )
    return Unavailable(
        f"the Qdrant server at {server} failed with status {status}{reason}", mend="See its log"
    )


def _passing(error: BaseException) -> bool:
    if not isinstance(error, REMOTE_ERRORS):
        return False
    status = _status(error)
    if status == 429:
        return (_retry_after(error) or 0) <= _PATIENCE
    return status is None or status >= 500


def _pause(state: RetryCallState) -> float:
    error = None if state.outcome is None else state.outcome.exception()
    asked = None if error is None else _retry_after(error)
    return _backoff(state) if asked is None else float(asked)


def _status(error: BaseException) -> int | None:
    """HTTP status; None when no answer came."""
    if isinstance(error, ResourceExhaustedResponse):
        return 429
    if isinstance(error, UnexpectedResponse):
        return error.status_code
    if isinstance(error, grpc.RpcError):
        code = error.code()
        # gRPC reports refused connections and a server's 503 alike.
        return None if code is grpc.StatusCode.UNAVAILABLE else _STATUS.get(code, 500)
    return None


def _retry_after(error: BaseException) -> int | None:
    return error.retry_after_s if isinstance(error, ResourceExhaustedResponse) else None


def _said(error: Exception) -> str:
    if isinstance(error, UnexpectedResponse):
        try:
            answer: Any = json.loads(error.content)
            return str(answer["status"]["error"])[:200]
        except (ValueError, TypeError, KeyError):
            return error.reason_phrase
    if isinstance(error, ResponseHandlingException):
        return f"{type(error.source).__name__} {error.source}".strip()[:200]
    if isinstance(error, grpc.RpcError):
        return str(error.details())[:200]
    return ""
