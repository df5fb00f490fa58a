"""Which items a search may look at, and which are kept for its last word."""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.errors import InvalidInput, InvalidParameter
from ...domain.scoring import shuffled

CONFIRM = 0.5


def split_items(
    items: Sequence[str], *, seed: int = 0, confirm: float = CONFIRM
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A search part and a confirmation part, each in keyed order; the items' own order does not matter.

    What was found on the items that a choice was made by is too high: the best of many arms is, in part, the luckiest.
    So the number that counts comes from items that no choice was made by. Failures from which instructions are written
    must come from the search part as well.

    Args:
        items: Ids.
        seed: As it will be given to `best_arm`.
        confirm: The share of the items that is kept.

    Raises:
        InvalidInput: An item twice, or fewer than two.
        InvalidParameter: A share that is not between 0 and 1.
    """
    if not 0 < confirm < 1:
        raise InvalidParameter("not between 0 and 1", field="confirm", value=confirm, mend="0.5 is usual")
    if len(items) < 2 or len(set(items)) < len(items):
        raise InvalidInput(
            "two different items or more are needed",
            field="items",
            value=len(items),
            mend="Name each item once",
        )
    order = shuffled(items, seed, "search")
    kept = min(max(round(confirm * len(order)), 1), len(order) - 1)
    return tuple(order[kept:]), tuple(order[:kept])
