"""Scores over shots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...metrics import Estimate
from .base import Spec, chart, colour, quantity, tooltip


class Dot(NamedTuple):
    """An arm on the chart; `k` of 0 makes it a rule across."""

    arm: str
    k: int
    score: Estimate
    baseline: bool


def shots_chart(dots: Sequence[Dot], measure: str = "accuracy", *, share: bool = True) -> Spec:
    """A line and a 95 % band for each family; arms without shots are dashed rules, labelled at the right."""
    lines = [
        {"arm": one.arm, "k": one.k, measure: one.score.value, "low": one.score.low, "high": one.score.high}
        for one in dots
        if one.k
    ]
    rules = [{"arm": one.arm, measure: one.score.value} for one in dots if not one.k]
    kinds = {one.arm: one.baseline for one in dots if one.k}
    tried = [arm for arm, baseline in kinds.items() if not baseline]
    baselines = [arm for arm, baseline in kinds.items() if baseline]
    lone = [arm for arm in kinds if sum(line["arm"] == arm for line in lines) == 1]
    x = {
        "field": "k",
        "type": "ordinal",
        "axis": {
            "title": "demonstrations in the prompt (k)",
            "labelAngle": 0,
            "grid": False,
            "labelOverlap": True,
        },
    }
    y = quantity(measure, measure, share=share)
    hue = colour("arm", tried, baselines)
    form = ".1%" if share else ".3f"
    hover = tooltip(("arm", ""), ("k", ""), (measure, form), ("low", form), ("high", form))
    band = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": hue}
    return chart(
        f"{measure} over the number of demonstrations, with 95 % intervals; the table holds the numbers.",
        340,
        layer=[
            {"data": {"values": lines}, "mark": {"type": "area", "opacity": 0.12}, "encoding": band},
            {
                "data": {"values": [line for line in lines if line["arm"] in lone]},
                "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.6},
                "encoding": band,
            },
            {
                "data": {"values": rules},
                "mark": {"type": "rule", "strokeDash": [3, 4], "opacity": 0.7},
                "encoding": {"y": y},
            },
            {
                "data": {"values": _apart(rules, measure)},
                "mark": {"type": "text", "align": "right", "dy": -6, "fontSize": 11, "opacity": 0.85},
                "encoding": {
                    "x": {"value": "width"},
                    "y": {**y, "field": "at"},
                    "text": {"field": "arm", "type": "nominal"},
                },
            },
            {
                "data": {"values": lines},
                "mark": {"type": "line", "point": {"size": 40}, "strokeWidth": 2.2},
                "encoding": {"x": x, "y": y, "color": hue, "tooltip": hover},
            },
        ],
    )


def _apart(rules: Sequence[Spec], measure: str) -> list[Spec]:
    """Labels of rules that lie closer than a line of text are joined into one."""
    found: list[Spec] = []
    for rule in sorted(rules, key=lambda one: float(one[measure])):
        if found and rule[measure] - found[-1]["at"] < _LABEL:
            found[-1] = {"arm": f"{found[-1]['arm']}, {rule['arm']}", "at": rule[measure]}
        else:
            found.append({"arm": rule["arm"], "at": rule[measure]})
    return found


_LABEL = 0.045  # of the axis, at the height of these charts
