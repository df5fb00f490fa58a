"""Which examples a selection may consider; every index translates this one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .scoring import canonical_json


def fact(name: str, value: object) -> str:
    """A metadata value as text; two values are equal exactly when their facts are.

    Numbers compare by value, so 1 equals 1.0; a bool is no number, so True does not equal 1.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return canonical_json([name, value]).decode()


@dataclass(frozen=True, slots=True)
class Filter:
    """A conjunction of conditions. `None` means "no condition"; an empty tuple matches nothing.

    Attributes:
        labels: Any of the example's labels is one of these.
        tags: Any of the example's tags is one of these.
        splits: The split is one of these; the empty string stands for "no split given".
        groups: The group is one of these.
        ids: The id is one of these.
        without_ids: The id is none of these.
        without_groups: The group is none of these.
        metadata: Each named metadata value equals the given one, in the sense of `fact`.
        also: Further filters that must all hold.
    """

    labels: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    splits: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    without_ids: tuple[str, ...] = ()
    without_groups: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[Filter, ...] = ()

    def matches(self, id: str, payload: Mapping[str, Any]) -> bool:
        """Whether a point passes: the reference meaning that every index is tested against.

        Args:
            id: The example id.
            payload: `labels`, `tags` (lists), `split`, `group` (strings, empty for none), `metadata` (mapping).
        """
        if self.ids is not None and id not in self.ids:
            return False
        if id in self.without_ids:
            return False
        if self.labels is not None and not set(self.labels) & set(payload["labels"]):
            return False
        if self.tags is not None and not set(self.tags) & set(payload["tags"]):
            return False
        if self.splits is not None and payload["split"] not in self.splits:
            return False
        if self.groups is not None and payload["group"] not in self.groups:
            return False
        if payload["group"] and payload["group"] in self.without_groups:
            return False
        given = payload["metadata"]
        if not all(
            name in given and fact(name, given[name]) == fact(name, value)
            for name, value in self.metadata.items()
        ):
            return False
        return all(other.matches(id, payload) for other in self.also)
