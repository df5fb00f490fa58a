"""What names, ids and texts may hold, checked before they reach SQL, a path or a URL."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable

from .errors import InvalidInput, InvalidParameter

KEY_LIMIT = 512
TEXT_LIMIT = 1_000_000

_INTEGERS = range(-(2**63), 2**63)
_POOL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_pool_name(name: str) -> None:
    """Refuse names that do not fit into a URL or a path.

    Raises:
        InvalidParameter: With the rule.
    """
    if not _POOL_NAME.fullmatch(name):
        raise InvalidParameter(
            "not a pool name",
            field="pool",
            value=printable(name),
            mend="Use up to 100 letters, digits, dots, dashes and underscores, starting with a letter or digit",
        )


def check_id(id: str, field: str = "id") -> None:
    """Refuse ids that are no keys, or that a URL would resolve to another place.

    Raises:
        InvalidInput: With what is wrong.
    """
    check_key(field, "the id", id)
    if any(step in ("", ".", "..") for step in id.split("/")):
        raise InvalidInput(
            "an id may hold slashes, but no empty, . or .. steps between them",
            field=field,
            value=id,
            mend="Rename it",
        )


def check_key(field: str, what: str, value: str) -> None:
    """Refuse ids, labels, tags and the like that are empty, overlong or unprintable.

    Raises:
        InvalidInput: With what is wrong.
    """
    if not value or value != value.strip():
        raise InvalidInput(
            f"{what} is empty or has spaces around it", field=field, value=value, mend="Trim it"
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise InvalidInput(
            f"{what} has control characters", field=field, value=printable(value), mend="Remove them"
        )
    if len(value.encode()) > KEY_LIMIT:
        raise InvalidInput(
            f"{what} is longer than {KEY_LIMIT} bytes", field=field, value=value, mend="Use a shorter one"
        )


def check_text(field: str, text: str) -> None:
    """Refuse texts that databases cannot hold.

    Raises:
        InvalidInput: With what is wrong.
    """
    if len(text) > TEXT_LIMIT:
        raise InvalidInput(
            f"more than {TEXT_LIMIT:,} characters",
            field=field,
            value=text[:40],
            mend="Keep what a prompt can use",
        )
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput(
            "the text has NUL or half surrogate characters", field=field, mend="Save it as proper UTF-8"
        )


def check_fact(field: str, name: str, value: object) -> None:
    """Refuse metadata that filters could not compare.

    Raises:
        InvalidInput: With what is wrong.
    """
    check_key(f"{field}.{name}", "the name", name)
    if isinstance(value, str):
        check_text(f"{field}.{name}", value)
    elif not isinstance(value, bool | int | float) or not (
        value in _INTEGERS if isinstance(value, int) else math.isfinite(value)
    ):
        raise InvalidInput(
            "metadata values are strings, booleans, finite numbers or integers of 64 bits",
            field=f"{field}.{name}",
            value=value,
            mend="Flatten it",
        )


def hint(given: str, known: Iterable[str]) -> str:
    """ "Did you mean ...? " for the nearest known name, to stand before a mend; empty when none is near."""
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"Did you mean {close[0]!r}? " if close else ""


def printable(value: str) -> str:
    """A value as an error may show it, whatever it holds."""
    return value.encode("ascii", "backslashreplace").decode()
