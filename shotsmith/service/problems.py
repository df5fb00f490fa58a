"""Errors as RFC 9457 problem details, whatever raised them."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ..domain.errors import Busy, ShotsmithError
from ..schemas import Problem

RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"description": "What went wrong, where, and how to mend it.", "model": Problem}
}
_TYPE = "application/problem+json"


def install(app: FastAPI) -> None:
    """Answer every error as a problem."""
    app.add_exception_handler(ShotsmithError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def problem(status: int, title: str, detail: str, **members: Any) -> JSONResponse:
    """A problem response."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return JSONResponse(body, status_code=status, media_type=_TYPE)


def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ShotsmithError)
    headers = {"retry-after": "1"} if isinstance(error, Busy) else None
    return JSONResponse(error.problem(), status_code=error.status, media_type=_TYPE, headers=headers)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(step) for step in first["loc"] if step != "body") or "body"
    message = str(first["msg"]).removeprefix("Value error, ")
    return problem(
        422,
        "InvalidInput",
        f"{field}: {message}",
        type="urn:shotsmith:invalid-input",
        field=field,
        mend=message,
    )


def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    response = problem(error.status_code, str(error.detail), str(error.detail))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    structlog.get_logger("shotsmith").error("unexpected error", path=request.url.path, exc_info=error)
    return problem(500, "Unexpected error", "Something failed that should not have; the log has the details")
