"""Copies: the same content twice, in one fold, across folds (a leak), or with different labels (a contradiction)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from ...domain.examples import Example, PoolKind, letters, normal_text

Kind = Literal["exact", "same picture", "near picture", "near text", "same group"]
KINDS: tuple[Kind, ...] = ("exact", "same picture", "near picture", "near text", "same group")

#: Folds of examples that selection reads: those without a split are training examples.
TRAINING = "train"
_NEAR_BITS = 3
_BANDS = 4  # hashes that differ in three bits at most agree in one of four bands
_WIDTH = 64 // _BANDS
_TELLING = range(8, 57)  # a difference hash with fewer or more ones is of a flat picture and tells nothing


@dataclass(frozen=True, slots=True)
class Copies:
    """Examples that show the same, or nearly so.

    Attributes:
        kind: "exact" (the same pixels and, outside classification, the same text), "same picture" (with another text),
            "near picture" (difference hashes that differ in at most 3 of 64 bits), "near text" (the same letters and
            digits, without pictures), "same group" (a group that reaches over folds).
        ids: Ascending.
        splits: The folds they are in, ascending; without a split is "train".
        answers: The labels, or the answers where there are none, ascending.
    """

    kind: Kind
    ids: tuple[str, ...]
    splits: tuple[str, ...]
    answers: tuple[str, ...]

    @property
    def leak(self) -> bool:
        """Whether they are in several folds, so that what is held out was seen."""
        return len(self.splits) > 1

    @property
    def contradiction(self) -> bool:
        """Whether the same content is labelled differently: at least one label is wrong, or the task is ambiguous."""
        return self.kind == "exact" and len(self.answers) > 1


def copies(examples: Iterable[Example], kind: PoolKind = "classification") -> list[Copies]:
    """All sets of copies, by kind in the order of `KINDS`, then by their first id.

    An example is in one set of a kind at most. Near copies that are linked through others are one set, and a set that
    says no more than one of the kinds before is left out. Groups are told only where they reach over folds.
    """
    known = {example.id: example for example in sorted(examples, key=lambda one: one.id)}
    sets: dict[Kind, list[list[str]]] = {
        "exact": _alike({id: _content(one, kind) for id, one in known.items()}),
        "same picture": _alike({id: one.pixel_key for id, one in known.items() if one.media}),
        "near picture": _near(known.values()),
        "near text": _alike({id: letters(one.text) for id, one in known.items() if not one.media}),
        "same group": _alike({id: one.group or "" for id, one in known.items()}),
    }
    told: dict[str, list[frozenset[str]]] = defaultdict(list)
    found = []
    for name in KINDS:
        for ids in sets[name]:
            if any(before.issuperset(ids) for before in told[ids[0]]):
                continue
            made = _copies(name, [known[id] for id in ids])
            if name != "same group" or made.leak:
                found.append(made)
                whole = frozenset(ids)
                for id in ids:
                    told[id].append(whole)
    return found


def _copies(kind: Kind, examples: Sequence[Example]) -> Copies:
    return Copies(
        kind,
        tuple(example.id for example in examples),
        tuple(sorted({example.split or TRAINING for example in examples})),
        tuple(sorted({", ".join(example.labels) or normal_text(example.answer) for example in examples})),
    )


def _content(example: Example, kind: PoolKind) -> str:
    if not example.media:
        return f"text {example.text_key}" if normal_text(example.text) else ""
    # Elsewhere another question about the same picture is another example.
    asked = "" if kind == "classification" else normal_text(example.text)
    return f"media {example.pixel_key} {asked}"


def _alike(keys: Mapping[str, str]) -> list[list[str]]:
    sets: dict[str, list[str]] = defaultdict(list)
    for id, key in keys.items():
        if key:
            sets[key].append(id)
    return sorted(ids for ids in sets.values() if len(ids) > 1)


def _near(examples: Iterable[Example]) -> list[list[str]]:
    owners: dict[int, list[str]] = defaultdict(list)
    for example in examples:
        for part in example.media:
            if part.dhash and (number := int(part.dhash, 16)).bit_count() in _TELLING:
                owners[number].append(example.id)
    heads: dict[str, str] = {}

    def head(id: str) -> str:
        while heads.setdefault(id, id) != id:
            heads[id] = id = heads[heads[id]]
        return id

    def join(one: str, other: str) -> None:
        first, second = sorted((head(one), head(other)))
        heads[second] = first

    for ids in owners.values():
        for id in ids[1:]:
            join(ids[0], id)
    for band in range(_BANDS):
        buckets: dict[int, list[int]] = defaultdict(list)
        for number in owners:
            buckets[number >> (band * _WIDTH) & ((1 << _WIDTH) - 1)].append(number)
        for numbers in buckets.values():
            for one, other in combinations(numbers, 2):
                if (one ^ other).bit_count() <= _NEAR_BITS:
                    join(owners[one][0], owners[other][0])
    return _alike({id: head(id) for id in sorted(heads)})
