"""SMMILE and SMMILE++: medical problems that bring their own demonstrations (Rieff et al. 2025, arXiv 2506.21355)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from ..domain.examples import Draft
from .arrow import parts, picture_of, rows
from .base import TEST, TRAIN, facts, text_of, wrong

_FACTS = (
    "problem_id",
    "speciality",
    "flag_answer_format",
    "flag_image_type",
    "flag_cognitive_process",
    "flag_rarity",
)


class Smmile:
    """Reads the published Parquet files, or what `save_to_disk` wrote, with `problem_id`, `order`, `question`, ...

    Rows of one problem are ordered by `order`, wherever they stand: the last is the query (split "test"), the others
    are its demonstrations (split "train"). `lists` names them for their query, best first: the last shown is the
    nearest to the query, so that the order `similar_last` shows them as published. They are no group: the guard of
    evaluation would take them away. A problem that lacks a picture, or has one row, is passed over as the authors do,
    its rows counted in `skipped`. Ids are `<problem_id>/<order>`. Needs the extra `export` (pyarrow).

    Args:
        source: The directory or the file.

    Raises:
        InvalidInput: The source is not there, or holds no such files.
    """

    def __init__(self, source: str | PathLike[str]) -> None:
        self.source = Path(source)
        self._parts = parts(self.source)
        self._skipped = 0
        self.lists: dict[str, list[str]] = {}

    @property
    def skipped(self) -> int:
        """How many rows the last `read` passed over."""
        return self._skipped

    def read(self) -> Iterator[Draft]:
        """The drafts in the order of the rows.

        Raises:
            InvalidInput: At the first row that cannot be used; for a source without a problem.
            MissingExtra: pyarrow is not installed.
        """
        problems, without = self._problems()
        self._skipped = 0
        self.lists = {
            f"{problem}/{orders[-1]}": [f"{problem}/{order}" for order in reversed(orders[:-1])]
            for problem, orders in problems.items()
            if problem not in without and len(orders) > 1
        }
        if not self.lists:
            wrong("the source holds no problem with its pictures", "source", str(self.source), "Name another")
        for where, row in self._rows():
            problem, order = text_of(row["problem_id"], f"{where}: problem_id"), row["order"]
            last = f"{problem}/{problems[problem][-1]}"
            if last not in self.lists:
                self._skipped += 1
                continue
            yield Draft(
                where=where,
                id=f"{problem}/{order}",
                images=(picture_of(row["image"], f"{where}: image", self.source),),
                text=text_of(row["question"], f"{where}: question"),
                answer=text_of(row["answer"], f"{where}: answer"),
                split=TEST if f"{problem}/{order}" == last else TRAIN,
                metadata=facts(row, *_FACTS),
            )

    def total(self) -> int | None:
        """Not known before it is read."""
        return None

    def _rows(self) -> Iterator[tuple[str, dict[str, object]]]:
        for path, _ in self._parts:
            for number, row in enumerate(rows(path)):
                where = f"{path.name} row {number}"
                for name in ("problem_id", "order", "question", "answer", "image"):
                    if name not in row:
                        wrong("the column is missing", f"{where}: {name}", None, "Name SMMILE's files")
                yield where, row

    def _problems(self) -> tuple[dict[str, list[int]], set[str]]:
        """Orders by problem, ascending; and the problems that lack a picture."""
        orders: dict[str, list[int]] = defaultdict(list)
        without: set[str] = set()
        for where, row in self._rows():
            problem, order = text_of(row["problem_id"], f"{where}: problem_id"), row["order"]
            if not isinstance(order, int):
                wrong("not a number", f"{where}: order", order, "Number the rows of a problem")
            if order in orders[problem]:
                wrong(
                    "the problem has two rows of this order", f"{where}: order", order, "Remove one of them"
                )
            orders[problem].append(order)
            if row["image"] is None:
                without.add(problem)
        return {problem: sorted(found) for problem, found in orders.items()}, without
