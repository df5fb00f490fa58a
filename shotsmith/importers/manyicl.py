"""ManyICL: `demo.csv` and `test.csv` with one 0/1 column a class (Jiang et al. 2024, arXiv 2405.09798)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from ..domain.errors import InvalidInput
from ..domain.examples import Draft
from .base import TEST, TRAIN, FolderImporter, wrong
from .records import draft, text_line

FILES = {"demo.csv": TRAIN, "test.csv": TEST}
_ON, _OFF = {"1", "1.0", "True", "true"}, {"0", "0.0", "False", "false", ""}


class ManyIcl(FolderImporter):
    """Reads a directory with `demo.csv` (training examples) and `test.csv`, one of them at least.

    The first column, whose header is empty, names the image; each other column is a class. Several ones in a row are
    several labels. Ids are `demo/<image>` and `test/<image>`. A row of zeros has no label and is passed over, counted
    in `skipped`.

    Args:
        source: The directory.
        root: Where the images are; by default its `images`, where there is one, else the directory itself.

    Raises:
        InvalidInput: The source is not a directory, or has neither file.
        InvalidParameter: The root is not a directory.
    """

    def __init__(self, source: str | PathLike[str], *, root: str | PathLike[str] | None = None) -> None:
        super().__init__(source, root=root)
        if root is None and (self.source / "images").is_dir():
            self.root = self.source / "images"
        self._files = [name for name in FILES if (self.source / name).is_file()]
        if not self._files:
            wrong(
                "neither demo.csv nor test.csv", "source", str(source), "Name the directory that holds them"
            )

    def _drafts(self) -> Iterator[Draft]:
        for name in self._files:
            yield from self._rows(self.source / name, name.partition(".")[0], FILES[name])

    def _rows(self, path: Path, prefix: str, split: str) -> Iterator[Draft]:
        with path.open("rb") as lines:
            text = (text_line(raw, n, f"{path.name}:{n}") for n, raw in enumerate(lines, 1))
            rows = csv.reader(text, strict=True)
            try:
                header = next(rows, [])
                classes = header[1:]
                if not classes or len(set(classes)) < len(classes) or not all(classes):
                    wrong(
                        "the header names no class after the first column, or one twice",
                        f"{path.name} row 1",
                        ",".join(header),
                        "Write ,class 1,class 2,…",
                    )
                for number, row in enumerate(rows, 2):
                    if row:
                        where = f"{path.name} row {number}"
                        labels = self._labels(row, classes, where)
                        if not labels:
                            self._skipped += 1
                            continue
                        record = {
                            "id": f"{prefix}/{row[0]}",
                            "image": row[0],
                            "labels": labels,
                            "split": split,
                        }
                        yield draft(record, where=where, root=self.root)
            except csv.Error as error:
                raise InvalidInput(
                    f"not CSV: {error}", field=path.name, mend="Save it again as CSV"
                ) from None

    def _labels(self, row: list[str], classes: list[str], where: str) -> list[str]:
        if len(row) != len(classes) + 1:
            wrong(
                f"the row has {len(row)} cells, the header {len(classes) + 1}",
                where,
                None,
                "Write one a class",
            )
        for name, cell in zip(classes, row[1:], strict=True):
            if cell.strip() not in _ON | _OFF:
                wrong("neither 0 nor 1", f"{where}: {name}", cell, "Write 0 or 1")
        return [name for name, cell in zip(classes, row[1:], strict=True) if cell.strip() in _ON]
