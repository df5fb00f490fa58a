"""VL-ICL Bench: `support.json` and `query.json` (Zong et al. 2024, arXiv 2403.13164)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..domain.examples import Draft
from .base import TEST, TRAIN, FolderImporter, fields, list_of, text_of, wrong
from .json_items import json_items
from .records import draft

OPERATORS = ("+", "-", "x")
_OPEN = "This is a"


class VlIcl(FolderImporter):
    """Reads a task's directory: `query.json` (held out) and `support.json` (training), where the task has one.

    - Plain tasks (CLEVR, TextOCR, ...): `image` (a path or a list), `question`, `answer`.
    - Operator induction: a support answer is a list by operator, +, - and x. It becomes three examples, one an
      operator; `metadata.operator` says which, on queries as well, so that a recipe can keep to the query's own.
    - Matching: each support item is a pair, `same` and `diff`; it becomes two examples.
    - Open-ended classes: each query brings its own support. It becomes examples of their own, and `lists` names them
      for their query, since made-up names mean something else elsewhere.

    Tasks whose answers are pictures (CoBSAT, text to image) are refused.

    Args:
        source: The directory of the task.
        root: Directory that image paths start from; by default the directory above the task's, as published.

    Raises:
        InvalidInput: The source is not a directory.
        InvalidParameter: The root is not a directory.
    """

    def __init__(self, source: Any, *, root: Any = None) -> None:
        super().__init__(source, root=root)
        if root is None:
            self.root = self.source.absolute().parent
        self.lists: dict[str, list[str]] = {}

    def _drafts(self) -> Iterator[Draft]:
        self.lists = {}
        queries = self.source / "query.json"
        if not queries.is_file():
            wrong("the directory has no query.json", "source", str(self.source), "Name a task's directory")
        if (self.source / "support.json").is_file():
            for number, item in json_items(self.source / "support.json"):
                yield from self._support(item, number, f"support.json[{number}]")
        for number, item in json_items(queries):
            yield from self._query(item, number, f"query.json[{number}]")

    def _support(self, item: Any, number: int, where: str) -> Iterator[Draft]:
        id = f"support/{number}"
        if isinstance(item, dict) and "same" in item and "diff" in item:
            for name in ("same", "diff"):
                yield self._draft(item[name], f"{id}/{name}", TRAIN, f"{where}.{name}")
        elif isinstance(item, dict) and isinstance(item.get("answer"), list):
            answers = item["answer"]
            if len(answers) != len(OPERATORS):
                wrong("not one answer an operator", f"{where}: answer", answers, "Write those of +, - and x")
            for operator, answer in zip(OPERATORS, answers, strict=True):
                one = {**item, "answer": answer, "operator": operator}
                yield self._draft(one, f"{id}/{operator}", TRAIN, where)
        else:
            yield self._draft(item, id, TRAIN, where)

    def _query(self, item: Any, number: int, where: str) -> Iterator[Draft]:
        id = f"query/{number}"
        if isinstance(item, dict) and "support" in item:
            if "task_label" in item:
                self._picture(f"{where}: task_label")
            own: list[list[str]] = []
            for name, support in fields(item["support"], f"{where}: support").items():
                pictures = list_of(
                    fields(support, f"{where}: support.{name}", "images")["images"], f"{where}: images"
                )
                ids = [f"{id}/{name}/{shot}" for shot in range(len(pictures))]
                own.append(ids)
                for shot, picture in zip(ids, pictures, strict=True):
                    one = {"image": picture, "question": _OPEN, "answer": name}
                    yield self._draft(one, shot, TRAIN, f"{where}: support.{name}")
            # One of each class in turn.
            longest = max(map(len, own), default=0)
            self.lists[id] = [ids[shot] for shot in range(longest) for ids in own if shot < len(ids)]
            item = {"question": _OPEN, **item}
        yield self._draft(item, id, TEST, where)

    def _draft(self, item: Any, id: str, split: str, where: str) -> Draft:
        if isinstance(item, dict) and ("latent" in item or "task_label" in item):
            self._picture(where)
        given: Mapping[str, Any] = fields(item, where, "image", "answer")
        answer = text_of(given["answer"], f"{where}: answer")
        metadata = {"operator": given["operator"]} if "operator" in given else {}
        record = {
            "id": id,
            "images": given["image"],
            "text": given.get("question", ""),
            "answer": answer,
            "split": split,
            "metadata": metadata,
        }
        return draft(record, where=where, root=self.root)

    def _picture(self, where: str) -> None:
        wrong("the answers of this task are pictures", where, None, "Import a task with answers in words")
