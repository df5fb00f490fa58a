"""/healthz and /readyz"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter

from ... import __version__
from ...domain.recipes import Frozen
from ..dependencies import ApiDep

router = APIRouter(tags=["health"])


class Health(Frozen):
    """The service answers."""

    status: Literal["ok"] = "ok"
    version: str = __version__


@router.get("/healthz")
async def live() -> Health:
    """Whether the process answers."""
    return Health()


@router.get("/readyz")
def ready(api: ApiDep) -> Health:
    """Whether its stores answer; 503 with the reason when one does not."""
    api.engine.ping()
    return Health()
