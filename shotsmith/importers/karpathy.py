"""Karpathy's splits of captioned pictures: `dataset_coco.json` and those of Flickr (Karpathy & Fei-Fei 2015)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ..domain.examples import Draft
from ..domain.references import REFERENCES, packed
from .base import FileImporter, facts, fields, list_of, text_of, wrong
from .json_items import json_items
from .records import draft

#: "restval" are validation pictures of 2014 that everybody trains with.
SPLITS = {"train": "train", "restval": "train", "val": "val", "test": "test"}


class Karpathy(FileImporter):
    """Reads `images[]` with `filename`, `filepath` (where there is one), `split`, `cocoid` and `sentences[].raw`.

    The answer is the first sentence; all are kept as references (`domain.references`). The id is the file name.

    Args:
        source: The file.
        root: Directory that holds the pictures, or their `filepath`; by default the file's own.

    Raises:
        InvalidInput: The source is not a file.
        InvalidParameter: The root is not a directory.
    """

    def _drafts(self) -> Iterator[Draft]:
        for number, item in json_items(self.source, "images"):
            where = f"{self.source.name}: images[{number}]"
            item = fields(item, where, "filename", "split", "sentences")
            split = SPLITS.get(str(item["split"]))
            if split is None:
                wrong("unknown split", f"{where}: split", item["split"], f"Use one of {', '.join(SPLITS)}")
            captions = [
                text_of(fields(one, f"{where}: sentences", "raw")["raw"], f"{where}: raw").strip()
                for one in list_of(item["sentences"], f"{where}: sentences")
            ]
            if not captions:
                self._skipped += 1
                continue
            name = text_of(item["filename"], f"{where}: filename")
            record = {
                "id": name,
                "image": str(PurePosixPath(text_of(item.get("filepath", ""), f"{where}: filepath")) / name),
                "answer": captions[0],
                "split": split,
                "metadata": {**facts(item, "cocoid"), REFERENCES: packed(captions)},
            }
            yield draft(record, where=where, root=self.root)
