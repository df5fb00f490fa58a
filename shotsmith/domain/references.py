"""Several right answers to one question, such as those of ten annotators: kept as metadata of an example."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InvalidInput

#: The name of the metadata value: a JSON list of strings, since metadata are flat.
REFERENCES = "references"


def packed(answers: Sequence[str]) -> str:
    """Answers as the metadata value holds them, in their order, repeats kept: VQA accuracy counts them."""
    return json.dumps(list(answers), ensure_ascii=False)


def references(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The answers in an example's metadata; none where there are none.

    Raises:
        InvalidInput: The value is not a JSON list of strings.
    """
    held = metadata.get(REFERENCES)
    if held is None:
        return ()
    try:
        found = json.loads(held)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, list) or not all(isinstance(answer, str) for answer in found):
        raise InvalidInput(
            "not a JSON list of strings",
            field=f"metadata.{REFERENCES}",
            value=held,
            mend='Write a string such as ["two", "2"]',
        )
    return tuple(found)
