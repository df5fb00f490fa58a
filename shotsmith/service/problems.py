"""Errors as RFC 9457 problem details, whatever raised them."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from ..domain.errors import Busy, InvalidInput, ShotsmithError
from ..domain.recipes import complaint
from ..schemas import Problem

_TYPE = "application/problem+json"
_log = logging.getLogger("shotsmith")


def install(app: FastAPI) -> None:
    """Answer every error as a problem."""
    app.add_exception_handler(ShotsmithError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def document(schema: dict[str, Any]) -> None:
    """Say in an OpenAPI document that every error is a problem."""
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    components["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    content = {_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for methods in schema["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {
                "description": "What went wrong, where, and how to mend it.",
                "content": content,
            }


def problem(status: int, title: str, detail: str, **members: Any) -> JSONResponse:
    """A problem response."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return JSONResponse(body, status_code=status, media_type=_TYPE)


def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ShotsmithError)
    headers = {"retry-after": "1"} if isinstance(error, Busy) else None
    return JSONResponse(error.problem(), status_code=error.status, media_type=_TYPE, headers=headers)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return _unread(str(first["ctx"]["error"]))
    told = complaint(first)
    field = (told.field or "body").removeprefix("body.")
    return _ours(request, InvalidInput(told.message, field=field, value=told.value))


def _unread(reason: str) -> JSONResponse:
    error = InvalidInput(f"the body cannot be read: {reason}", field="body", mend="Send a JSON document")
    return JSONResponse(error.problem(), status_code=error.status, media_type=_TYPE)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 400 and isinstance(error.__cause__, (RecursionError, ValueError)):
        return _unread("it nests too deeply or has a number too long")
    response = problem(error.status_code, str(error.detail), str(error.detail))
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        # The router names the methods of the first route with that path only.
        response.headers["allow"] = ", ".join(sorted(_allowed(request)))
    return response


def _allowed(request: Request) -> set[str]:
    routes: list[APIRoute] = request.app.state.routes
    matching = [route for route in routes if route.path_regex.fullmatch(request.url.path)]
    return {method for route in matching for method in route.methods or ()}


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error at %s", request.url.path, exc_info=error)
    return problem(500, "Unexpected error", "Something failed that should not have; the log has the details")
