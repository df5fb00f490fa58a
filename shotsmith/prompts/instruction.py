"""The instruction that opens every prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..domain.examples import Pool, PoolKind
from .parsing import task_of

DEFAULTS: dict[PoolKind, str] = {
    "classification": "Classify each input.",
    "vqa": "Answer the question about each input.",
    "captioning": "Describe each input.",
    "regression": "Estimate the value for each input. Answer with one number.",
    "open": "Answer each input.",
}
_SEVERAL = "Answer with the labels that apply, separated by commas."
# Line ends that JSON leaves as they are.
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


def instruction(pool: Pool, labels: Sequence[str] = ()) -> str:
    """The pool's instruction, its labels and its answer format, byte for byte the same for every query.

    Args:
        pool: Its own instruction counts, or a default for its kind.
        labels: The label space, in the order it is shown. Only classification pools show it: as
            `Labels: ["a", "b"]`, a JSON array on one line, and a request to answer with exactly one of them, or with
            all that apply where the answer format asks for several.
    """
    lines = [pool.instruction.strip() or DEFAULTS[pool.kind]]
    if pool.kind == "classification" and labels:
        several = task_of(pool, labels).kind == "labels"
        lines.append(f"Labels: {_on_one_line(labels)}")
        lines.append(_SEVERAL if several else "Answer with exactly one of the labels.")
    if pool.answer_format.strip():
        lines.append(pool.answer_format.strip())
    return "\n".join(lines)


def _on_one_line(labels: Sequence[str]) -> str:
    array = json.dumps(list(dict.fromkeys(labels)), ensure_ascii=False)
    return _LINE_ENDS.sub(lambda end: f"\\u{ord(end[0]):04x}", array)
