"""MMLongBench's many-shot recognition: numbers for entities (Wang et al. 2025, arXiv 2505.10610)."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import Any

from ..domain.errors import InvalidParameter
from ..domain.examples import Draft
from .base import TEST, TRAIN, FileImporter, fields, list_of, text_of, wrong
from .json_whole import json_whole
from .records import draft


class MmLongBench(FileImporter):
    """Reads `{domain: {"exemplar_list": [set, ...], "test_example": [{"image", "answer"}, ...]}}`.

    A set is a list of rounds, a round a list of `{"image", "id"}`; one set is one choice of demonstrations. The label
    is the number as text. A number names another entity in each domain and may in each set, so that one domain and
    one set make a pool. A picture that is shown twice is one example; the repeat is counted in `skipped`. Ids are
    `train/<image>` and `test/<image>`.

    Args:
        source: The file.
        root: Directory that image paths start from; by default the file's own.
        domain: Which domain; may be left out where the file has one.
        set: Which set of demonstrations, from 0.

    Raises:
        InvalidInput: The source is not a file.
        InvalidParameter: The root is not a directory, or the set is no number.
    """

    def __init__(
        self,
        source: str | PathLike[str],
        *,
        root: str | PathLike[str] | None = None,
        domain: str | None = None,
        set: int = 0,
    ) -> None:
        super().__init__(source, root=root)
        if isinstance(set, bool) or not isinstance(set, int) or set < 0:
            raise InvalidParameter("not a number from 0", field="set", value=set, mend="Say 0, 1, …")
        self.domain, self.set = domain, set

    def _drafts(self) -> Iterator[Draft]:
        whole = fields(json_whole(self.source), self.source.name)
        name = self._chosen(list(whole))
        where = f"{self.source.name}: {name}"
        held = fields(whole[name], where, "exemplar_list", "test_example")
        sets = list_of(held["exemplar_list"], f"{where}.exemplar_list")
        if self.set >= len(sets):
            raise InvalidParameter(
                f"the domain has {len(sets)} sets", field="set", value=self.set, mend="Count from 0"
            )
        place = f"{where}.exemplar_list[{self.set}]"
        shots = [item for part in list_of(sets[self.set], place) for item in list_of(part, place)]
        yield from self._examples(shots, TRAIN, "id", place)
        place = f"{where}.test_example"
        yield from self._examples(list_of(held["test_example"], place), TEST, "answer", place)

    def _examples(self, items: list[Any], split: str, field: str, where: str) -> Iterator[Draft]:
        seen: dict[str, str] = {}
        for number, item in enumerate(items):
            place = f"{where}[{number}]"
            item = fields(item, place, "image", field)
            image, label = (
                text_of(item["image"], f"{place}: image"),
                text_of(item[field], f"{place}: {field}"),
            )
            if image in seen:
                if seen[image] != label:
                    wrong("the picture has two numbers", f"{place}: {field}", label, "Choose another set")
                self._skipped += 1
                continue
            seen[image] = label
            record = {"id": f"{split}/{image}", "image": image, "label": label, "split": split}
            yield draft(record, where=place, root=self.root)

    def _chosen(self, domains: list[str]) -> str:
        if self.domain is None and len(domains) == 1:
            return domains[0]
        if self.domain not in domains:
            raise InvalidParameter(
                "a number names something else in each domain" if self.domain is None else "no such domain",
                field="domain",
                value=self.domain,
                mend=f"Name one of {', '.join(domains)}",
            )
        return self.domain
