"""Writes the generated parts of the documentation: settings, endpoints, commands and selectors.

    python scripts/update_docs.py            write them
    python scripts/update_docs.py --check    exit 1 when a page is out of date

A generated part stands between `<!-- generated: NAME -->` and `<!-- /generated: NAME -->`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from typer.main import get_command

from shotsmith.cli import app as command_line
from shotsmith.selectors import Description, describe
from shotsmith.service.app import create_app
from shotsmith.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "docs" / "data" / "selectors_on_clipart.json"
SPEED = ROOT / "docs" / "data" / "selectors_speed.json"
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated: \2 -->)", re.S)


def pages() -> list[Path]:
    """README and everything in docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def renewed(page: str) -> str:
    """A page with its generated parts as they should be."""
    return PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}\n{found[3]}", page)


def settings() -> str:
    """One row a setting."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "–" if field.default is None else f"`{field.default}`"
        rows.append((f"`SHOTSMITH_{name.upper()}`", default, field.description or ""))
    return _table(("variable", "default", "meaning"), rows)


def endpoints() -> str:
    """One row an endpoint, as the OpenAPI document has them."""
    rows = [
        (f"`{method.upper()} {path}`", " ".join(operation["description"].split()))
        for path, methods in create_app().openapi()["paths"].items()
        for method, operation in methods.items()
    ]
    return _table(("endpoint", "what it does"), rows)


def commands() -> str:
    """One section a command: how it is called, what it does, its options."""
    root: Any = get_command(command_line)
    sections = [_section("shotsmith", root)]
    sections += [_section(name, command) for name, command in _leaves(root, "shotsmith")]
    return "\n\n".join(sections)


def selectors() -> str:
    """One row a selector or stage, with what was measured of it as it comes."""
    first: dict[str, Any] = {}
    for row in _measured()["recipes"].values():
        first.setdefault(row["of"], row)
    rows = []
    for one in describe():
        assert one.card, one.name
        name = f"[`{one.name}`](#{one.name})" + (" (stage)" if one.stage else "")
        rows.append((name, one.summary, *one.card, _accuracy(first[one.name])))
    return _table(("name", "idea", "paper", "cost", "when to use", "when not", "accuracy"), rows)


def measured() -> str:
    """One row a recipe that was measured, best first."""
    rows = []
    for text, row in sorted(_measured()["recipes"].items(), key=lambda pair: (-pair[1]["accuracy"], pair[0])):
        share = row["right_label_share"]
        rows.append(
            (
                f"`{text}`",
                _accuracy(row),
                f"{row['right_label_shown']:.1%}",
                "–" if share is None else f"{share:.1%}",
                f"{row['shots']:g}",
            )
        )
    return _table(
        ("recipe", "accuracy", "right label among them", "share with the right label", "shots"), rows
    )


def speed() -> str:
    """One row a recipe that was timed: beside RICES, or its one plan."""
    timed = json.loads(SPEED.read_text(encoding="utf-8"))
    rows = [
        (
            f"`{text}`",
            f"{row['p50_ms']:.1f} ms",
            f"{row['ratio_to_rices']:.1f} (bound {row['bound']:.0f})",
            "–",
        )
        for text, row in timed["query_dependent"].items()
    ]
    rows += [
        (
            f"`{text}`",
            f"{row['then_ms']:.1f} ms",
            "–",
            f"{row['plan_s']:.0f} s, {row['grown_mb']:.0f} MB more",
        )
        for text, row in timed["query_independent"].items()
    ]
    return _table(("recipe", "a query, p50", "times RICES", "once per pool version"), rows)


def reference() -> str:
    """One section a selector or stage: how it works and its parameters."""
    return "\n\n".join(_told(one) for one in describe())


PARTS = {
    "settings": settings,
    "endpoints": endpoints,
    "commands": commands,
    "selectors": selectors,
    "measured": measured,
    "speed": speed,
    "reference": reference,
}


def _measured() -> Any:
    return json.loads(MEASURED.read_text(encoding="utf-8"))


def _accuracy(row: Any) -> str:
    return f"{row['accuracy']:.1%} ({row['low']:.1%} to {row['high']:.1%})"


def _told(one: Description) -> str:
    parts = [f"### {one.name}", one.summary, *one.details.splitlines()]
    if one.parameters:
        rows = [
            (
                f"`{known.name}`",
                f"`{known.type}`",
                "required" if known.required else f"`{json.dumps(known.default, ensure_ascii=False)}`",
                known.description,
            )
            for known in one.parameters
        ]
        parts.append(_table(("parameter", "type", "default", "meaning"), rows))
    return "\n\n".join(parts)


def _leaves(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        path = f"{prefix} {name}"
        if hasattr(command, "commands"):
            yield from _leaves(command, path)
        else:
            yield path, command


def _section(name: str, command: Any) -> str:
    shown = [known for known in command.params if known.name not in _EVERYWHERE]
    arguments = [known.name.upper() for known in shown if known.param_type_name == "argument"]
    then = ["COMMAND ..."] if hasattr(command, "commands") else []
    usage = " ".join([name, *["[OPTIONS]"][: len(shown) > len(arguments)], *arguments, *then])
    parts = [f"## {name}", f"    {usage}", " ".join((command.help or "").split())]
    if shown:
        parts.append(_table(("parameter", "default", "meaning"), [_row(known) for known in shown]))
    return "\n\n".join(parts)


# Completion and help are typer's own, the same in every program.
_EVERYWHERE = {"help", "install_completion", "show_completion"}


def _row(known: Any) -> tuple[str, str, str]:
    names = ", ".join([*known.opts, *known.secondary_opts])
    if known.param_type_name == "argument":
        names = known.name.upper()
    default = known.show_default if isinstance(known.show_default, str) else known.default
    if known.required:
        shown = "required"
    else:
        shown = "–" if default is None or default is False or default == "" else f"`{default}`"
    meaning = known.help or ""
    annotation = known.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        meaning += f" One of {', '.join(f'`{choice}`' for choice in get_args(annotation))}."
    return f"`{names}`", shown, meaning


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> int:
    """Write or check every page."""
    stale = []
    for path in pages():
        page = path.read_text(encoding="utf-8")
        if (fresh := renewed(page)) != page:
            stale.append(path.relative_to(ROOT))
            if "--check" not in sys.argv:
                path.write_text(fresh, encoding="utf-8")
    for path in stale:
        print(f"{'out of date' if '--check' in sys.argv else 'written'}: {path}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
