"""Scores over shots by regime and over depth, and what confidence is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...metrics import Bin, accuracy
from ..behaviour import Depth
from ..regime import Spot
from ..sureness import Sureness
from .base import ACCENT, SOFT, Spec, around, chart, colour, quantity, tooltip


def regime_chart(spots: Sequence[Spot], measure: str) -> Spec:
    """Curves of similar samples against curves of many; those of all samples are dashed."""
    curves = list(dict.fromkeys(_curve(one, spots) for one in spots))
    values = [
        {
            "curve": _curve(one, spots),
            "side": "similar samples" if one.side == "similar" else "all or balanced samples",
            "k": one.k,
            "score": one.score.value,
            "low": one.score.low,
            "high": one.score.high,
        }
        for one in spots
    ]
    ks = sorted({one.k for one in spots})
    x = {
        "field": "k",
        "type": "quantitative",
        "scale": {"type": "log", "base": 2, "domain": [ks[0], max(ks[-1], ks[0] * 2)], "nice": False},
        "axis": {
            "title": "demonstrations in the prompt (k)",
            "values": ks,
            "labelFlush": False,
            "format": "d",
            "grid": False,
            "labelOverlap": True,
        },
    }
    y = quantity("score", measure, domain=around([one.score for one in spots]))
    hue = colour("curve", curves)
    dash = {
        "field": "side",
        "type": "nominal",
        "scale": {"domain": ["similar samples", "all or balanced samples"], "range": [[1, 0], [6, 4]]},
        "legend": None,
    }
    hover = tooltip(
        ("curve", ""), ("side", ""), ("k", "d"), ("score", ".1%"), ("low", ".1%"), ("high", ".1%")
    )
    return chart(
        "Scores of similar samples against scores of all or balanced samples; the table holds the numbers.",
        320,
        layer=[
            {
                "mark": {"type": "area", "opacity": 0.1},
                "encoding": {
                    "x": x,
                    "y": {**y, "field": "low"},
                    "y2": {"field": "high"},
                    "color": hue,
                    "detail": {"field": "side"},
                },
            },
            {
                "mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.5},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": hue},
            },
            {
                "mark": {"type": "line", "point": {"size": 45}, "strokeWidth": 2.2},
                "encoding": {"x": x, "y": y, "color": hue, "strokeDash": dash, "tooltip": hover},
            },
        ],
        data={"values": values},
    )


def _curve(spot: Spot, spots: Sequence[Spot]) -> str:
    several = len({one.model for one in spots}) > 1
    return f"{spot.curve}, {spot.model}" if several else spot.curve


def depth_chart(depths: Sequence[Depth], measure: str) -> Spec:
    """The score over the depth of one demonstration."""
    curves = list(dict.fromkeys(one.curve for one in depths))
    values = [
        {
            "curve": one.curve,
            "depth": one.depth,
            "score": one.score.value,
            "low": one.score.low,
            "high": one.score.high,
        }
        for one in depths
    ]
    x = {
        "field": "depth",
        "type": "quantitative",
        "scale": {"domain": [0, 1]},
        "axis": {
            "title": "depth (100 %: next to the query)",
            "format": ".0%",
            "values": [0, 0.25, 0.5, 0.75, 1],
            "labelFlush": False,
            "grid": False,
        },
    }
    y = quantity("score", measure, domain=around([one.score for one in depths]))
    hue = colour("curve", curves)
    hover = tooltip(("curve", ""), ("depth", ".0%"), ("score", ".1%"), ("low", ".1%"), ("high", ".1%"))
    return chart(
        "Score over the depth at which one demonstration stands; the table holds the numbers.",
        300,
        data={"values": values},
        layer=[
            {
                "mark": {"type": "area", "opacity": 0.12},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": hue},
            },
            {
                "mark": {"type": "line", "point": {"size": 45}, "strokeWidth": 2.2},
                "encoding": {"x": x, "y": y, "color": hue, "tooltip": hover},
            },
        ],
    )


def reliability_chart(bins: Sequence[Bin]) -> Spec:
    """The share that is right over how sure the model was; on the diagonal both are the same."""
    values = []
    for one in bins:
        right = round(one.accuracy * one.items)
        share = accuracy([True] * right + [False] * (one.items - right))
        values.append(
            {
                "sure": one.confidence,
                "right": share.value,
                "low": share.low,
                "high": share.high,
                "items": one.items,
            }
        )
    x, y = quantity("sure", "confidence"), quantity("right", "share that is right")
    hover = tooltip(("sure", ".1%"), ("right", ".1%"), ("items", "d"))
    return chart(
        "Share of right answers over confidence, by bins, with 95 % intervals; the table holds the numbers.",
        300,
        layer=[
            {
                "data": {"values": [{"sure": 0, "right": 0}, {"sure": 1, "right": 1}]},
                "mark": {"type": "line", "strokeDash": [3, 4], "color": SOFT},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": {"values": values},
                "mark": {"type": "rule", "color": ACCENT, "opacity": 0.4},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": values},
                "mark": {"type": "point", "filled": True, "color": ACCENT, "opacity": 0.9},
                "encoding": {
                    "x": x,
                    "y": y,
                    "size": {
                        "field": "items",
                        "type": "quantitative",
                        "scale": {"range": [40, 220], "zero": False},
                        "legend": None,
                    },
                    "tooltip": hover,
                },
            },
        ],
    )


def risk_chart(arms: Sequence[Sureness]) -> Spec:
    """What is wrong among the surest answers."""
    values = [
        {"arm": one.name, "coverage": coverage, "risk": risk}
        for one in arms
        for coverage, risk in _thinned(one.risk.coverage, one.risk.risk)
    ]
    x = quantity("coverage", "share answered, the surest first")
    worst = max([max(one.risk.risk) for one in arms], default=0.0)
    y = quantity("risk", "share of these wrong", domain=(0, min(1.0, math.ceil(10 * worst + 0.5) / 10)))
    hue = colour("arm", [one.name for one in arms])
    if hue["legend"]:
        hue["legend"]["columns"] = 2
    hover = tooltip(("arm", ""), ("coverage", ".1%"), ("risk", ".1%"))
    return chart(
        "Share of wrong answers among the surest ones; the table holds the numbers.",
        300,
        data={"values": values},
        mark={"type": "line", "strokeWidth": 2, "interpolate": "linear"},
        encoding={"x": x, "y": y, "color": hue, "tooltip": hover},
    )


def _thinned(xs: Sequence[float], ys: Sequence[float], most: int = 200) -> list[tuple[float, float]]:
    pairs = list(zip(xs, ys, strict=True))
    if len(pairs) <= most:
        return pairs
    return [pairs[round(place * (len(pairs) - 1) / (most - 1))] for place in range(most)]
