"""What every dialect makes of the same brief, byte for byte.

After a change that is meant: RENEW_GOLDEN=1 pytest tests/prompts/test_dialect_goldens.py, and read the diff.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from dialect_briefs import SOUND, TEXTS, WIDE, ZERO

from shotsmith import imaging, registry
from shotsmith.domain.messages import ImagePart, Part, TextPart
from shotsmith.prompts.dialects import Brief, open_dialect

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted({text.partition("(")[0] for text in TEXTS})
GIVEN = {part.sha256 for brief in (WIDE, ZERO) for shot in (*brief.shots, brief.query) for part in shot.media}


def plain(part: Part) -> list[str]:
    """A part for a golden file: media by hash, contact images by that of their pixels, for encoders change."""
    if isinstance(part, TextPart):
        return ["text", part.text]
    if part.sha256 in GIVEN:
        return ["audio" if part is SOUND else "image", part.mime, part.sha256]
    assert isinstance(part, ImagePart)
    pixels = imaging.decode(part.data).tobytes() if part.mime == "image/png" else b""
    return [
        "contact",
        part.mime,
        f"{part.width}x{part.height}",
        hashlib.sha256(pixels).hexdigest()[: 64 * bool(pixels)],
    ]


def rendered(text: str, brief: Brief) -> list[Any]:
    return [
        {message.role: [plain(part) for part in message.parts]}
        for message in open_dialect(text).render(brief)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_messages_are_the_golden_ones(name: str) -> None:
    texts = [text for text in TEXTS if text.partition("(")[0] == name]
    found = {
        text: {"demonstrations": rendered(text, WIDE), "zero shots": rendered(text, ZERO)} for text in texts
    }
    golden = GOLDEN / f"{name}.json"
    written = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("RENEW_GOLDEN"):
        golden.write_bytes(written.encode())
    assert written.encode() == golden.read_bytes()


def test_every_built_in_dialect_has_a_golden_file() -> None:
    ours = {
        name
        for name in registry.names("dialects")
        if registry.load("dialects", name).__module__.startswith("shotsmith.")
    }
    assert ours == set(NAMES) == {file.stem for file in GOLDEN.glob("*.json")}
