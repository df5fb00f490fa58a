"""Neighbour lists that were computed elsewhere: how they are called, and what importing them did."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InvalidParameter
from .names import printable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of imported lists, as counts.

    Attributes:
        lists: Lists stored.
        ids: Ids in them.
        new_queries: Lists whose query is no example of the pool: they wait for a query that comes with that id.
        repeated: Ids left out because they stood earlier in their list.
        itself: Ids left out because they were the query's own.
        unknown: Ids left out because the pool does not have them.
        emptied: Lists left out because nothing of them was left.
    """

    lists: int
    ids: int
    new_queries: int = 0
    repeated: int = 0
    itself: int = 0
    unknown: int = 0
    emptied: int = 0


def check_list_name(name: str) -> None:
    """Refuse names that do not fit into a URL or the text form of a recipe.

    Raises:
        InvalidParameter: With the rule.
    """
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            "not a name for neighbour lists",
            field="name",
            value=printable(name),
            mend="Use up to 100 letters, digits, dots, dashes and underscores, starting with a letter or digit",
        )
