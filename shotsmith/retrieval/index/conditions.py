"""A `Filter` as the few conditions that every engine understands."""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.filters import Filter, fact


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The field holds (or, negated, holds none of) these values. The field may be a list."""

    field: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class HasId:
    """The example id is (or, negated, is not) one of these."""

    ids: tuple[str, ...]
    negated: bool = False


Condition = AnyOf | HasId


def conditions(filter: Filter, label: str | None = None) -> tuple[Condition, ...] | None:
    """Conditions that must all hold, or None when nothing can pass.

    Args:
        filter: What the caller asked for.
        label: Additionally, a label that the example must carry.
    """
    if label is not None:
        filter = Filter(labels=(label,), also=(filter,))
    wanted: dict[str, tuple[str, ...] | None] = {
        "labels": filter.labels,
        "tags": filter.tags,
        "split": filter.splits,
        "group": filter.groups,
    }
    if filter.ids == () or any(values == () for values in wanted.values()):
        return None
    found: list[Condition] = [
        AnyOf(field, tuple(values)) for field, values in wanted.items() if values is not None
    ]
    found += [AnyOf("metadata", (fact(name, value),)) for name, value in filter.metadata.items()]
    # The empty group means "no group": it cannot be kept out.
    if groups := tuple(group for group in filter.without_groups if group):
        found.append(AnyOf("group", groups, negated=True))
    if filter.ids is not None:
        found.append(HasId(tuple(filter.ids)))
    if filter.without_ids:
        found.append(HasId(tuple(filter.without_ids), negated=True))
    for other in filter.also:
        more = conditions(other)
        if more is None:
            return None
        found.extend(more)
    return tuple(found)
