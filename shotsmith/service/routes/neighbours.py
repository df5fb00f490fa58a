"""/v1/pools/{pool}/neighbours"""

from __future__ import annotations

from fastapi import APIRouter

from ...schemas import NeighboursIn, NeighboursOut
from ..dependencies import ApiDep

router = APIRouter(prefix="/v1/pools/{pool}/neighbours", tags=["neighbours"])


@router.get("")
def list_neighbours(pool: str, api: ApiDep) -> dict[str, int]:
    """The names of imported neighbour lists, and how many lists each has."""
    return api.list_neighbours(pool)


@router.put("/{name}")
def import_neighbours(pool: str, name: str, body: NeighboursIn, api: ApiDep) -> NeighboursOut:
    """Store neighbour lists in place of those that had the name: all of them or, if one is bad, none."""
    return api.import_neighbours(pool, name, body)
