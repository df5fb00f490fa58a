"""Imports neighbour lists: everything is checked against the pool before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from ..domain.errors import InvalidInput
from ..domain.examples import Pool
from ..domain.names import check_key, printable
from ..domain.neighbours import Imported, check_list_name
from ..storage import Examples, Neighbours

_NAMED = 3


def import_lists(
    pool: Pool,
    name: str,
    lists: Mapping[str, Sequence[str]],
    examples: Examples,
    neighbours: Neighbours,
    *,
    skip_unknown: bool = False,
) -> Imported:
    """Store lists, best first, in place of all that had the name: all of them or, if one is bad, none.

    An id that stands twice in a list keeps its first place; a query is taken out of its own list. Queries that are no
    examples of the pool are stored: they may be asked later.

    Args:
        pool: Whose examples the lists name.
        name: What the lists are called from now on.
        lists: Ids of examples by id of the query.
        examples: The pool's examples.
        neighbours: Where lists are kept.
        skip_unknown: Whether to leave out ids that the pool does not have, instead of refusing them.

    Raises:
        InvalidParameter: The name is none.
        InvalidInput: No list, an empty one, something that is no id, or ids that the pool does not have.
    """
    check_list_name(name)
    if not lists:
        raise InvalidInput("no neighbour lists", field="lists", mend="Give at least one")
    known = examples.contents(pool.uid).keys()
    checked = {query: _checked(query, ids) for query, ids in lists.items()}
    unknown = dict.fromkeys(
        id for query, ids in checked.items() for id in ids if id not in known and id != query
    )
    if unknown and not skip_unknown:
        raise _unknown(pool, list(unknown), known)
    counts: Counter[str] = Counter()
    kept = dict(_kept(checked, unknown, counts))
    if not kept:
        raise InvalidInput(
            "nothing is left of the neighbour lists: none of their ids is in the pool, the queries' own aside",
            field="lists",
            mend=_mend(known),
        )
    stored = neighbours.write(pool.uid, name, kept.items())
    return Imported(
        lists=stored,
        ids=sum(map(len, kept.values())),
        new_queries=sum(query not in known for query in kept),
        **counts,
    )


def _checked(query: str, ids: Sequence[str]) -> Sequence[str]:
    check_key("lists", "the id of a query", query)
    where = f"lists: {query}"
    if isinstance(ids, str) or not all(isinstance(id, str) for id in ids):
        raise InvalidInput("not a list of ids", field=where, value=repr(ids), mend="Give a list of strings")
    if not ids:
        raise InvalidInput("the list is empty", field=where, mend="Leave the query out")
    return ids


def _kept(
    lists: Mapping[str, Sequence[str]], unknown: Mapping[str, None], counts: Counter[str]
) -> Iterator[tuple[str, list[str]]]:
    for query, ids in lists.items():
        once = dict.fromkeys(ids)
        others = [id for id in once if id != query]
        left = [id for id in others if id not in unknown]
        counts["repeated"] += len(ids) - len(once)
        counts["itself"] += len(once) - len(others)
        counts["unknown"] += len(others) - len(left)
        counts["emptied"] += not left
        if left:
            yield query, left


def _unknown(pool: Pool, ids: Sequence[str], known: Collection[str]) -> InvalidInput:
    shown = ", ".join(printable(id) for id in ids[:_NAMED])
    are = "id is" if len(ids) == 1 else "ids are"
    return InvalidInput(
        f"{len(ids):,} {are} not in the pool {pool.name}", field="lists", value=shown, mend=_mend(known)
    )


def _mend(known: Collection[str]) -> str:
    like = f"Ids there look like {min(known)}" if known else "It holds no example yet"
    return f"{like}. Map the ids (--example-id), or leave such out: --skip-unknown, skip_unknown"
