"""Perturbations: what a selection would be if one thing about it were different.

Each is a frozen pydantic model whose fields are its parameters, and a pure function from a selection to a new one. As
text they are written like stages and read from left to right:

    perturb(selection, "remove(of=images)|shuffle_labels(share=0.25)")

What changes with images, texts and answers, one at a time, tells what a model reads (Xu et al., arXiv 2407.00902);
what changes with labels, whether it learns them (Min et al., arXiv 2202.12837); with distractors and places, what it
can be led astray by (SMMILE, arXiv 2506.21355; Liu et al., arXiv 2307.03172); what the most similar ones are worth,
whether it learns from similar samples or from all of them (Zou et al., arXiv 2411.07130).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...domain.errors import UnknownName
from ...domain.names import hint
from ...domain.recipe_text import read_segments
from ...domain.selections import Selection
from .base import Changed, Others, Perturbation
from .content import Blank, Permute, Remove, Swap
from .labels import ShuffleLabels
from .places import Distract, Place, sweep
from .regime import Duplicated, Replaced, Without

PERTURBATIONS: Mapping[str, type[Perturbation]] = {
    one.name: one
    for one in (
        *(Blank, Distract, Duplicated, Permute, Place, Remove, Replaced, ShuffleLabels, Swap),
        Without,
    )
}


def read_perturbations(text: str) -> tuple[Perturbation, ...]:
    """Perturbations from their text form, in the order in which they apply.

    Raises:
        UnknownName: With the nearest names.
        InvalidParameter: What cannot be read, or a parameter out of range.
    """
    found = []
    for segment in read_segments(text):
        kind = PERTURBATIONS.get(segment.name)
        if kind is None:
            known = sorted(PERTURBATIONS)
            raise UnknownName(
                "unknown perturbation",
                field="perturbations",
                value=segment.name,
                mend=f"{hint(segment.name, known)}Known: {', '.join(known)}",
            )
        found.append(kind.read(segment.arguments, segment.name))
    return tuple(found)


def perturb(
    selection: Selection,
    perturbations: str | Sequence[Perturbation],
    *,
    seed: int | None = None,
    others: Others | None = None,
) -> Selection:
    """Apply perturbations one after the other; arguments and errors as `Perturbation.apply`."""
    for one in read_perturbations(perturbations) if isinstance(perturbations, str) else perturbations:
        selection = one.apply(selection, seed=seed, others=others)
    return selection


__all__ = [
    "PERTURBATIONS",
    "Blank",
    "Changed",
    "Distract",
    "Duplicated",
    "Others",
    "Permute",
    "Perturbation",
    "Place",
    "Remove",
    "Replaced",
    "ShuffleLabels",
    "Swap",
    "Without",
    "perturb",
    "read_perturbations",
    "sweep",
]
