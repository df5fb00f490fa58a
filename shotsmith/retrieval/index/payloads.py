"""How a point is kept in an engine: its key and its payload."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

from ...domain.filters import fact
from ...domain.protocols import Point, Stored

#: Payload fields that filters read; every engine indexes them as keywords before the first point arrives.
KEYWORDS = ("labels", "tags", "split", "group", "metadata")

_NAMESPACE = UUID("6b0f7a0e-3f43-5b52-9a53-5d0c9c3c7a11")


@lru_cache(maxsize=65_536)
def point_key(id: str) -> str:
    """The engine's name for an example id: engines accept only integers and UUIDs."""
    return str(uuid5(_NAMESPACE, id))


def packed(point: Point) -> dict[str, Any]:
    """The payload as engines keep it.

    Metadata becomes a list of facts: one keyword index serves every name, whatever its characters, and one notion of
    equality holds in every engine.
    """
    return {
        **point.payload,
        "id": point.id,
        "labels": list(point.payload["labels"]),
        "tags": list(point.payload["tags"]),
        "metadata": [fact(name, value) for name, value in point.payload["metadata"].items()],
        "spaces": sorted(point.vectors),
    }


def unpacked(kept: Mapping[str, Any]) -> Stored:
    """The point as `scroll` lists it. Whole floats come back as integers, which compare equal."""
    payload = {name: value for name, value in kept.items() if name not in ("id", "spaces")}
    payload["metadata"] = dict(json.loads(text) for text in kept["metadata"])
    return Stored(kept["id"], payload, frozenset(kept["spaces"]))
