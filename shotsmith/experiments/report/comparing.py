"""The report of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.selections import Prompt
from ...prompts.summary import summarise
from ..results import ArmResult, Comparison
from ..samples import Sample
from ..words import headline, title
from .charts.shots import Dot, shots_chart
from .page import page


def render(comparison: Comparison, samples: Sequence[Sample] = (), *, prompt: Prompt | None = None) -> str:
    """A comparison as one HTML page with everything inline.

    Args:
        comparison: What was found.
        samples: Held-out queries for the contact sheets.
        prompt: One of the prompts, to be summarised.
    """
    featured = comparison.featured
    recipe = featured.arm.recipe if featured else None
    return page(
        "comparison.html.j2",
        comparison=comparison,
        headline=headline(comparison),
        featured=featured,
        families=[
            (family, [one for one in comparison.arms if one.arm.family == family])
            for family in comparison.families
        ],
        chart=shots_chart([_dot(one) for one in comparison.arms]),
        samples=samples,
        prompt=prompt,
        prompt_text=summarise(prompt, width=96) if prompt else "",
        origin=[
            ("Pool version", comparison.pool_version),
            ("Encoder", comparison.encoder_id),
            ("Held-out split", comparison.split),
            ("Seed", comparison.seed),
        ],
        recipe=recipe.model_dump_json(indent=2) if recipe else "",
    )


def _dot(result: ArmResult) -> Dot:
    return Dot(title(result.arm.family), result.arm.k, result.accuracy, result.arm.baseline)
