"""Requests that are too large are refused: by what they declare, or else while they are read."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import problem

_TITLE = "Request too large"


class BodyLimit:
    """Pure ASGI middleware; the framework's own limit answers in plain text.

    Args:
        app: What answers the rest.
        limit: Bytes.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            said = f"The request has {int(declared):,} bytes, more than {self._limit:,}"
            await problem(413, _TITLE, said)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise HTTPException(413, _TITLE)
            return message

        await self._app(scope, counted, send)
