"""A prompt as a short text for people."""

from __future__ import annotations

from ..domain.messages import AudioPart, ImagePart, Part
from ..domain.selections import Prompt


def summarise(prompt: Prompt, *, width: int = 100) -> str:
    """One line a part: the turn's role, then an image with its size, or as much of a text as fits.

    Below the turns come the totals and, where there are any, what was dropped and the flags.

    Args:
        prompt: A built prompt.
        width: Longest line, characters; at least 40.
    """
    lines = []
    for turn, message in enumerate(prompt.messages, start=1):
        for part in message.parts:
            head = f"{turn:>3}  {message.role:<9}  "
            lines.append(head + _line(part, max(width, 40) - len(head)))
    counts = prompt.manifest["counts"]
    lines.append(
        f"{counts['turns']} turns, {counts['images']} images ({counts['image_bytes']:,} bytes), "
        f"{counts['text_characters']:,} characters, sha256 {prompt.manifest['prompt_sha256'][:12]}"
    )
    lines += [
        f"dropped {one['id']} (rank {one['rank']}): {one['reason']}" for one in prompt.manifest["dropped"]
    ]
    lines += [f"note: {flag}" for flag in prompt.manifest["flags"]]
    return "\n".join(lines)


def _line(part: Part, room: int) -> str:
    if isinstance(part, AudioPart):
        return f"[{part.mime} {part.seconds:.1f} s, {len(part.data):,} bytes]"
    if isinstance(part, ImagePart):
        return f"[{part.mime} {part.width} x {part.height}, {len(part.data):,} bytes]"
    text = " ⏎ ".join(part.text.splitlines())
    return text if len(text) <= room else f"{text[: room - 1]}…"
