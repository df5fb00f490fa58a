"""ISEKAI and the ImageNet-100 pairs of Link-Context Learning (Tai et al. 2023, arXiv 2308.07891)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ..domain.examples import Draft
from .base import FileImporter, fields, list_of, text_of, wrong
from .jsonl import parsed_line
from .records import draft, text_line


class Isekai(FileImporter):
    """Reads lines of `class_id`, `class_name`, `samples` (paths) and `neighbors` (`[class_id, class_name, path]`).

    Samples are examples of their class, neighbours of theirs. Two classes of one name, which ImageNet has, are told
    apart by their ids: "crane (134)". A picture that is named again is one example; the repeat is counted in
    `skipped`. Ids are the paths.

    Args:
        source: The file.
        root: Directory that image paths start from; by default the file's own.

    Raises:
        InvalidInput: The source is not a file.
        InvalidParameter: The root is not a directory.
    """

    def _drafts(self) -> Iterator[Draft]:
        names: dict[str, set[str]] = defaultdict(set)
        for _, (number, name), _ in self._all():
            names[name].add(number)
        seen: dict[str, str] = {}
        for where, (number, name), path in self._all():
            if path in seen:
                if seen[path] != number:
                    wrong("the picture is of two classes", where, path, "Remove it from one of them")
                self._skipped += 1
                continue
            seen[path] = number
            label = name if len(names[name]) == 1 else f"{name} ({number})"
            record = {"id": path, "image": path, "label": label, "metadata": {"class_id": number}}
            yield draft(record, where=where, root=self.root)

    def _all(self) -> Iterator[tuple[str, tuple[str, str], str]]:
        """Place, class and path of every picture."""
        with self.source.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                where = f"{self.source.name}:{number}"
                line = text_line(raw, number, where)
                if not line.strip():
                    continue
                item = fields(parsed_line(line, where), where, "class_id", "class_name", "samples")
                own = (
                    text_of(item["class_id"], f"{where}: class_id"),
                    text_of(item["class_name"], f"{where}: class_name"),
                )
                for path in list_of(item["samples"], f"{where}: samples"):
                    yield where, own, text_of(path, f"{where}: samples")
                for other in list_of(item.get("neighbors", []), f"{where}: neighbors"):
                    yield where, *self._neighbour(other, f"{where}: neighbors")

    def _neighbour(self, other: Any, field: str) -> tuple[tuple[str, str], str]:
        if not isinstance(other, list) or len(other) != 3:
            wrong("not [class_id, class_name, path]", field, other, "Write the three")
        number, name, path = (text_of(part, field) for part in other)
        return (number, name), path
