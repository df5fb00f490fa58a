"""Label Studio's JSON export: tasks with annotations (labelstud.io/guide/task_format)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ..domain.errors import InvalidParameter
from ..domain.examples import Draft
from ..domain.references import REFERENCES, packed
from .base import FileImporter, fields, list_of, text_of, wrong
from .json_items import json_items
from .records import draft

_UPLOADS = "/data/upload/"
_LOCAL = "/data/local-files/"


class LabelStudio(FileImporter):
    """Reads the export named JSON, not JSON-MIN.

    Choices and labels of regions become labels, a text area the answer. Annotations that were cancelled and
    predictions are not read; an annotation that is marked as ground truth wins, else what most annotators said, ties
    to the earlier. What every annotator said is kept as references where there are several. Tasks without an
    annotation are passed over and counted in `skipped`. Ids are "task-<id>".

    Args:
        source: The file.
        root: Directory that holds the uploads, or the local files; by default the export's own.
        image: The field of `data` that names the picture; may be left out where it is called image.
        text: The field of `data` that holds the text.
        control: Which control (`from_name`) to read; may be left out where there is one.
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
        image: str = "image",
        text: str = "text",
        control: str | None = None,
        split: str | None = None,
    ) -> None:
        super().__init__(source, root=root)
        self.image, self.text, self.control, self.split = image, text, control, split

    def _drafts(self) -> Iterator[Draft]:
        for number, given in json_items(self.source):
            where = f"{self.source.name}[{number}]"
            if isinstance(given, dict) and "annotations" not in given and "data" not in given:
                wrong(
                    "the task has neither data nor annotations", where, None, "Export as JSON, not JSON-MIN"
                )
            task = fields(given, where, "id", "data")
            data = fields(task["data"], f"{where}: data")
            said = self._said(list_of(task.get("annotations") or [], f"{where}: annotations"), where)
            if not said:
                self._skipped += 1
                continue
            values, writes = self._agreed(said)
            answers = [", ".join(words) for words, _, _ in said]
            picture = data.get(self.image)
            record = {
                "id": f"task-{text_of(task['id'], f'{where}: id')}",
                "image": None if picture is None else self._file(text_of(picture, f"{where}: {self.image}")),
                "text": data.get(self.text),
                "labels": [] if writes else list(values),
                "answer": "\n".join(values) if writes else None,
                "split": self.split,
                "metadata": {REFERENCES: packed(answers)} if len(answers) > 1 else {},
            }
            yield draft(record, where=where, root=self.root)

    def _said(self, annotations: Sequence[Any], where: str) -> list[tuple[tuple[str, ...], bool, bool]]:
        """Of each annotation its values, whether they were written, and whether it is the ground truth."""
        found = []
        for number, given in enumerate(annotations):
            place = f"{where}: annotations[{number}]"
            one = fields(given, place)
            results = [
                fields(part, f"{place}.result", "type", "value")
                for part in list_of(one.get("result") or [], f"{place}.result")
            ]
            if one.get("was_cancelled"):
                continue
            values, writes = self._values(results, place)
            if values:
                found.append((values, writes, bool(one.get("ground_truth"))))
        return found

    def _values(self, results: Sequence[Mapping[str, Any]], where: str) -> tuple[tuple[str, ...], bool]:
        values: dict[str, None] = {}
        writes = False
        controls: set[str] = set()
        for part in results:
            kind, value = part["type"], fields(part["value"], f"{where}.value")
            known = "text" if kind == "textarea" else kind
            given = value.get(known) if isinstance(known, str) else None
            name = str(part.get("from_name", ""))
            if not isinstance(given, list) or self.control not in (None, name):
                continue
            controls.add(name)
            writes |= kind == "textarea"
            values.update((text_of(one, f"{where}.value.{known}").strip(), None) for one in given)
        if len(controls) > 1:
            raise InvalidParameter(
                f"{where} has several controls",
                field="control",
                mend=f"Name one of {', '.join(sorted(controls))}",
            )
        return tuple(values), writes

    @staticmethod
    def _agreed(said: Sequence[tuple[tuple[str, ...], bool, bool]]) -> tuple[tuple[str, ...], bool]:
        for values, writes, truth in said:
            if truth:
                return values, writes
        return Counter((values, writes) for values, writes, _ in said).most_common(1)[0][0]

    @staticmethod
    def _file(address: str) -> str:
        """The path below the root: uploads and local files are named by the addresses that serve them."""
        parts = urlsplit(address)
        if parts.scheme:
            return address
        if parts.path.startswith(_LOCAL):
            return parse_qs(parts.query).get("d", [""])[0].lstrip("/")
        return unquote(parts.path).removeprefix(_UPLOADS).lstrip("/")
