"""What kind of answer is read from a reply."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...domain.examples import Pool
from .jsons import schema_in
from .units import unit_of
from .words import fold, peel

TaskKind = Literal["label", "labels", "number", "yes or no", "text", "json"]

_LEAD = r"(?:(?:please )?(?:answer|reply|respond)(?: only)?(?: with)?(?: only)? )?"
_YES_NO = re.compile(_LEAD + r"(?:either )?[\"']?yes[\"']?(?: or |/)[\"']?no[\"']?(?: only| alone)?")
_ONE_NUMBER = re.compile(
    _LEAD
    + r"(?:just )?(?:a|an|one|the)?(?: single| whole)? ?(?:number|integer)(?: in [^.;,]+| \([^()]+\))?(?: only| alone)?"
)
_UNIT = re.compile(r"\(([^()\s]{1,12})\)|\b(?:in|units?:?) ([^\s.;,]{1,20}(?: [^\s.;,]{1,20})?)")
_SEVERAL = re.compile(
    r"\b(?:(?:all|every|each)(?: of)?(?: the)? (?:labels?|classes) that|all that apply|every one that applies"
    r"|one or more(?: of the)? (?:labels|classes)|several labels|separated by|list of(?: the)? labels)\b"
)


@dataclass(frozen=True, slots=True)
class Task:
    """What kind of answer is read.

    Attributes:
        kind: One label of a closed space, several of them, one number, yes or no, free text, or JSON.
        labels: The closed space, for "label" and "labels".
        unit: The unit a number is wanted in; empty for any.
        schema: The JSON Schema, for "json".
    """

    kind: TaskKind = "text"
    labels: tuple[str, ...] = ()
    unit: str = ""
    schema: Mapping[str, Any] | None = None

    @property
    def one_line(self) -> bool:
        """Whether a well-formed answer fits on one line."""
        return self.kind not in ("text", "json")


def task_of(pool: Pool, labels: Sequence[str] = ()) -> Task:
    """The task that a pool's kind and answer format describe.

    A JSON Schema in the answer format asks for JSON. Classification reads one label, or several where the answer
    format asks for all that apply or a list; without labels it reads text. Regression reads a number, in the unit that
    the answer format names (`in mm`, `(mm)`). Elsewhere an answer format that is no more than "Answer yes or no" or
    "Answer with one number" is taken at its word; all else is text.

    Args:
        pool: Its kind and answer format.
        labels: The closed label space as the prompt shows it.
    """
    wanted = pool.answer_format
    if (schema := schema_in(wanted)) is not None:
        return Task("json", schema=schema)
    format = peel(fold(wanted))
    if pool.kind == "classification":
        if not labels:
            return Task()
        return Task("labels" if _SEVERAL.search(format) else "label", tuple(labels))
    if pool.kind == "regression" or (pool.kind != "captioning" and _ONE_NUMBER.fullmatch(format)):
        return Task("number", unit=_unit(wanted))
    return Task("yes or no") if pool.kind != "captioning" and _YES_NO.fullmatch(format) else Task()


def _unit(format: str) -> str:
    for named in _UNIT.finditer(format):
        words = (named[1] or named[2]).split()
        for count in range(len(words), 0, -1):
            if unit := unit_of(" ".join(words[:count])):
                return unit.symbol
    return ""
