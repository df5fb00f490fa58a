"""What all charts have in common: plain Vega-Lite, whose inks are variables of the page and follow its theme."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...metrics import Estimate

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
INK, SOFT, LINE = "var(--ink)", "var(--soft)", "var(--line)"

# After Okabe & Ito: told apart by colour-blind readers; at least 3:1 against white and against the dark card.
_COLOURS = ("#1b84c7", "#D55E00", "#009E73", "#CC79A7", "#8C6BB1", "#C07F00", "#3F9BA8", "#8A8A2B")
_GREYS = ("#7d8590", "#a5813d", "#5f7f6f", "#8f6f86")
ACCENT = _COLOURS[0]


def chart(description: str, height: int | Spec, **rest: Any) -> Spec:
    """A chart as wide as its place. The description is read to those who do not see it."""
    return {"$schema": SCHEMA, "description": description, "width": "container", "height": height, **rest}


def colours(tried: Sequence[str], baselines: Sequence[str] = ()) -> Spec:
    """A scale: colours for what is tried, greys for what it is compared with."""
    chosen = [_COLOURS[turn % len(_COLOURS)] for turn in range(len(tried))]
    chosen += [_GREYS[turn % len(_GREYS)] for turn in range(len(baselines))]
    return {"domain": [*tried, *baselines], "range": chosen}


def colour(field: str, tried: Sequence[str], baselines: Sequence[str] = ()) -> Spec:
    """The colour channel with its legend above the chart; no legend for a single name."""
    legend = {
        "title": None,
        "orient": "top",
        "symbolType": "stroke",
        "symbolStrokeWidth": 3,
        "symbolOpacity": 1,
        "labelLimit": 260,
    }
    names = [*tried, *baselines]
    return {
        "field": field,
        "type": "nominal",
        "sort": names,
        "scale": colours(tried, baselines),
        "legend": legend if len(names) > 1 else None,
    }


def quantity(field: str, title: str, *, share: bool = True, domain: Sequence[float] | None = None) -> Spec:
    """A quantitative channel; shares are written in percent and lie from 0 to 1."""
    axis: Spec = {"title": title, "tickCount": 6}
    if share:
        axis["format"] = ".0%"
    bounds = domain if domain is not None else [0, 1] if share else None
    scale: Spec = {"domain": list(bounds), "nice": False} if bounds is not None else {"zero": False}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def around(scores: Sequence[Estimate]) -> tuple[float, float]:
    """The tenths around all intervals, from 0 to 1, so that near curves can be told apart."""
    low = math.floor(10 * min(one.low for one in scores)) / 10
    high = math.ceil(10 * max(one.high for one in scores)) / 10
    return (max(0.0, low), max(1.0, high)) if high > 1 else (max(0.0, min(low, high - 0.2)), high)


def tooltip(*fields: tuple[str, str]) -> list[Spec]:
    """What a pointer reads: names of fields with a number format, empty for text."""
    return [
        {"field": name, "type": "quantitative", "format": form}
        if form
        else {"field": name, "type": "nominal"}
        for name, form in fields
    ]
