"""The report: one HTML file that needs nothing else, on paper, on a phone and without a network."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ...domain.messages import ImagePart
from ...domain.selections import Prompt
from ...prompts.summary import summarise
from ..results import ArmResult, Comparison
from ..samples import Sample
from ..words import headline, named, percent, points, title
from .charts import shots_chart

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["render"]

_SCRIPTS = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")


def render(comparison: Comparison, samples: Sequence[Sample] = (), *, prompt: Prompt | None = None) -> str:
    """A comparison as one HTML page with everything inline.

    Args:
        comparison: What was found.
        samples: Held-out queries for the contact sheets.
        prompt: One of the prompts, to be summarised.
    """
    featured = comparison.featured
    recipe = featured.arm.recipe if featured else None
    return _template().render(
        comparison=comparison,
        headline=headline(comparison),
        featured=featured,
        families=[
            (family, [one for one in comparison.arms if one.arm.family == family])
            for family in comparison.families
        ],
        chart=_script_json(shots_chart(comparison)),
        scripts=[_static(name) for name in _SCRIPTS],
        samples=samples,
        prompt=prompt,
        prompt_text=summarise(prompt, width=96) if prompt else "",
        recipe=json.dumps(recipe.model_dump(mode="json"), indent=2, ensure_ascii=False) if recipe else "",
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "data_uri": _data_uri,
        "percent": percent,
        "points": points,
        "title": title,
        "named": named,
        "cost": _cost,
    }
    return environment.from_string((files(__name__) / "report.html.j2").read_text("utf-8"))


@cache
def _static(name: str) -> str:
    return (files(__name__) / "static" / name).read_text("utf-8")


def _script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _data_uri(image: ImagePart) -> str:
    return f"data:{image.mime};base64,{base64.b64encode(image.data).decode()}"


def _cost(result: ArmResult) -> str:
    return "unknown" if result.cost_usd is None else f"${result.cost_usd:.4f}" if result.cost_usd else "free"
