"""Small random pools for exports: missing modalities, several images, shared images, any text."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st
from pictures import encoded, picture

from shotsmith.domain.examples import Draft, ImageFile

RECIPES = [
    "rices(k=3)",
    "rices(modality=text,k=20)|similar_first",
    "random(k=4)|random",
    "modality(k=3)",
    "balanced(k=4)",
    "rices(k=3)|text_only",
    "random_fixed(k=2)|with(evaluation=true)",
    "none",
]


@cache
def image(number: int) -> ImageFile:
    """One of a few images; some are JPEG, and one is too large for a prompt."""
    if number % 3 == 2:
        return ImageFile(f"{number}.jpg", encoded(picture(number, hue=number), "JPEG", quality=80))
    return ImageFile(f"{number}.png", encoded(picture(number, hue=number, side=600 if number == 3 else 24)))


def texts(**options: Any) -> st.SearchStrategy[str]:
    """Any text that a pool may hold."""
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), **options)


def keys() -> st.SearchStrategy[str]:
    """Any key that a pool may hold."""
    letters = st.characters(exclude_categories=["Cs", "Cc"])
    return st.text(letters, min_size=1, max_size=8).map(str.strip).filter(bool)


_FACTS = st.one_of(
    texts(max_size=6),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)


@st.composite
def drafts(draw: st.DrawFn) -> list[Draft]:
    """The drafts of one pool of kind "open"; every image and some texts occur more than once."""
    found = []
    for number in range(draw(st.integers(2, 9))):
        images = tuple(image(one) for one in draw(st.lists(st.integers(0, 4), max_size=2)))
        text = draw(texts(max_size=12))
        answer = draw(texts(max_size=6))
        labels = draw(st.lists(keys(), min_size=0 if answer else 1, max_size=2, unique=True))
        if not images and not text.strip():
            text = f"only words {number}"
        found.append(
            Draft(
                where=f"draft {number}",
                id=f"é/{number}",
                images=images,
                text=text,
                answer=answer,
                labels=tuple(labels),
                group=draw(st.none() | st.sampled_from(["g", "Gruppe ü"])),
                split=draw(st.sampled_from([None, "train", "test"])),
                tags=tuple(draw(st.lists(keys(), max_size=2, unique=True))),
                metadata=draw(st.dictionaries(keys(), _FACTS, max_size=3)),
            )
        )
    return found
