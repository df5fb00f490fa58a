"""COCO-style annotations: categories or captions of pictures (Lin et al. 2014, arXiv 1405.0312)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import fsum
from os import PathLike

from ..domain.examples import Draft
from ..domain.references import REFERENCES, packed
from .base import FileImporter, fields, text_of, wrong
from .json_items import json_items
from .records import draft


class Coco(FileImporter):
    """Reads `images[]`, `annotations[]` and, for objects, `categories[]`, in any order in the file.

    Objects: labels are the names of a picture's categories, the one with the largest area in total first, since
    balancing uses the first. Captions (annotations with `caption`): the answer is the first, all are kept as
    references. Category ids are looked up, never counted: COCO's have gaps. Pictures without annotations are passed
    over and counted in `skipped`. Ids are file names.

    Args:
        source: The file.
        root: Directory that holds the pictures; by default the file's own.
        split: Of all examples.

    Raises:
        InvalidInput: The source is not a file.
        InvalidParameter: The root is not a directory.
    """

    def __init__(
        self,
        source: str | PathLike[str],
        *,
        root: str | PathLike[str] | None = None,
        split: str | None = None,
    ) -> None:
        super().__init__(source, root=root)
        self.split = split

    def _drafts(self) -> Iterator[Draft]:
        areas: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        captions: dict[str, list[str]] = defaultdict(list)
        name = self.source.name
        for number, given in json_items(self.source, "annotations"):
            where = f"{name}: annotations[{number}]"
            item = fields(given, where, "image_id")
            picture = text_of(item["image_id"], f"{where}: image_id")
            if item.get("caption") is not None:
                captions[picture].append(text_of(item["caption"], f"{where}: caption").strip())
                continue
            category = text_of(fields(item, where, "category_id")["category_id"], f"{where}: category_id")
            area = item.get("area", 0)
            areas[picture][category].append(float(area) if isinstance(area, int | float) else 0.0)
        names = self._categories() if areas else {}
        for number, given in json_items(self.source, "images"):
            where = f"{name}: images[{number}]"
            item = fields(given, where, "id", "file_name")
            picture = text_of(item["id"], f"{where}: id")
            own, said = areas.pop(picture, {}), captions.pop(picture, [])
            if not own and not said:
                self._skipped += 1
                continue
            for category in own:
                if category not in names:
                    wrong("the category is not in categories", f"{where}: category_id", category, "Add it")
            order = sorted(own, key=lambda category: (-fsum(own[category]), names[category]))
            record = {
                "id": item["file_name"],
                "image": item["file_name"],
                "labels": list(dict.fromkeys(names[category] for category in order)),
                "answer": said[0] if said else None,
                "split": self.split,
                "metadata": {REFERENCES: packed(said)} if said else {},
            }
            yield draft(record, where=where, root=self.root)
        for left in (*areas, *captions):
            wrong("annotations of a picture that is not in images", name, left, "Add it to images")

    def _categories(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for number, given in json_items(self.source, "categories"):
            where = f"{self.source.name}: categories[{number}]"
            item = fields(given, where, "id", "name")
            found[text_of(item["id"], f"{where}: id")] = text_of(item["name"], f"{where}: name").strip()
        return found
