"""The documentation's pages and the examples in them.

Every fenced block is marked with its language. `python` and `sh` are run, from the top of a page to its end, in one
directory and one Python namespace a page. `<!-- not run: reason -->` right before a block exempts it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = {"python", "sh", "json", "yaml", "toml", "text"}

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>.*)\n(?P<code>(?s:.*?))^```$", re.M
)


@dataclass(frozen=True, slots=True)
class Block:
    """An example.

    Attributes:
        place: Its page and line.
        language: As marked.
        code: Its text.
        reason: Why it is not run; None when it is.
    """

    place: str
    language: str
    code: str
    reason: str | None


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, from the top."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            place=f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, found.start('language')) + 1}",
            language=found["language"],
            code=found["code"],
            reason=found["reason"],
        )
        for found in _BLOCK.finditer(text)
    ]


def name(page: Path) -> str:
    """A page's path in the repository."""
    return str(page.relative_to(ROOT))
