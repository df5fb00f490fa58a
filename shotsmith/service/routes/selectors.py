"""/v1/selectors and /v1/schemas/recipe: what a recipe may say."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ...schemas import SelectorOut
from ..dependencies import ApiDep

router = APIRouter(prefix="/v1", tags=["recipes"])


@router.get("/selectors")
def list_selectors(api: ApiDep) -> list[SelectorOut]:
    """Every registered selector and stage, with its parameters."""
    return api.list_selectors()


@router.get("/schemas/recipe")
def recipe_schema(api: ApiDep) -> dict[str, Any]:
    """The JSON Schema of recipes, with the parameters of every selector."""
    return api.recipe_schema()
