"""The sets of demonstrations that regime diagnostics compare, made of a ranking by similarity.

Everything here keeps rank order and is a pure function of it: no draw depends on anything but the ranking.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.selections import Candidate

SHARE = 0.1

End = Literal["most", "least"]


class Replaced(NamedTuple):
    """Demonstrations of which some were replaced.

    Attributes:
        candidates: In rank order, as many as before and with the same labels.
        replaced: How many are new.
        kept: How many should have been replaced and were not, because no unused example has their label.
        substitutes: The id of each that left, and who came in its place.
    """

    candidates: tuple[Candidate, ...]
    replaced: int
    kept: int
    substitutes: tuple[tuple[str, Candidate], ...] = ()


def without(shown: Sequence[Candidate], end: End, share: float = SHARE) -> tuple[Candidate, ...]:
    """Demonstrations without the most or the least similar ones, at least one of them.

    Args:
        shown: The demonstrations in rank order, most similar first.
        end: Which are removed.
        share: How many, as a share; halves are rounded up.

    Raises:
        InvalidInput: Fewer than two demonstrations, or one of them twice.
        InvalidParameter: A share that is not above 0 and below 1.
    """
    count = _removed(shown, share)
    return tuple(shown[count:] if end == "most" else shown[:-count])


def replaced(
    ranking: Sequence[Candidate], shown: Collection[str], end: End, share: float = SHARE
) -> Replaced:
    """Demonstrations of which the most or the least similar ones gave way to unused ones with the same labels.

    Each substitute is the unused example of the label that stands nearest to the middle of the ranking, so that it is
    neither similar nor dissimilar; of two as near, the more similar one. The number of demonstrations and how often
    each label is shown stay what they were.

    Args:
        ranking: Every example that may be shown, most similar first.
        shown: Ids of the demonstrations.
        end: Which of them are replaced.
        share: How many, as a share; halves are rounded up.

    Raises:
        InvalidInput: Fewer than two demonstrations, or one that is not in the ranking or twice in it.
        InvalidParameter: A share that is not above 0 and below 1.
    """
    wanted = set(shown)
    kept = [one for one in ranking if one.id in wanted]
    if missing := sorted(wanted - {one.id for one in kept}):
        raise InvalidInput(
            "demonstrations are not in the ranking",
            field="shown",
            value=missing,
            mend="Rank every example that is eligible for the query",
        )
    count = _removed(kept, share)
    leaving = kept[:count] if end == "most" else kept[-count:]
    middle = (len(ranking) - 1) / 2
    spare: dict[str | None, list[Candidate]] = defaultdict(list)
    # Sorted is stable: of two places as far from the middle the more similar one comes first.
    for _, one in sorted(enumerate(ranking), key=lambda pair: abs(pair[0] - middle)):
        if one.id not in wanted:
            spare[one.label].append(one)
    coming = {}
    for one in leaving:
        if spare[one.label]:
            coming[one.id] = spare[one.label].pop(0)
    ids = wanted - set(coming) | {one.id for one in coming.values()}
    return Replaced(
        tuple(one for one in ranking if one.id in ids),
        len(coming),
        len(leaving) - len(coming),
        tuple(coming.items()),
    )


def duplicated(shown: Sequence[Candidate], times: int = 4) -> tuple[Candidate, ...]:
    """As many demonstrations, of which only every `times`-th is left, repeated.

    What is left is spread evenly over the ranking, so that it is as similar on average, and repeated as a whole: a, b,
    a, b. Where the number of demonstrations is no multiple, the last round stays incomplete.

    Args:
        shown: The demonstrations in rank order.
        times: How often each is shown.

    Raises:
        InvalidInput: Fewer demonstrations than repetitions, or one of them twice.
        InvalidParameter: Fewer than two repetitions.
    """
    if isinstance(times, bool) or times < 2:
        raise InvalidParameter("at least two", field="times", value=times, mend="4 is usual")
    _unique(shown)
    if len(shown) < times:
        raise InvalidInput(
            "there are fewer demonstrations than repetitions",
            field="shown",
            value=len(shown),
            mend=f"Show {times} or more",
        )
    left = shown[times // 2 :: times]
    return tuple(left[place % len(left)] for place in range(len(shown)))


def _removed(shown: Sequence[Candidate], share: float) -> int:
    if not 0 < share < 1:
        raise InvalidParameter("not above 0 and below 1", field="share", value=share, mend="0.1 is a tenth")
    _unique(shown)
    if len(shown) < 2:
        raise InvalidInput(
            "nothing would be left", field="shown", value=len(shown), mend="Show two demonstrations or more"
        )
    return min(len(shown) - 1, max(1, int(share * len(shown) + 0.5)))


def _unique(shown: Sequence[Candidate]) -> None:
    if len({one.id for one in shown}) < len(shown):
        raise InvalidInput("a demonstration is there twice", field="shown", value=[one.id for one in shown])
