"""/v1/pools"""

from __future__ import annotations

from fastapi import APIRouter, status

from ...schemas import PoolIn, PoolOut
from ..dependencies import ApiDep

router = APIRouter(prefix="/v1/pools", tags=["pools"])


@router.get("")
def list_pools(api: ApiDep) -> list[PoolOut]:
    """Every pool, by name."""
    return api.list_pools()


@router.post("", status_code=status.HTTP_201_CREATED)
def create_pool(body: PoolIn, api: ApiDep) -> PoolOut:
    """Create an empty pool."""
    return api.create_pool(body)


@router.get("/{pool}")
def get_pool(pool: str, api: ApiDep) -> PoolOut:
    """One pool."""
    return api.get_pool(pool)


@router.delete("/{pool}", status_code=status.HTTP_204_NO_CONTENT)
def delete_pool(pool: str, api: ApiDep) -> None:
    """Remove a pool with its examples and vectors."""
    api.delete_pool(pool)
