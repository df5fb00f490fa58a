"""Errors on the wire."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str = Field(description="The whole story in one line.")
    message: str | None = Field(None, description="What is wrong.")
    field: str | None = None
    value: str | None = None
    mend: str | None = None
