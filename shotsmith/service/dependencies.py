"""What handlers ask for."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from ..api import Api


def _api(request: Request) -> Api:
    return cast(Api, request.app.state.api)


ApiDep = Annotated[Api, Depends(_api)]
