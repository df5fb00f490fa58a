"""The shapes that published neighbour lists have, whatever they are written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from ...domain.errors import InvalidInput, InvalidParameter
from ...domain.names import printable

Format = Literal["lists", "records", "keyed", "matrix"]

FIELDS = ("neighbours", "neighbors")
_LONGEST = 3  # [id, score, row]


@dataclass(frozen=True, slots=True)
class Row:
    """One list as the file has it.

    Attributes:
        where: Its place, for errors.
        query: The query's id.
        ids: The ids of its examples, best first.
    """

    where: str
    query: object
    ids: Sequence[object]


def detected(data: Any) -> Format:
    """Which shape parsed data have."""
    if isinstance(data, Mapping) and not _is_record(data):
        nested = bool(data) and all(isinstance(value, Mapping) for value in data.values())
        return "keyed" if nested else "lists"
    return "records"


def lists(data: Any, name: str) -> Iterator[Row]:
    """`{query: [id, ...]}`, as ExploreCfg and Lever-LM write it."""
    for query, value in _mapping(data, name).items():
        yield _row(_place(name, query), query, value)


def keyed(data: Any, name: str, key: str) -> Iterator[Row]:
    """`{query: {key: [[id, score, row], ...]}}`, as OFv2_ICL_VQA writes it; queries without the key are left out."""
    for query, value in _mapping(data, name).items():
        where = _place(name, query)
        if key in _mapping(value, where):
            yield _row(f"{where}.{key}", query, value[key])


def keys(data: Any, name: str) -> list[str]:
    """Every key that a query has, in the file's order."""
    found: dict[str, None] = {}
    for query, value in _mapping(data, name).items():
        found.update(dict.fromkeys(_mapping(value, _place(name, query))))
    if not all(isinstance(key, str) for key in found):
        _wrong(name, next(key for key in found if not isinstance(key, str)), "a key that is a string")
    return list(found)


def chosen(key: str | None, known: Sequence[str], name: str) -> str:
    """The key that was asked for, or the only one.

    Raises:
        InvalidParameter: There is no such key, or a choice to make.
    """
    if key is None and len(known) == 1:
        return known[0]
    if key is None or key not in known:
        raise InvalidParameter(
            f"{name} has several lists for a query" if key is None else f"{name} has no such key",
            field="key",
            value=key,
            mend=f"Name one of {', '.join(map(printable, known))}",
        )
    return key


def records(data: Any, name: str, places: Sequence[str] | None = None) -> Iterator[Row]:
    """`{"id": query, "neighbours": [...]}`, in an array or one a line."""
    found = [data] if isinstance(data, Mapping) else data
    if not isinstance(found, list):
        _wrong(name, data, "a list of records")
    for position, record in enumerate(found):
        where = places[position] if places else f"{name}[{position}]"
        given = [field for field in FIELDS if field in _mapping(record, where)]
        if "id" not in record or len(given) != 1:
            raise InvalidInput(
                "the record needs an id and neighbours",
                field=where,
                value=record,
                mend='Write {"id": …, "neighbours": […]}',
            )
        yield _row(f"{where}: {given[0]}", record["id"], record[given[0]])


def _is_record(data: Mapping[Any, Any]) -> bool:
    # A query may be called "id", but its list would not be an id.
    return "id" in data and not isinstance(data["id"], list | tuple | dict)


def _row(where: str, query: object, value: Any) -> Row:
    if not isinstance(value, list | tuple):
        _wrong(where, value, "a list")
    return Row(where, query, [_id(entry, where, rank) for rank, entry in enumerate(value)])


def _id(entry: object, where: str, rank: int) -> object:
    if not isinstance(entry, list | tuple):
        return entry
    if not 1 <= len(entry) <= _LONGEST or not all(type(part) in (int, float) for part in entry[1:]):
        _wrong(f"{where}[{rank}]", entry, "an id, or [id, score]")
    return entry[0]


def _mapping(data: Any, where: str) -> Mapping[Any, Any]:
    if not isinstance(data, Mapping):
        _wrong(where, data, "an object")
    return data


def _place(name: str, query: object) -> str:
    shown = str(query) if isinstance(query, str) and query.isprintable() else ascii(query)
    return f"{name}: {shown[:80]}"


def _wrong(where: str, value: object, wanted: str) -> NoReturn:
    raise InvalidInput(f"not {wanted}", field=where, value=repr(value)[:200], mend=f"Write {wanted}")
