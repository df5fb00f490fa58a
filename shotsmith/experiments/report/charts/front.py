"""Quality over price."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..front import Offer
from .base import ACCENT, INK, Spec, around, chart, quantity, tooltip

_ROOM, _LINE = 0.2, 0.05  # of the axes: a label's width and height


def front_chart(offers: Sequence[Offer], measure: str, *, lower: bool = False) -> Spec | None:
    """Score over price, free arms at the left edge; None where no price tells arms apart."""
    priced = [one for one in offers if one.usd is not None]
    paid = [one.usd for one in priced if one.usd]
    if not paid:
        return None
    smallest, largest = min(paid), max(paid)
    log = largest > 4 * smallest
    free_at = smallest / 3 if log else 0.0
    values = [
        {
            "arm": one.name,
            "model": one.model,
            "score": one.score.value,
            "low": one.score.low,
            "high": one.score.high,
            "usd": one.usd or free_at,
            "price": one.usd,
            "front": "on the front" if one.best else "bettered",
        }
        for one in priced
    ]
    edge = free_at if any(not one.usd for one in priced) else smallest / 1.3
    scale: Spec = {"domain": [edge / 1.25 if log else 0, largest * 1.35], "nice": False}
    axis: Spec = {"title": "US dollars for 1,000 queries", "grid": False, "labelOverlap": True}
    if log:
        scale["type"] = "log"
        axis["values"] = [*([free_at] if edge == free_at else []), *_price_ticks(smallest, largest)]
        axis["labelExpr"] = f"datum.value <= {free_at!r} * 1.0001 ? 'free' : format(datum.value, '$~g')"
    else:
        axis["format"] = "$~g"
    x = {"field": "usd", "type": "quantitative", "scale": scale, "axis": axis}
    y = quantity("score", measure, domain=around([one.score for one in priced]))
    names = ["on the front", "bettered"]
    hue = {
        "field": "front",
        "type": "nominal",
        "scale": {"domain": names, "range": [ACCENT, "#7d8590"]},
        "legend": {"title": None, "orient": "top", "symbolType": "circle", "symbolOpacity": 1},
    }
    hover = tooltip(
        ("arm", ""), ("model", ""), ("score", ".1%"), ("low", ".1%"), ("high", ".1%"), ("price", "$,.4~f")
    )
    stairs = [] if lower else _stairs(values)
    return chart(
        "Score over the price of 1,000 queries; the table holds the numbers.",
        340,
        layer=[
            {
                "data": {"values": values},
                "mark": {"type": "rule", "opacity": 0.35},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": hue},
            },
            {
                "data": {"values": stairs},
                "mark": {"type": "line", "interpolate": "step-after", "strokeDash": [3, 3], "color": ACCENT},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": {"values": values},
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {"x": x, "y": y, "color": hue, "tooltip": hover},
            },
            {
                "data": {"values": _labels(stairs, log, *scale["domain"])},
                "mark": {
                    "type": "text",
                    "align": {"expr": "datum.align"},
                    "dx": {"expr": "datum.dx"},
                    "dy": -9,
                },
                "encoding": {
                    "x": x,
                    "y": y,
                    "text": {"condition": {"test": "width > 420", "field": "arm"}, "value": ""},
                    "color": {"value": INK},
                },
            },
        ],
    )


def _stairs(values: Sequence[Spec]) -> list[Spec]:
    """The arms that no cheaper one equals, by price."""
    found: list[Spec] = []
    for one in sorted(values, key=lambda one: (one["usd"], -one["score"])):
        if not found or one["score"] > found[-1]["score"]:
            found.append(one)
    return found


def _labels(stairs: Sequence[Spec], log: bool, low: float, high: float) -> list[Spec]:
    """Names to the left above their steps, where no arm can be; of two that would overlap the better stays."""

    def place(one: Spec) -> float:
        usd = float(one["usd"])
        return math.log(usd / low) / math.log(high / low) if log else usd / high

    kept: list[Spec] = []
    for one in sorted(stairs, key=lambda one: -one["score"]):
        if not any(place(two) - place(one) < _ROOM and two["score"] - one["score"] < _LINE for two in kept):
            edge = place(one) < _ROOM
            kept.append({**one, "align": "left" if edge else "right", "dx": 2 if edge else -4})
    return kept


def _price_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 100 else (1,) if high / low > 1e4 else (1, 3)
    return [
        round(step * 10.0**decade, 12)
        for decade in decades
        for step in steps
        if low / 1.2 <= step * 10.0**decade <= high * 1.35
    ]
