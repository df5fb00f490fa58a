"""Pages with everything inline."""

from __future__ import annotations

import base64
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ...domain.messages import ImagePart
from ..words import capital, chance, money, named, named_arm, percent, points, signed, title

if TYPE_CHECKING:
    from jinja2 import Environment

_SCRIPTS = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")


def page(template: str, **values: Any) -> str:
    """A page from a template of this package. Text of users is escaped."""
    scripts = [_read(f"static/{name}") for name in _SCRIPTS]
    made = _environment().get_template(template).render(scripts=scripts, **values)
    # Half a surrogate pair, which a model may say, is no text that a file could hold.
    return made.encode("utf-8", "replace").decode()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(lambda name: _read(f"templates/{name}")),
    )
    made.filters |= {
        "data_uri": _data_uri,
        "script_json": _script_json,
        "percent": percent,
        "points": points,
        "title": title,
        "named": named,
        "named_arm": named_arm,
        "money": money,
        "chance": chance,
        "signed": signed,
        "capital": capital,
    }
    return made


@cache
def _read(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")


def _script_json(value: Any) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
    return Markup(text)  # noqa: S704 - data of a script element, which cannot be ended


def _data_uri(image: ImagePart) -> str:
    return f"data:{image.mime};base64,{base64.b64encode(image.data).decode()}"
