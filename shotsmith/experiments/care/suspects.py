"""Which labels are suspect: neighbours, all other examples and logged answers are heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...domain.errors import InvalidInput
from ...domain.scoring import Matrix, quantise
from ...selectors.blocks import Floats, Places, neighbours
from .margins import margins

NEIGHBOURS = 10
_LOGGED = 0.25  # of a vote: what answers tell is mostly what neighbours tell already


@dataclass(frozen=True, slots=True)
class Suspect:
    """How suspect the labels of one example are.

    Attributes:
        id: Of the example.
        labels: What it carries.
        suggested: The label that the other examples would rather give it.
        score: Mean rank of the signals among all examples, from 0 to 1, the highest being the most suspect.
        flagged: Most of its neighbours and the fit without it disagree with its labels; worth a look.
        disagreement: Share of its nearest examples that carry other labels, from 0 to 1.
        margin: How much more the fit on all other examples speaks for `suggested` than for its labels; see `margins`.
        influence: What its labels were worth to logged queries; None when it was never shown.
    """

    id: str
    labels: tuple[str, ...]
    suggested: str
    score: float
    flagged: bool
    disagreement: float
    margin: float
    influence: float | None = None


def suspects(
    ids: Sequence[str],
    labels: Sequence[Sequence[str]],
    matrix: Matrix,
    *,
    neighbours: int = NEIGHBOURS,
    influences: Mapping[str, float] | None = None,
) -> list[Suspect]:
    """Every example, the most suspect first; ties by id.

    The score is the mean over the signals of the share of examples that are less suspect, ties counting half:
    disagreement of the nearest, leave-one-out margin and, with a quarter of their weight, the harm of an example that
    logged queries showed.

    Args:
        ids: Unique.
        labels: What each carries; at least one.
        matrix: A unit row for each, [n, d].
        neighbours: How many of the nearest are asked.
        influences: As `influence` finds them.

    Raises:
        InvalidInput: There are fewer than two labels: nothing could be mistaken for another.
    """
    if not ids:
        return []
    order = sorted(range(len(ids)), key=lambda place: ids[place])
    ids, matrix = [ids[i] for i in order], matrix[order]
    carried = [tuple(labels[i]) for i in order]
    known = sorted({label for some in carried for label in some})
    if len(known) < 2:
        raise InvalidInput(
            "the examples have fewer than two labels",
            field="labels",
            value=", ".join(known),
            mend="Labels can be checked in pools whose examples carry different ones",
        )
    places = {label: place for place, label in enumerate(known)}
    numbered = [[places[label] for label in some] for some in carried]
    fit = margins(matrix, numbered, len(known))
    opposed = disagreement(matrix, carried, neighbours)
    harms = {id: -effect for id, effect in (influences or {}).items()}
    shown = [place for place, id in enumerate(ids) if id in harms]
    signals = np.stack([_standing(opposed), _standing(fit.margin)])
    totals, heard = signals.sum(axis=0), np.full(len(ids), 2.0)
    if shown:
        totals[shown] += _LOGGED * _standing(np.array([harms[ids[place]] for place in shown]))
        heard[shown] += _LOGGED
    found = [
        Suspect(
            id=id,
            labels=carried[place],
            suggested=known[int(fit.rival[place])],
            score=quantise(totals[place] / heard[place]),
            flagged=bool(opposed[place] > 0.5 and fit.margin[place] > 0),
            disagreement=quantise(opposed[place]),
            margin=quantise(fit.margin[place]),
            influence=None if id not in harms else -harms[id] + 0.0,
        )
        for place, id in enumerate(ids)
    ]
    return sorted(found, key=lambda one: (-one.score, one.id))


def disagreement(matrix: Matrix, labels: Sequence[Sequence[str]], count: int) -> Floats:
    """How far the labels of the nearest other rows differ from each row's own, [n], from 0 to 1.

    One less the mean overlap of the label sets (intersection over union): with single labels, the share of the `count`
    nearest that carry another one (kNN disagreement). 0 without others.
    """
    nearest: Places = neighbours(matrix, count)
    sets = [frozenset(carried) for carried in labels]
    found = np.zeros(len(sets))
    if nearest.shape[1]:
        for place, row in enumerate(nearest.tolist()):
            own = sets[place]
            found[place] = 1 - sum(len(own & sets[i]) / len(own | sets[i]) for i in row) / len(row)
    return found


def _standing(values: Floats) -> Floats:
    """The share of the others that each value exceeds, ties counting half."""
    if len(values) < 2:
        return np.full(len(values), 0.5)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    standing: Floats = (below + (counts - 1) / 2)[inverse] / (len(values) - 1)
    return standing
