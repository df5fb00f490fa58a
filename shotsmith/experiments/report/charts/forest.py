"""Intervals around a neutral value."""

from __future__ import annotations

from collections.abc import Sequence

from ...advisor import Evidence
from .base import ACCENT, SOFT, Spec, chart, tooltip


def forest(evidence: Sequence[Evidence], neutral: float, title: str) -> Spec:
    """An interval a row, with a rule where nothing is said."""
    values = [
        {"name": told(one), "value": one.value, "low": one.low, "high": one.high, "says": one.says}
        for one in evidence
    ]
    ends = [neutral, *(end for one in evidence for end in (one.low, one.high))]
    low, high = min(ends), max(ends)
    ratio = neutral == 1 and low > 0
    pad = 1.15 if ratio else 0.08 * (high - low or 1)
    scale: Spec = {"domain": [low / pad, high * pad] if ratio else [low - pad, high + pad], "nice": False}
    axis: Spec = {"title": title, "tickCount": 4, "labelOverlap": True}
    if ratio:
        scale["type"] = "log"
        axis |= {"values": _ratio_ticks(low / pad, high * pad), "format": "~g"}
    else:
        axis["labelExpr"] = "datum.value == 0 ? '0' : format(datum.value, '+.0%')"
    x = {"field": "value", "type": "quantitative", "scale": scale, "axis": axis}
    y = {
        "field": "name",
        "type": "nominal",
        "sort": [one["name"] for one in values],
        "axis": {"title": None, "labelLimit": 190, "domain": False, "ticks": False},
    }
    form = ".2f" if ratio else "+.1%"
    hover = tooltip(("name", ""), ("value", form), ("low", form), ("high", form), ("says", ""))
    return chart(
        f"{title} with 95 % intervals; the table holds the numbers.",
        26 * len(values) + 10,
        layer=[
            {
                "data": {"values": [{"at": neutral}]},
                "mark": {"type": "rule", "strokeDash": [3, 3], "color": SOFT},
                "encoding": {"x": {**x, "field": "at"}},
            },
            {
                "data": {"values": values},
                "mark": {"type": "rule", "strokeWidth": 2, "color": ACCENT},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y},
            },
            {
                "data": {"values": values},
                "mark": {"type": "point", "filled": True, "size": 70, "color": ACCENT, "opacity": 1},
                "encoding": {"x": x, "y": y, "tooltip": hover},
            },
        ],
    )


def told(one: Evidence) -> str:
    """Its name, with the modality where there is one."""
    return f"{one.name} by {one.modality}" if one.modality and one.modality not in one.name else one.name


def _ratio_ticks(low: float, high: float) -> list[float]:
    nice = (0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)
    inside = [one for one in nice if low <= one <= high]
    return inside if len(inside) <= 7 else [one for one in inside if one in (0.1, 0.33, 1, 3, 10, 50)]
