"""Hateful Memes: JSON Lines with `id`, `img`, `text` and `label` (Kiela et al. 2020, arXiv 2005.04790)."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import PurePosixPath

from ..domain.examples import Draft
from .base import FileImporter, fields, wrong
from .jsonl import parsed_line
from .records import draft, text_line

ANSWERS = ("no", "yes")
_FOLDS = {"train": "train", "dev": "val", "test": "test"}


class HatefulMemes(FileImporter):
    """Reads one of the published files, such as `train.jsonl` or `dev_seen.jsonl`.

    Label and answer are "yes" for 1, hateful, and "no" for 0. Ids are the picture's name without its ending, which
    keeps the zeros that `id` lacks: files that overlap, as `dev_seen` and `dev_unseen` do, give the same example the
    same id. Lines without a label, as the published test files have, are passed over and counted in `skipped`.

    Args:
        source: The file.
        root: Directory that holds `img`; by default the file's own.
        split: Of all examples; by default what the file's name begins with: train, dev (val) or test.

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
        begins = self.source.stem.partition("_")[0]
        self.split = split or _FOLDS.get(begins)

    def _drafts(self) -> Iterator[Draft]:
        with self.source.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                where = f"{self.source.name}:{number}"
                line = text_line(raw, number, where)
                if not line.strip():
                    continue
                item = fields(parsed_line(line, where), where, "img", "text")
                label = item.get("label")
                if label is None:
                    self._skipped += 1
                    continue
                if label not in (0, 1):
                    wrong("neither 0 nor 1", f"{where}: label", label, "Write 1 for hateful, else 0")
                answer = ANSWERS[int(label)]
                record = {
                    "id": PurePosixPath(str(item["img"])).stem,
                    "image": item["img"],
                    "text": item["text"],
                    "answer": answer,
                    "label": answer,
                    "split": self.split,
                }
                yield draft(record, where=where, root=self.root)
