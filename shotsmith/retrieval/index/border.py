"""What an index accepts: the one place where collections, points and searches are checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...domain.errors import InvalidInput
from ...domain.filters import Filter, fact
from ...domain.protocols import Point, Search
from ...domain.scoring import Matrix, unit

#: How far from 1 a vector's length may be.
TOLERANCE = 1e-3

_EXACT = 1e-6  # what float32 makes of a unit vector is this close
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MAX_DIMS = 65_536
_TEXTS = ("label", "split", "group", "content")
_LISTS = ("labels", "tags")
_PAYLOAD = frozenset((*_TEXTS, *_LISTS, "metadata"))


def check_name(name: str, field: str = "collection") -> None:
    """Refuse names that a directory or a URL could not carry."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise InvalidInput(
            "not a collection name",
            field=field,
            value=name,
            mend="Use up to 128 letters, digits, dots, dashes and underscores",
        )


def check_dims(dims: Mapping[str, int]) -> dict[str, int]:
    """The spaces of a new collection."""
    if not dims:
        raise InvalidInput("a collection needs at least one space", field="dims")
    for space, size in dims.items():
        check_name(space, "space")
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _MAX_DIMS:
            raise InvalidInput(f"a dimension is an integer from 1 to {_MAX_DIMS}", field=space, value=size)
    return dict(dims)


def check_id(id: str) -> None:
    """Refuse ids that cannot be stored and found again."""
    if not isinstance(id, str) or not id:
        raise InvalidInput("an example id is a non-empty string", field="id", value=id)
    _check_text(id, "id")


def check_space(space: str, dims: Mapping[str, int]) -> None:
    """Refuse a space that the collection does not have."""
    if space not in dims:
        raise InvalidInput(
            "unknown space", field="space", value=space, mend=f"Known: {', '.join(sorted(dims))}"
        )


def check_points(points: Sequence[Point], dims: Mapping[str, int]) -> list[Point]:
    """Points as they are stored: each id once, the last one winning; vectors unit float32; payload complete."""
    latest: dict[str, Point] = {}
    for point in points:
        check_id(point.id)
        _check_payload(point)
        latest[point.id] = point
    rows: dict[str, dict[str, Any]] = {id: {} for id in latest}
    for space in sorted({space for point in latest.values() for space in point.vectors}):
        owners = [point for point in latest.values() if space in point.vectors]
        matrix = _unit_rows([point.vectors[space] for point in owners], space, dims, [p.id for p in owners])
        for point, row in zip(owners, matrix, strict=True):
            rows[point.id][space] = row
    return [replace(point, vectors=rows[id]) for id, point in latest.items()]


def check_search(search: Search, dims: Mapping[str, int]) -> Search:
    """A search with its vector as unit float32 and its limit no larger than what its ids allow."""
    if isinstance(search.limit, bool) or not isinstance(search.limit, int) or search.limit < 0:
        raise InvalidInput("a limit is a non-negative integer", field="limit", value=search.limit)
    check_filter(search.filter)
    if search.filter.ids is not None:
        search = replace(search, limit=min(search.limit, len(set(search.filter.ids))))
    if _fits(search.vector, dims.get(search.space)):
        return search
    return replace(search, vector=_unit_rows([search.vector], search.space, dims, ["the query"])[0])


def check_filter(filter: Filter) -> None:
    """Refuse values that no engine could compare."""
    for field in ("labels", "tags", "splits", "groups", "ids", "without_ids", "without_groups"):
        values = getattr(filter, field)
        if isinstance(values, str):
            raise InvalidInput("needs a tuple of strings", field=field, value=values)
        for value in values or ():
            _check_text(value, field)
    _check_metadata(filter.metadata, "metadata")
    for other in filter.also:
        check_filter(other)


def _fits(vector: Any, size: int | None) -> bool:
    """Whether a vector can be taken as it is: the usual case, judged with few operations."""
    if not isinstance(vector, np.ndarray) or vector.dtype != np.float32 or vector.shape != (size,):
        return False
    wide = vector.astype(np.float64)
    return abs(math.sqrt(wide @ wide) - 1) <= _EXACT


def _unit_rows(vectors: Sequence[Any], space: str, dims: Mapping[str, int], owners: Sequence[str]) -> Matrix:
    check_space(space, dims)
    size = dims[space]
    for vector, owner in zip(vectors, owners, strict=True):
        if np.shape(vector) != (size,):
            raise InvalidInput(
                f"the {space} vector of {owner!r} needs the shape ({size},)",
                field="vector",
                value=str(np.shape(vector)),
                mend="Vectors must come from the encoder with which the collection was created",
            )
    try:
        with np.errstate(over="ignore"):  # infinite lengths are refused below
            matrix: Matrix = np.stack([np.asarray(vector, dtype=np.float32) for vector in vectors])
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a {space} vector is not made of numbers: {error}", field="vector") from None
    wide = matrix.astype(np.float64)
    off = np.abs(np.sqrt(np.einsum("ij,ij->i", wide, wide)) - 1)
    if (off <= _EXACT).all():  # kept byte for byte
        return matrix
    wrong = np.flatnonzero(~(off <= TOLERANCE))  # NaN and infinity fail as well
    if wrong.size:
        first = int(wrong[0])
        raise InvalidInput(
            f"the {space} vector of {owners[first]!r} is not a finite unit vector",
            field="vector",
            value=f"length {np.linalg.norm(wide[first]):.6g}",
            mend="Normalise it, or leave the space out when there is no vector",
        )
    matrix[off > _EXACT] = unit(matrix[off > _EXACT])
    return matrix


def _check_payload(point: Point) -> None:
    payload = point.payload
    if payload.keys() != _PAYLOAD:
        odd = ", ".join(sorted(payload.keys() ^ _PAYLOAD))
        raise InvalidInput(
            f"the payload of {point.id!r} has missing or unknown fields", field="payload", value=odd
        )
    for field in _TEXTS:
        _check_text(payload[field], field)
    for field in _LISTS:
        if isinstance(payload[field], str):
            raise InvalidInput("needs a list of strings", field=field, value=payload[field])
        for value in payload[field]:
            _check_text(value, field)
    _check_metadata(payload["metadata"], f"metadata of {point.id!r}")


def _check_metadata(metadata: Mapping[str, Any], field: str) -> None:
    for name, value in metadata.items():
        _check_text(name, field)
        try:
            fact(name, value)
        except (TypeError, ValueError):
            raise InvalidInput(
                f"{name!r} is not a JSON value",
                field=field,
                value=value,
                mend="Use strings, numbers and booleans",
            ) from None


def _check_text(value: object, field: str) -> None:
    if not isinstance(value, str):
        raise InvalidInput("needs a string", field=field, value=value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            "is no valid Unicode text (it holds half of a surrogate pair)", field=field, value=ascii(value)
        ) from None
