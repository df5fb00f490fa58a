"""Orders: from rank order, best first, to prompt order, as the model reads it.

"Ascending" and "descending" are avoided: papers use them in opposite senses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest

from ..domain.errors import UnknownName
from ..domain.names import hint
from ..domain.recipes import OrderName
from ..domain.scoring import shuffled
from ..domain.selections import Candidate

Ranked = Sequence[Candidate]
Order = Callable[[Ranked, int, str], list[Candidate]]


def similar_last(ranked: Ranked, seed: int, query_key: str) -> list[Candidate]:
    """The most similar one next to the query, where models look most (Flamingo)."""
    return list(reversed(ranked))


def similar_first(ranked: Ranked, seed: int, query_key: str) -> list[Candidate]:
    """The most similar one at the top."""
    return list(ranked)


def ends(ranked: Ranked, seed: int, query_key: str) -> list[Candidate]:
    """Rank 1 last, 2 first, 3 next to last, 4 second ...: the least similar in the middle (Lost in the Middle)."""
    return [*ranked[1::2], *reversed(ranked[0::2])]


def interleaved(ranked: Ranked, seed: int, query_key: str) -> list[Candidate]:
    """Round robin over the labels, by rank inside a label; the labels' cycle is a keyed shuffle."""
    rounds = zip_longest(*_by_label(ranked, seed, query_key))
    return [candidate for turn in rounds for candidate in turn if candidate is not None]


def grouped(ranked: Ranked, seed: int, query_key: str) -> list[Candidate]:
    """One block a label, by rank inside a block, blocks in keyed order: a control, known to hurt."""
    return [candidate for block in _by_label(ranked, seed, query_key) for candidate in block]


def random(ranked: Ranked, seed: int, query_key: str) -> list[Candidate]:
    """A keyed shuffle."""
    by_id = {candidate.id: candidate for candidate in ranked}
    return [by_id[id] for id in shuffled(by_id, seed, f"order|{query_key}")]


ORDERS: Mapping[OrderName, Order] = {
    "similar_last": similar_last,
    "similar_first": similar_first,
    "ends": ends,
    "interleaved": interleaved,
    "grouped": grouped,
    "random": random,
}


def arrange(candidates: Ranked, order: OrderName, seed: int = 0, query_key: str = "") -> list[Candidate]:
    """Put candidates into prompt order; always a permutation of what was given.

    A part that is the same for every query stands first, in an order that knows no query, so that caches keep it.

    Args:
        candidates: In rank order, best first.
        order: A name in `ORDERS`.
        seed: Seeds `random` and the cycle of labels in `interleaved` and `grouped`.
        query_key: `Query.key`, for shuffles that differ between queries; leave it empty for one that does not,
            as cached prompt prefixes need it.

    Raises:
        UnknownName: No such order.
    """
    try:
        chosen = ORDERS[order]
    except KeyError:
        raise UnknownName(
            "unknown order",
            field="order",
            value=order,
            mend=f"{hint(order, ORDERS)}Known: {', '.join(ORDERS)}",
        ) from None
    fixed = [candidate for candidate in candidates if candidate.fixed]
    others = [candidate for candidate in candidates if not candidate.fixed]
    return [*chosen(fixed, seed, ""), *chosen(others, seed, query_key)]


def _by_label(ranked: Ranked, seed: int, query_key: str) -> list[list[Candidate]]:
    """Candidates by label in keyed order of the labels, those without a label last."""
    blocks: dict[str | None, list[Candidate]] = {}
    for candidate in ranked:
        blocks.setdefault(candidate.label, []).append(candidate)
    unlabelled = blocks.pop(None, [])
    named = {label: block for label, block in blocks.items() if label is not None}
    cycle = shuffled(named, seed, f"order|{query_key}")
    return [*(named[label] for label in cycle), *([unlabelled] if unlabelled else [])]
