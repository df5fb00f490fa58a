"""Reading an export back, after every file was compared with the manifest."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from ..domain.errors import InvalidInput
from ..domain.recipes import Recipe
from ..domain.scoring import Vector
from ..domain.selections import Removal
from . import layout
from .packages import needed
from .records import ExportedDemonstration, ExportedImage, ExportedQuery

_KEPT_BYTES = 64_000_000
_BATCH = 256


def read_export(path: str | Path) -> Export:
    """Open an export whose files are what its manifest says.

    Args:
        path: The directory that `export` wrote.

    Raises:
        MissingExtra: pyarrow or safetensors is not installed.
        InvalidInput: It is no export, one of another format, or a file is missing or damaged.
    """
    for package in ("pyarrow.parquet", "safetensors"):
        needed(package)
    folder = Path(path)
    manifest = _manifest(folder)
    for name in layout.CONTENTS:
        try:
            found = layout.sha256_of(folder / name)
        except OSError as error:
            raise _bad(folder / name, f"the file cannot be read: {error.strerror}") from None
        if found != manifest["files"][name]["sha256"]:
            raise _bad(folder / name, "the file is damaged: the manifest has another hash")
    return Export(folder, manifest)


class Export:
    """The queries of an export with their demonstrations, read as they are asked for.

    Args:
        path: The directory.
        manifest: What its `manifest.json` says, its own hash aside.
    """

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._images = _Images(path / layout.IMAGES)

    @property
    def recipe(self) -> Recipe:
        """How the demonstrations were chosen."""
        return Recipe.read(self.manifest["recipe"], "recipe")

    @property
    def encoder_id(self) -> str:
        """Whose vectors these are."""
        return str(self.manifest["encoder_id"])

    @property
    def spaces(self) -> Mapping[str, int]:
        """Dimension of each space."""
        return dict(self.manifest["spaces"])

    def __len__(self) -> int:
        return int(self.manifest["counts"]["queries"])

    def __iter__(self) -> Iterator[ExportedQuery]:
        """Every query in the order in which it was exported, one in memory at a time."""
        path = self.path / layout.EMBEDDINGS
        with needed("safetensors").safe_open(path, framework="numpy") as tensors:
            of_query = _Vectors(tensors, "queries", self.spaces)
            of_shot = _Vectors(tensors, "demonstrations", self.spaces)
            shots = enumerate(_rows(self.path / layout.DEMONSTRATIONS))
            upcoming = next(shots, None)
            for row in _rows(self.path / layout.QUERIES):
                own = []
                while upcoming is not None and upcoming[1]["query"] == row["query"]:
                    own.append(self._demonstration(upcoming[1], of_shot.at(upcoming[0])))
                    upcoming = next(shots, None)
                yield self._query(row, tuple(own), of_query.at(row["query"]))

    def image(self, sha256: str) -> bytes:
        """The bytes of an image of the export.

        Raises:
            InvalidInput: It has no such image.
        """
        return self._images.get(sha256)

    def _query(
        self, row: dict[str, Any], shots: tuple[ExportedDemonstration, ...], vectors: Mapping[str, Vector]
    ) -> ExportedQuery:
        labels = row["labels"]
        return ExportedQuery(
            number=row["query"],
            id=row["query_id"],
            key=row["query_key"],
            text=row["text"],
            answer=row["answer"],
            labels=None if labels is None else tuple(labels),
            group=row["group"],
            metadata=json.loads(row["metadata"]),
            images=self._shown(row),
            eligible=row["eligible"],
            short=row["short"],
            flags=tuple(row["flags"]),
            removed=tuple(Removal(**one) for one in row["removed"]),
            demonstrations=shots,
            vectors=vectors,
            spaces=self.spaces,
        )

    def _demonstration(self, row: dict[str, Any], vectors: Mapping[str, Vector]) -> ExportedDemonstration:
        return ExportedDemonstration(
            position=row["position"],
            rank=row["rank"],
            id=row["id"],
            text=row["text"],
            answer=row["answer"],
            labels=tuple(row["labels"]),
            group=row["group"],
            split=row["split"],
            tags=tuple(row["tags"]),
            metadata=json.loads(row["metadata"]),
            score=row["score"],
            scores=json.loads(row["scores"]),
            stage=row["stage"],
            fixed=row["fixed"],
            bare=row["bare"],
            reason=row["reason"],
            images=self._shown(row),
            vectors=vectors,
        )

    def _shown(self, row: dict[str, Any]) -> tuple[ExportedImage, ...]:
        return tuple(ExportedImage(**one, _load=self.image) for one in row["images"])


class _Vectors:
    """The vectors of one table's rows."""

    def __init__(self, tensors: Any, of: str, spaces: Mapping[str, int]) -> None:
        self._rows = {space: tensors.get_tensor(layout.row_name(of, space)) for space in spaces}
        self._vectors = {space: tensors.get_slice(layout.vectors_name(of, space)) for space in spaces}

    def at(self, place: int) -> dict[str, Vector]:
        """The vectors of one row by space."""
        found = {space: int(rows[place]) for space, rows in self._rows.items()}
        return {space: self._vectors[space][row : row + 1][0] for space, row in found.items() if row >= 0}


class _Images:
    """Image bytes by hash, read a row group at a time; those that were read last are kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None
        self._groups: dict[str, int] = {}
        self._kept: OrderedDict[int, dict[str, bytes]] = OrderedDict()
        self._lock = Lock()

    def get(self, sha256: str) -> bytes:
        """The bytes of one image."""
        with self._lock:
            if self._file is None:
                self._open()
            if sha256 not in self._groups:
                raise InvalidInput("the export has no such image", field="sha256", value=sha256)
            group = self._groups[sha256]
            if group not in self._kept:
                self._kept[group] = self._read(group)
                while len(self._kept) > 1 and self._size() > _KEPT_BYTES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(group)
            return self._kept[group][sha256]

    def _open(self) -> None:
        self._file = needed("pyarrow.parquet").ParquetFile(self._path)
        for group in range(self._file.num_row_groups):
            column = self._file.read_row_group(group, columns=["sha256"]).column(0)
            self._groups.update(dict.fromkeys(column.to_pylist(), group))

    def _read(self, group: int) -> dict[str, bytes]:
        table = self._file.read_row_group(group, columns=["sha256", "bytes"])
        return dict(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))

    def _size(self) -> int:
        return sum(len(data) for group in self._kept.values() for data in group.values())


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with needed("pyarrow.parquet").ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH):
            yield from batch.to_pylist()


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / layout.MANIFEST
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _bad(path, f"no export: its manifest cannot be read: {error.strerror}") from None
    try:
        manifest = layout.read_manifest(data)
    except ValueError as error:
        raise _bad(path, f"the file is damaged: {error}") from None
    if manifest["format"] != layout.FORMAT:
        raise InvalidInput(
            f"an export of another format than {layout.FORMAT}",
            field="export",
            value=manifest["format"],
            mend="Read it with the version that wrote it, or export again",
        )
    return manifest


def _bad(path: Path, message: str) -> InvalidInput:
    return InvalidInput(message, field=path.name, value=str(path), mend="Export again")
