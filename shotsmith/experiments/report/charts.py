"""The chart of a comparison as a Vega-Lite specification, plain JSON."""

from __future__ import annotations

from typing import Any

from ..results import Comparison
from ..words import title

# After Okabe & Ito: told apart by colour-blind readers; at least 3:1 against white and against the dark card.
_COLOURS = ("#1b84c7", "#D55E00", "#009E73", "#CC79A7", "#8C6BB1", "#C07F00", "#3F9BA8", "#8A8A2B")
_GREYS = ("#7d8590", "#a5813d")


def shots_chart(comparison: Comparison) -> dict[str, Any]:
    """Accuracy over shots, a line and a 95 % band for each family; arms without shots are dashed rules."""
    lines = [
        {
            "arm": title(one.arm.family),
            "k": one.arm.k,
            "accuracy": one.accuracy.value,
            "low": one.accuracy.low,
            "high": one.accuracy.high,
        }
        for one in comparison.arms
        if one.arm.k
    ]
    rules = [
        {"arm": title(one.arm.family), "accuracy": one.accuracy.value}
        for one in comparison.arms
        if not one.arm.k
    ]
    kinds = {title(one.arm.family): one.arm.baseline for one in comparison.arms if one.arm.k}
    tried = [family for family, baseline in kinds.items() if not baseline]
    baselines = [family for family, baseline in kinds.items() if baseline]
    names = [*tried, *baselines]
    colours = [_COLOURS[turn % len(_COLOURS)] for turn in range(len(tried))]
    colours += [_GREYS[turn % len(_GREYS)] for turn in range(len(baselines))]
    x = {
        "field": "k",
        "type": "ordinal",
        "axis": {"title": "demonstrations in the prompt (k)", "labelAngle": 0, "grid": False},
    }
    scale = {"domain": [0, 1], "nice": False}
    y = {"field": "accuracy", "type": "quantitative", "scale": scale}
    colour = {
        "field": "arm",
        "type": "nominal",
        "sort": names,
        "scale": {"domain": names, "range": colours},
        "legend": {
            "title": None,
            "orient": "top",
            "symbolType": "stroke",
            "symbolStrokeWidth": 3,
            "symbolOpacity": 1,
        },
    }
    hover = [
        {"field": "arm", "type": "nominal"},
        {"field": "k", "type": "ordinal"},
        *({"field": name, "type": "quantitative", "format": ".1%"} for name in ("accuracy", "low", "high")),
    ]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": "Accuracy over the number of demonstrations, with 95 % intervals; the table holds the numbers.",
        "width": "container",
        "height": 340,
        "layer": [
            {
                "data": {"values": lines},
                "mark": {"type": "area", "opacity": 0.12},
                "encoding": {
                    "x": x,
                    "y": {
                        **y,
                        "field": "low",
                        "axis": {"title": "accuracy", "format": ".0%", "tickCount": 6},
                    },
                    "y2": {"field": "high"},
                    "color": colour,
                },
            },
            {
                "data": {"values": rules},
                "mark": {"type": "rule", "strokeDash": [3, 4], "opacity": 0.7},
                "encoding": {"y": y},
            },
            {
                "data": {"values": rules},
                "mark": {"type": "text", "align": "right", "dy": -6, "fontSize": 11, "opacity": 0.85},
                "encoding": {"x": {"value": "width"}, "y": y, "text": {"field": "arm", "type": "nominal"}},
            },
            {
                "data": {"values": lines},
                "mark": {"type": "line", "point": {"size": 40}, "strokeWidth": 2.2},
                "encoding": {"x": x, "y": y, "color": colour, "tooltip": hover},
            },
        ],
    }
