"""Selectors and stages, as they describe themselves."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from ..domain.recipes import Frozen


class _Described(Frozen):
    model_config = ConfigDict(from_attributes=True)


class ParameterOut(_Described):
    """A parameter of a selector."""

    name: str
    type: str = Field(description='For people, e.g. `"image" | "text"`.')
    required: bool
    default: Any
    description: str


class CardOut(_Described):
    """What to know before choosing it."""

    paper: str = Field(description="Where the method comes from.")
    cost: str = Field(description="What a query costs beside one nearest-neighbour search.")
    use: str = Field(description="When it is the right one.")
    avoid: str = Field(description="When it is not.")


class SelectorOut(_Described):
    """A selector, or a stage that reworks what a selector chose."""

    name: str
    stage: bool
    summary: str
    details: str = Field(description="How it works: paragraphs, a line each.")
    card: CardOut | None = Field(description="Null for a plugin that does not say.")
    parameters: tuple[ParameterOut, ...]
