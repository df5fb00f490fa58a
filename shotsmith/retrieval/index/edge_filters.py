"""Conditions in Qdrant Edge's words."""

from __future__ import annotations

from collections.abc import Sequence

import qdrant_edge as edge

from .conditions import AnyOf, Condition
from .payloads import point_key


def edge_filter(wanted: Sequence[Condition]) -> edge.Filter | None:
    """One filter for all conditions; None when there are none."""
    if not wanted:
        return None
    return edge.Filter(
        must=[_translated(condition) for condition in wanted if not condition.negated],
        must_not=[_translated(condition) for condition in wanted if condition.negated],
    )


def _translated(condition: Condition) -> edge.FieldCondition | edge.HasIdCondition:
    if isinstance(condition, AnyOf):
        return edge.FieldCondition(condition.field, match=edge.MatchAny(list(condition.values)))
    return edge.HasIdCondition({point_key(id) for id in condition.ids})
