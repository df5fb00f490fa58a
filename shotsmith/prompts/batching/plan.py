"""Which queries share a call, and under which tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from ...domain.errors import InvalidInput, InvalidParameter
from ...domain.examples import Query
from ...domain.scoring import digest, seed_bytes, shuffled

MOST = 50
"""Queries in one call, as many as ManyICL tried."""

_LETTERS = "bcdfghjkmnpqrstvwxz"  # no vowels, so that no tag is a word; no l, which looks like 1
_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """Queries that share a call.

    Attributes:
        id: Hash of the seed and of what is asked, in order.
        places: Where the queries stand in the list that was planned; question 1 first.
        tags: One for each question.
    """

    id: str
    places: tuple[int, ...]
    tags: tuple[str, ...]

    def halves(self) -> tuple[Batch, ...]:
        """Two smaller batches of the same queries, for where this one is too large; the tags stay."""
        middle = (len(self.places) + 1) // 2
        return tuple(
            Batch(f"{self.id}.{number}", self.places[part], self.tags[part])
            for number, part in enumerate((slice(0, middle), slice(middle, None)), start=1)
            if self.places[part]
        )


def plan_batches(
    queries: Sequence[Query], size: int, seed: int = 0, *, pools: Sequence[str] = ()
) -> tuple[Batch, ...]:
    """Distribute queries over calls, mixed by a keyed shuffle, never two pools in one call.

    Neighbours in a list are often alike (one class, one patient), and the questions of a batch tell about each other;
    mixed, a batch is a fair sample. The same queries in another order are the same batches.

    Args:
        queries: What is asked.
        size: Queries in a call, 1 to 50; the last batch of a pool may be smaller.
        seed: Of the shuffle and the tags.
        pools: The pool of each query, in the same order; none means that all are of one.

    Raises:
        InvalidParameter: A size out of range.
        InvalidInput: Not as many pools as queries.
    """
    if isinstance(size, bool) or not 1 <= size <= MOST:
        raise InvalidParameter(
            f"a batch holds 1 to {MOST} queries", field="batch_size", value=size, mend=f"Choose 1 to {MOST}"
        )
    if pools and len(pools) != len(queries):
        raise InvalidInput("every query needs its pool", field="pools", value=len(pools))
    owners = pools or [""] * len(queries)
    names = _named(queries)
    batches: list[Batch] = []
    for pool in sorted(set(owners)):
        mine = {name: place for place, name in enumerate(names) if owners[place] == pool}
        mixed = [mine[name] for name in shuffled(mine, seed, f"batch|{pool}")]
        for start in range(0, len(mixed), size):
            places = tuple(mixed[start : start + size])
            keys = [queries[place].key for place in places]
            id = digest({"pool": pool, "seed": seed, "keys": keys})[:16]
            batches.append(Batch(id, places, tags_of(keys, seed)))
    return tuple(batches)


def tags_of(keys: Sequence[str], seed: int = 0) -> tuple[str, ...]:
    """A tag of four letters for each question, from what it asks: in a batch any two differ in two letters or more.

    One wrong letter therefore never makes one tag another. The tags do not depend on the order of the questions.
    """
    counts: Counter[str] = Counter()
    names = []
    for key in keys:
        names.append((key, counts[key]))
        counts[key] += 1
    found: dict[tuple[str, int], str] = {}
    for name in sorted(names):
        candidates = (_tag(name, attempt, seed) for attempt in count())
        found[name] = next(
            tag for tag in candidates if all(_distance(tag, other) > 1 for other in found.values())
        )
    return tuple(found[name] for name in names)


def _named(queries: Sequence[Query]) -> list[str]:
    """A name for each query that does not depend on its place; equal queries are numbered."""
    counts: Counter[str] = Counter()
    names = []
    for query in queries:
        name = f"{query.key}|{query.id or ''}|{query.group or ''}"
        names.append(f"{name}|{counts[name]}")
        counts[name] += 1
    return names


def _tag(name: tuple[str, int], attempt: int, seed: int) -> str:
    number = int.from_bytes(seed_bytes(seed, f"tag|{name[0]}|{name[1]}|{attempt}")[:8])
    letters = []
    for _ in range(_LENGTH):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters)


def _distance(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
