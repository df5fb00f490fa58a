"""Neighbour lists that another program computed."""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, Field

from ..domain.neighbours import Imported
from ..domain.recipes import Frozen


class NeighboursIn(Frozen):
    """Neighbour lists: all of them are stored or, if one is bad, none."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"lists": {"part-90": ["part-17", "part-3", "part-44"]}}]}
    )

    lists: dict[str, tuple[str, ...]] = Field(
        min_length=1, description="Ids of examples by id of the query, best first."
    )
    skip_unknown: bool = Field(
        False, description="Leave out ids that the pool does not have, instead of refusing them."
    )


class NeighboursOut(Frozen):
    """What became of imported neighbour lists, as counts."""

    lists: int = Field(description="Lists stored.")
    ids: int = Field(description="Ids in them.")
    new_queries: int = Field(
        description="Lists whose query is no example of the pool; it may be asked later."
    )
    repeated: int = Field(description="Ids left out because they stood earlier in their list.")
    itself: int = Field(description="Ids left out because they were the query's own.")
    unknown: int = Field(description="Ids left out because the pool does not have them.")
    emptied: int = Field(description="Lists left out because nothing of them was left.")

    @classmethod
    def of(cls, done: Imported) -> Self:
        """From the domain."""
        return cls(**{name: getattr(done, name) for name in cls.model_fields})
