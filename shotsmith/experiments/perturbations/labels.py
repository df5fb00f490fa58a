"""Wrong labels, for a share of the demonstrations."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from ...domain.examples import Example
from ...domain.scoring import shuffled
from ...domain.selections import Selection
from .base import Changed, Others, Perturbation, Share, drawn, rounded

_OTHERS = 64


class ShuffleLabels(Perturbation):
    """Give a share of the demonstrations another label, drawn from the label space or from the labels shown.

    Where an example has no label its answer counts as one. What a larger share changes includes what a smaller one
    does, and to the same labels.
    """

    name = "shuffle_labels"

    share: Share = Field(1.0, description="Of the demonstrations; halves are rounded up.")
    among: Literal["space", "shown"] = Field(
        "space",
        description="The pool's labels, or, where the label space is open, the labels of the demonstrations and of "
        "random other examples; or the labels of the demonstrations alone.",
    )

    def change(self, selection: Selection, seed: int, others: Others | None) -> Changed:
        """Exactly the share, unless there is only one label."""
        tokens = {shot.example.id: _token(shot.example) for shot in selection.demonstrations}
        choices = sorted(self._choices(selection, set(tokens.values()), seed, others))
        scope = self._scope(selection)
        count = rounded(self.share * len(tokens))
        chosen = [
            (id, new)
            for id in shuffled(tokens, seed, scope)
            if (
                new := next(
                    (one for one in shuffled(choices, seed, f"{scope}|{id}") if one != tokens[id]), None
                )
            )
        ][:count]
        given = dict(chosen)
        shown = [
            replace(shot, example=_relabelled(shot.example, given[shot.example.id]))
            if shot.example.id in given
            else shot
            for shot in selection.demonstrations
        ]
        only = "" if len(given) == count else ", for there is no other label"
        return Changed(shown, f"{len(given)} of {len(shown)} labels{only}")

    def _choices(self, selection: Selection, shown: set[str], seed: int, others: Others | None) -> set[str]:
        if self.among == "shown":
            return shown
        if selection.pool.labels or others is None:
            return set(selection.pool.labels) or shown
        more = drawn(self, selection, seed, others, _OTHERS, "random_per_query")
        return shown | {_token(one) for one in more.values()}


def _token(example: Example) -> str:
    return example.label if example.label is not None else example.answer


def _relabelled(example: Example, new: str) -> Example:
    """With another first label. An answer that says more than the labels is replaced by the label alone."""
    if example.label is None:
        return replace(example, answer=new)
    labels = (new, *(one for one in example.labels[1:] if one != new))
    return replace(example, labels=labels, answer=", ".join(labels))
