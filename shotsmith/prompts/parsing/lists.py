"""Reading several labels: a list in any usual form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .jsons import first_json
from .labels import LabelSpace
from .nearest import negated
from .words import fold, peel

_BETWEEN = re.compile(r"[\n,;|/、，；]|\band\b|&|(?<!\w)\+(?!\w)", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[-*•·–—]\s+|\(?\d{1,3}[.):]\s+)", re.MULTILINE)
_HEADING = re.compile(r"^\W*(?:answers?|labels?|findings?|classes|categories|tags)\s*[:=]\s*", re.IGNORECASE)
_NOTHING = frozenset(
    {
        "none",
        "nothing",
        "no findings",
        "no finding",
        "no label",
        "no labels",
        "none of them",
        "none of the labels",
    }
    | {"none of the above", "n/a", "[]", "{}", "-"}
)


class Listed(NamedTuple):
    """What a list holds.

    Attributes:
        labels: Those of the label space, in its order.
        unknown: Items that are none, as they were written.
        clean: Whether every item is a label and nothing else.
        empty: Whether the list says that no label fits.
    """

    labels: tuple[str, ...]
    unknown: tuple[str, ...]
    clean: bool
    empty: bool = False


def read_list(text: str, space: LabelSpace) -> Listed:
    """The labels that a reply lists.

    It may be a JSON array of texts, one item a line with or without bullets or numbers, or items between commas,
    semicolons, bars, slashes, `+`, `&` or `and`. Items that together spell a label that holds a separator
    ("Cat, domestic") are that label. An item that is no label may hold some as whole words, as in "it shows edema",
    unless it denies something; what is left is unknown, never dropped in silence.
    """
    items = _array(text)
    if items is not None:
        pieces = [[item] for item in items]
        if not items:
            return Listed((), (), clean=True, empty=True)
    else:
        body = _HEADING.sub("", _BULLET.sub("\n", text.strip()), count=1)
        if space.match(body) is None and peel(fold(body)) in _NOTHING:
            return Listed((), (), clean=True, empty=True)
        pieces = [list(_joined(body, space))]
    found: list[str] = []
    unknown: list[str] = []
    clean = True
    for item in (one for piece in pieces for one in piece):
        if (label := space.match(item)) is not None:
            found.append(label)
            continue
        clean = False
        inside = () if negated(item) else space.find(item)
        found += inside
        if not inside:
            unknown.append(" ".join(item.split()))
    kept = set(found)
    return Listed(
        tuple(label for label in space.labels if label in kept), tuple(dict.fromkeys(unknown)), clean
    )


def _array(text: str) -> list[str] | None:
    """The items of a JSON array of texts, where the reply is one."""
    found = first_json(text, "[")
    if found is None or not isinstance(found.value, list):
        return None
    return [str(item) for item in found.value] if all(isinstance(one, str) for one in found.value) else None


def _joined(body: str, space: LabelSpace) -> Iterator[str]:
    """The pieces between separators, joined again where together they are a label: the longest first."""
    cuts = [(0, 0), *((match.start(), match.end()) for match in _BETWEEN.finditer(body)), (len(body),) * 2]
    longest = max((len(_BETWEEN.findall(label)) for label in space.labels), default=0) + 1
    start = 0
    while start < len(cuts) - 1:
        left = cuts[start][1]
        for end in range(min(start + longest, len(cuts) - 1), start, -1):
            item = body[left : cuts[end][0]]
            if end == start + 1 or space.match(item) is not None:
                if peel(fold(item)):
                    yield item
                start = end
                break
