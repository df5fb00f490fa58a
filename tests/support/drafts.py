"""Examples for tests."""

from __future__ import annotations

from typing import Any

from pictures import encoded, picture

from shotsmith.domain.examples import Draft, ImageFile


def draft(number: int, label: int, **fields: Any) -> Draft:
    """An example whose picture's hue shows its label."""
    image = ImageFile(f"{number}.png", encoded(picture(number, hue=label)))
    given: dict[str, Any] = {
        "id": f"e{number:03d}",
        "images": (image,),
        "text": f"thing {number}",
        "labels": (f"class {label}",),
    }
    return Draft(where=f"test {number}", **{**given, **fields})


def rich_drafts(count: int) -> list[Draft]:
    """Examples of every kind: several pictures or none, texts or none, several labels, groups, splits and metadata."""
    words = ["red", "blue", "green", "old", "new", "кот"]
    drafts = []
    for number in range(count):
        label = number % 4
        images = [] if number % 7 == 3 else [number, number + 500][: 1 + (number % 5 == 0)]
        text = (
            f"{words[number % 6]} thing {words[number * 5 % 6]} {number % 9}"
            if number % 6 != 1 or not images
            else ""
        )
        drafts.append(
            draft(
                number,
                label,
                images=tuple(ImageFile(f"{one}.png", encoded(picture(one, hue=label))) for one in images),
                text=text,
                labels=(f"class {label}", "odd") if number % 8 == 5 else (f"class {label}",),
                group=f"g{number % 10}" if number % 3 else None,
                split="test" if number % 11 == 10 else "train" if number % 2 else None,
                metadata={"site": "AB"[number % 2], "device": number % 3} if number % 4 else {},
            )
        )
    return drafts
