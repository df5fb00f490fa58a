"""Logged answers from files: what `shotsmith compare --json` printed, or one answer a line, as experiments export."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ...domain.errors import InvalidInput
from .influence import Logged


def read_log(source: str | PathLike[str]) -> list[Logged]:
    """The answers of a file with demonstrations and scores.

    Args:
        source: JSON of a comparison, or JSON Lines of `{"demonstrations": [id, ...], "answer": "cat", "correct":
            true}`, where `score` from 0 to 1 may stand for `correct`.

    Raises:
        InvalidInput: Naming the line or arm and the field.
    """
    path = Path(source)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"the log cannot be read: {error}", field="log", value=str(path), mend="Name a UTF-8 text file"
        ) from None
    try:
        whole = json.loads(text)
    except ValueError:
        return [_logged(record, where) for record, where in _lines(text, path.name)]
    if isinstance(whole, dict) and "arms" in whole:
        return [_logged(record, where) for record, where in _outcomes(whole, path.name)]
    return [_logged(whole, f"{path.name}:1")]


def _lines(text: str, name: str) -> Iterator[tuple[Any, str]]:
    # Not `splitlines`: what a model said may hold other line ends, such as U+2028, which JSON need not escape.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{name}:{number}"
            try:
                yield json.loads(line), where
            except ValueError as error:
                raise InvalidInput(
                    f"the line is not JSON: {error}", field=where, value=line, mend="Write one object a line"
                ) from None


def _outcomes(whole: Mapping[str, Any], name: str) -> Iterator[tuple[Any, str]]:
    try:
        for arm in whole["arms"]:
            for outcome in arm["outcomes"]:
                yield outcome, f"{name}: {arm['name']}"
    except (KeyError, TypeError) as error:
        raise InvalidInput(
            f"the comparison lacks {error}", field=name, mend="Write it with shotsmith compare --json"
        ) from None


def _logged(record: Any, where: str) -> Logged:
    if not isinstance(record, dict):
        raise InvalidInput(
            "not an object",
            field=where,
            value=record,
            mend='Write {"demonstrations": […], "answer": "cat", "correct": true}',
        )
    shown, score = record.get("demonstrations"), record.get("score")
    if score is None:
        score = record.get("correct")
    if not isinstance(shown, list) or not all(isinstance(id, str) for id in shown):
        raise InvalidInput(
            "not a list of ids", field=f"{where}: demonstrations", value=shown, mend="Name what was shown"
        )
    if not isinstance(score, bool | int | float) or not 0 <= score <= 1:
        raise InvalidInput(
            "not a score from 0 to 1",
            field=f"{where}: {'correct' if record.get('score') is None else 'score'}",
            value=score,
            mend="Say how right the answer was",
        )
    answer = record.get("answer")
    if "answer" not in record or not isinstance(answer, str | None):
        raise InvalidInput(
            "not a string", field=f"{where}: answer", value=answer, mend="Write what was answered, or null"
        )
    return Logged(tuple(shown), answer or "", float(score))
