"""`shotsmith prompt --explain`: what a prompt takes of its model's limits, what was done to fit, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {"error": "bold red", "warning": "yellow", "advice": "cyan"}


def explained(manifest: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Tables and lines for a terminal, from a manifest."""
    from rich.markup import escape

    model = manifest["model"]
    if model is None:
        yield "For no model in particular: only the recipe's own budget binds, and tokens are careful guesses."
    else:
        known = "" if model["known"] else ", of which nothing is known"
        yield f"For [bold]{escape(model['name'])}[/]{known}"
    yield _shots(manifest)
    yield _limits(manifest)
    yield from _money(manifest)
    for flag in manifest["flags"]:
        yield f"[yellow]note:[/] {escape(flag)}"
    for one in manifest["lint"]:
        yield f"[{_STYLES[one['level']]}]{one['level']}:[/] {escape(one['what'])}. {escape(one['mend'])}."
    if model is not None and not manifest["lint"]:
        yield "[green]nothing that the model is known to reject[/]"


def _shots(manifest: Mapping[str, Any]) -> RenderableType:
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "", "id", "rank", "images", "bytes", "tokens", "what became of it", box=None, header_style="bold"
    )
    for number in (2, 4, 5):
        table.columns[number].justify = "right"
    query = {**manifest["query"], "id": manifest["query"]["id"] or "the query", "rank": ""}
    shown = manifest["demonstrations"]
    rows = [
        *((one["position"], one, "the same for every query" if one["fixed"] else "shown") for one in shown),
        *(("", one, f"dropped: {one['reason']}") for one in manifest["dropped"]),
        ("", query, "asked"),
    ]
    for position, one, became in rows:
        images = one.get("images", ())
        table.add_row(
            str(position),
            escape(one["id"]),
            str(one["rank"]),
            " ".join(f"{image['width']}x{image['height']}" for image in images if "width" in image),
            f"{sum(image['bytes'] for image in images):,}" if images else "",
            f"{one['tokens']:,}" if "tokens" in one else "",
            escape(became),
        )
    return table


def _limits(manifest: Mapping[str, Any]) -> RenderableType:
    from rich.markup import escape
    from rich.table import Table

    tokens, counts, limits = manifest["tokens"], manifest["counts"], manifest["budget"]["limits"]
    used = {
        "images": counts["images"],
        "image_bytes": counts["image_bytes"],
        "tokens": tokens["total"] + tokens["margin"],
    }
    table = Table("", "used", "allowed", "by", box=None, header_style="bold")
    for number in (1, 2):
        table.columns[number].justify = "right"
    for name, label in (("images", "images"), ("image_bytes", "bytes of images"), ("tokens", "tokens")):
        limit = limits.get(name)
        table.add_row(
            label,
            f"{used[name]:,}",
            f"{limit['value']:,}" if limit else "any",
            escape(limit["by"]) if limit else "",
        )
    table.caption = (
        f"tokens: {tokens['text']:,} text, {tokens['images']:,} images, {tokens['overhead']:,} around them; "
        f"{tokens['total']:,} expected and {tokens['margin']:,} to be sure ({tokens['how']})"
    )
    table.caption_justify = "left"
    return table


def _money(manifest: Mapping[str, Any]) -> Iterator[str]:
    cost, cache = manifest["cost_usd"], manifest["cache"]
    if cost is not None:
        yield f"about ${cost:.6f} a call with its answer, without any cache"
    if cache is not None and manifest["model"] is not None:
        yield (
            f"the same for every query up to turn {cache['turn'] + 1}, part {cache['part'] + 1}: "
            f"{cache['tokens']:,} tokens, sha256 {cache['sha256'][:12]}"
        )
