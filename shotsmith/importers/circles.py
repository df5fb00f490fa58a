"""CIRCLES items: `id`, `imgpath`, `question` and `answer`, in an array or one a line (Xiong et al., CIRCLES)."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import Any

from ..domain.examples import Draft
from .base import FileImporter, fields, one_of, text_of
from .json_items import json_items
from .jsonl import parsed_line
from .records import UTF8_BOM, draft, text_line

TASKS = ("vqa", "cls")


class Circles(FileImporter):
    """Reads items as CIRCLES passes them on: a JSON array of objects, or one object a line.

    Args:
        source: The file.
        root: Directory that image paths start from; by default the file's own.
        task: "vqa", or "cls", where the answer is also the label.
        split: Of all examples.

    Raises:
        InvalidInput: The source is not a file.
        InvalidParameter: The root is not a directory, or no such task.
    """

    def __init__(
        self,
        source: str | PathLike[str],
        *,
        root: str | PathLike[str] | None = None,
        task: str = "vqa",
        split: str | None = None,
    ) -> None:
        super().__init__(source, root=root)
        one_of("task", task, TASKS)
        self.task, self.split = task, split

    def _drafts(self) -> Iterator[Draft]:
        for where, given in self._items():
            item = fields(given, where, "id", "imgpath", "question", "answer")
            answer = text_of(item["answer"], f"{where}: answer")
            record = {
                "id": text_of(item["id"], f"{where}: id"),
                "image": item["imgpath"],
                "text": item["question"],
                "answer": answer,
                "label": answer if self.task == "cls" else None,
                "split": self.split,
            }
            yield draft(record, where=where, root=self.root)

    def _items(self) -> Iterator[tuple[str, Any]]:
        name = self.source.name
        with self.source.open("rb") as lines:
            start = lines.read(64).removeprefix(UTF8_BOM).lstrip()
        if start.startswith(b"["):
            for number, item in json_items(self.source):
                yield f"{name}[{number}]", item
            return
        with self.source.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                line = text_line(raw, number, f"{name}:{number}")
                if line.strip():
                    yield f"{name}:{number}", parsed_line(line, f"{name}:{number}")
