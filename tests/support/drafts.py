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
