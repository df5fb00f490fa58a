"""Hugging Face `datasets` on disk: Arrow directories of `save_to_disk`, and Parquet files as the hub has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import Draft, ImageFile
from ..extras import optional
from .base import text_of, wrong
from .json_whole import json_whole
from .records import read_bytes

_ROWS = 64
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
#: What columns are looked for where none is named, in this order.
GUESSES = {
    "id": ("id", "question_id", "image_id"),
    "image": ("image", "img", "images"),
    "text": ("text", "question", "prompt"),
    "answer": ("answer", "caption", "output"),
    "label": ("label", "labels", "fine_label", "class"),
    "split": ("split",),
    "group": ("group",),
}


class Arrow:
    """Reads a directory of `save_to_disk` (one data set, or one for each split), a folder of Parquet files, or one
    file.

    Pictures are `{"bytes", "path"}`, as the feature Image stores them; numbers of the feature ClassLabel become names.
    Splits are those of `dataset_dict.json`, or what a Parquet file's name begins with ("train-00000-of-00001"). Rows
    without an id are called "<split>/<number>". Needs the extra `export` (pyarrow); holds one batch of rows.

    Args:
        source: The directory or the file.
        id, image, text, answer, label, group: Columns; by default the first of the usual names that is there. An empty
            name takes none.

    Raises:
        InvalidInput: The source is not there, or holds no such files.
        MissingExtra: pyarrow is not installed.
    """

    def __init__(
        self,
        source: str | PathLike[str],
        *,
        id: str | None = None,
        image: str | None = None,
        text: str | None = None,
        answer: str | None = None,
        label: str | None = None,
        group: str | None = None,
    ) -> None:
        self.source = Path(source)
        self._given = {
            "id": id,
            "image": image,
            "text": text,
            "answer": answer,
            "label": label,
            "group": group,
        }
        self._parts = parts(self.source)

    @property
    def skipped(self) -> int:
        """Always 0: every row is read or refused."""
        return 0

    def read(self) -> Iterator[Draft]:
        """The drafts, split by split, in the order of the rows.

        Raises:
            InvalidInput: At the first row that cannot be used; for a source without rows.
            InvalidParameter: A column that is not there.
        """
        found = False
        counts: dict[str | None, int] = {}
        for path, split in self._parts:
            names = class_names(path)
            columns: dict[str, str] | None = None
            for row in rows(path):
                if columns is None:
                    columns = self._columns(list(row), path)
                number = counts[split] = counts.get(split, -1) + 1
                found = True
                yield self._draft(row, columns, names, split, number, f"{path.name} row {number}")
        if not found:
            wrong("the source holds no row", "source", str(self.source), "Name another")

    def total(self) -> int | None:
        """Not known before it is read."""
        return None

    def _columns(self, held: list[str], path: Path) -> dict[str, str]:
        chosen = {}
        for name, guesses in GUESSES.items():
            given = self._given.get(name)
            if given and given not in held:
                raise InvalidParameter(
                    f"{path.name} has no such column",
                    field=name,
                    value=given,
                    mend=f"It has {', '.join(held)}",
                )
            found = given if given is not None else next((guess for guess in guesses if guess in held), None)
            if found:
                chosen[name] = found
        return chosen

    def _draft(
        self,
        row: Mapping[str, Any],
        columns: Mapping[str, str],
        names: Mapping[str, list[str]],
        split: str | None,
        number: int,
        where: str,
    ) -> Draft:
        values = {name: row[column] for name, column in columns.items() if row[column] is not None}
        texts = {
            name: text_of(value, f"{where}: {columns[name]}")
            for name, value in values.items()
            if name not in ("image", "label")
        }
        own = texts.get("split") or split
        pictures = values.get("image", [])
        return Draft(
            where=where,
            id=texts.get("id") or f"{own or 'row'}/{number}",
            images=tuple(
                picture_of(one, f"{where}: {columns['image']}", self.source)
                for one in (pictures if isinstance(pictures, list) else [pictures])
            ),
            text=texts.get("text", ""),
            answer=texts.get("answer", ""),
            labels=labels_of(values.get("label"), names.get(columns.get("label", "")), f"{where}: label"),
            split=own,
            group=texts.get("group"),
        )


def parts(source: Path) -> list[tuple[Path, str | None]]:
    """The files of a data set on disk with their splits, in order.

    Raises:
        InvalidInput: There are none.
    """
    if source.is_file() and source.suffix in (".arrow", ".parquet"):
        return [(source, _split_of(source))]
    if (source / "dataset_dict.json").is_file():
        told = json_whole(source / "dataset_dict.json")
        splits = told.get("splits") if isinstance(told, dict) else None
        if not isinstance(splits, list):
            wrong("the file names no splits", "dataset_dict.json", None, "Save the data set again")
        return [(path, str(split)) for split in splits for path in _files(source / str(split))]
    if (source / "state.json").is_file():
        return [(path, None) for path in _files(source)]
    folder = source / "data" if (source / "data").is_dir() else source
    found = [(path, _split_of(path)) for path in sorted(folder.glob("*.parquet"))]
    if not found:
        wrong(
            "neither a saved data set nor Parquet files",
            "source",
            str(source),
            "Name what save_to_disk wrote, or the files of the hub",
        )
    return found


def rows(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of an Arrow stream or Parquet file as plain values, a batch at a time.

    Raises:
        InvalidInput: The file cannot be read.
        MissingExtra: pyarrow is not installed.
    """
    pa, pq = _pyarrow()
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS, columns=columns):
                    yield from batch.to_pylist()
            return
        with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as stream:
            for batch in stream:
                some = batch if columns is None else batch.select(columns)
                for start in range(0, len(some), _ROWS):
                    yield from some.slice(start, _ROWS).to_pylist()
    except (pa.ArrowException, OSError, KeyError) as error:
        raise InvalidInput(
            f"the file cannot be read: {str(error).splitlines()[0]}",
            field=path.name,
            mend="Download or save it again",
        ) from None


def class_names(path: Path) -> dict[str, list[str]]:
    """The names of ClassLabel columns, by column."""
    beside = path.parent / "dataset_info.json"
    if beside.is_file():
        told = json_whole(beside)
        features = told.get("features") if isinstance(told, dict) else None
    else:
        features = _embedded(path)
    return {
        column: feature["names"]
        for column, feature in (features or {}).items()
        if isinstance(feature, dict) and isinstance(feature.get("names"), list)
    }


def picture_of(value: Any, field: str, root: Path) -> ImageFile:
    """A picture as the feature Image stores it.

    Raises:
        InvalidInput: It has neither bytes nor a path that can be read.
    """
    held = value if isinstance(value, dict) else {"path": value}
    data, path = held.get("bytes"), held.get("path")
    if isinstance(data, bytes):
        name = path if isinstance(path, str) and Path(path).suffix.lower() in _SUFFIXES else field
        return ImageFile(name, data)
    if not isinstance(path, str):
        wrong("neither the bytes nor the path of a picture", field, value, "Save it as the feature Image")
    return ImageFile(path, read_bytes(root / path, field, path))


def labels_of(value: Any, names: list[str] | None, field: str) -> tuple[str, ...]:
    """Names of labels; numbers of a ClassLabel by its names, -1 is none.

    Raises:
        InvalidInput: A number that has no name.
    """
    found = []
    for one in value if isinstance(value, list) else [] if value is None else [value]:
        if names is None:
            found.append(text_of(one, field))
        elif one != -1:
            if not isinstance(one, int) or not 0 <= one < len(names):
                wrong("the class has no name", field, one, f"Classes are numbered from 0 to {len(names) - 1}")
            found.append(names[one])
    return tuple(dict.fromkeys(found))


def _files(folder: Path) -> list[Path]:
    told = json_whole(folder / "state.json") if (folder / "state.json").is_file() else None
    try:
        found = [folder / one["filename"] for one in told["_data_files"]]  # type: ignore[index]
    except (KeyError, TypeError):
        wrong("the folder has no usable state.json", "source", str(folder), "Save the data set again")
    missing = next((path for path in found if not path.is_file()), None)
    if missing is not None:
        wrong("a file of the data set is missing", "source", str(missing), "Copy it again")
    return found


def _split_of(path: Path) -> str | None:
    begins, dash, _ = path.stem.partition("-")
    return begins if dash and begins != "data" else None


def _embedded(path: Path) -> Any:
    """What `datasets` writes into the schema of a file."""
    pa, pq = _pyarrow()
    try:
        if path.suffix == ".parquet":
            schema = pq.read_schema(path)
        else:
            with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as stream:
                schema = stream.schema
        return json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        return None


def _pyarrow() -> tuple[Any, Any]:
    def needed(module: str) -> Any:
        mend = "pip install 'shotsmith[export]'"
        return optional(module, what="data sets on disk need", field="source", mend=mend)

    return needed("pyarrow"), needed("pyarrow.parquet")
