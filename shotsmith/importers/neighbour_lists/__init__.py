"""Neighbour lists that other programs computed: for each query the ids of its best examples, in the published shapes.

    found = read_lists("train_set_clip.json", query_id="test/{}", example_id="train/{}")
    engine.import_neighbours("coco", "SI", found.lists)

What a file holds is told from its content; `format` insists on it.

- "lists": `{query: [id, ...]}`, as ExploreCfg and Lever-LM write it.
- "records": `{"id": query, "neighbours": [id, ...]}`, in an array or one a line.
- "keyed": `{query: {"SI": [[id, score, row], ...], "SQ": ...}}`, as OFv2_ICL_VQA writes it.
- "matrix": row numbers [queries, k], as FAISS returns them, in `.npy` or `.npz`.

The first three are read from JSON and from `.npy` files, whose pickles are not run. An entry of a list is an id,
`[id, score]` or `[id, score, row]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, get_args

from ...domain.errors import InvalidInput, InvalidParameter
from ..records import existing_file
from . import arrays, shapes
from .naming import Naming, NotAnId
from .shapes import Format, Row
from .texts import parsed

FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class NeighbourLists:
    """What a file holds.

    Attributes:
        lists: Ids of examples by id of the query, best first.
        key: Which of the file's lists these are; None where a query has but one.
        without: How many queries of the file do not have that key.
    """

    lists: Mapping[str, list[str]]
    key: str | None = None
    without: int = 0


def read_lists(
    source: str | PathLike[str],
    *,
    format: Format | None = None,
    key: str | None = None,
    query_id: str = "{}",
    example_id: str = "{}",
    query_ids: str | PathLike[str] | None = None,
    example_ids: str | PathLike[str] | None = None,
) -> NeighbourLists:
    """Read a file of neighbour lists.

    Args:
        source: The file.
        format: One of `FORMATS`; by default what the content looks like.
        key: Which lists of a "keyed" file, which array of an `.npz` file.
        query_id: Template that turns the file's query ids into ours, e.g. "test/{}" or "COCO_val2014_{:012}.jpg".
        example_id: The same for examples.
        query_ids: Text file with one id a line; the file gives row numbers of it then. A "matrix" needs it.
        example_ids: The same for examples.

    Raises:
        InvalidInput: At the first thing that cannot be read, naming its place.
        InvalidParameter: An option that the file does not go with.
    """
    path = existing_file(source)
    if format is not None and format not in FORMATS:
        raise InvalidParameter(
            "unknown format", field="format", value=format, mend=f"Use one of {', '.join(FORMATS)}"
        )
    queries = Naming("query_id", query_id, query_ids)
    examples = Naming("example_id", example_id, example_ids)
    content = _content(path)
    if "matrix" in (format, content.shape) and format not in (None, content.shape):
        raise InvalidInput(
            f"the file holds {content.shape}, not {format}",
            field="format",
            value=format,
            mend="Leave it out",
        )
    shape, data = format or content.shape, content.data
    if key is not None and shape != "keyed" and not content.archive:
        raise InvalidParameter(
            "the file has one list for a query", field="key", value=key, mend="Leave it out"
        )
    if shape == "keyed":
        known = shapes.keys(data, path.name)
        key = shapes.chosen(key, known, path.name)
        found = _named(shapes.keyed(data, path.name, key), queries, examples, path)
        return NeighbourLists(found, key, without=len(data) - len(found))
    if shape == "matrix":
        given = _matrix(path, key, queries, examples)
    elif shape == "lists":
        given = shapes.lists(data, path.name)
    else:
        given = shapes.records(data, path.name, content.places)
    return NeighbourLists(_named(given, queries, examples, path))


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file holds, parsed unless it is a matrix.

    Attributes:
        shape: What it looks like.
        data: Its lists.
        places: Where each record stands, for JSON Lines.
        archive: Whether it may hold several matrices.
    """

    shape: Format
    data: Any = None
    places: list[str] | None = None
    archive: bool = False


def _content(path: Path) -> _Content:
    try:
        with path.open("rb") as file:
            start = file.read(len(arrays.NPY))
    except OSError as error:
        raise InvalidInput(
            f"the file cannot be read: {error.strerror}",
            field="source",
            value=str(path),
            mend="Check its permissions",
        ) from None
    if start.startswith(arrays.ZIP):
        return _Content("matrix", archive=True)
    if start == arrays.NPY:
        objects, data = arrays.pickled(path)
        return _Content(shapes.detected(data), data) if objects else _Content("matrix")
    data, places = parsed(path)
    return _Content(shapes.detected(data), data, places)


def _matrix(path: Path, key: str | None, queries: Naming, examples: Naming) -> Iterator[Row]:
    for naming, option in ((queries, "query_ids"), (examples, "example_ids")):
        if naming.rows is None:
            raise InvalidParameter(
                "a matrix holds row numbers, and nothing says whose rows",
                field=option,
                mend=f"Give a text file with one id a line: --{option.replace('_', '-')}, {option}",
            )
    array = arrays.matrix(path, key)
    if len(array) != len(queries.rows or ()):
        raise InvalidInput(
            f"the matrix has {len(array)} rows, the file of query ids {len(queries.rows or ())}",
            field="query_ids",
            mend="Write one id for each row, in their order",
        )
    return arrays.rows(array, path.name)


def _named(rows: Iterable[Row], queries: Naming, examples: Naming, path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        try:
            query = queries.name(row.query)
        except NotAnId as error:
            raise error.at(row.where) from None
        if query in found:
            raise InvalidInput(
                "the query has two lists", field=row.where, value=query, mend="Keep one of them"
            )
        ids = found[query] = []
        for id in row.ids:
            try:
                ids.append(examples.name(id))
            except NotAnId as error:
                raise error.at(f"{row.where}[{len(ids)}]") from None
    if not found:
        raise InvalidInput(
            "the file holds no list", field="source", value=str(path), mend="Name another file"
        )
    return found


__all__ = ["FORMATS", "Format", "NeighbourLists", "read_lists"]
