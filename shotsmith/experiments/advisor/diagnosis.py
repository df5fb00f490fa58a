"""Diagnostics: from what was found of arms to evidence, each number with its interval and a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ...domain.recipes import Modality
from ...selectors.modality import Probe
from ..arms import Arm
from ..metrics import Estimate
from ..regimes import (
    Ratio,
    all_gain,
    modality_impact,
    modality_probe,
    retrieval_gain,
    similar_ratio,
    unique_gain,
    vote_gap,
)
from ..statistics import Scores
from .advice import Evidence
from .menu import Menu, changed

Known = Callable[[Sequence[Arm]], list[Scores] | None]
"""Arms -> their scores on the items that all of them have an outcome for; None where there are too few."""

_Measure = Callable[[Scores, Scores], Estimate]
_TESTS = ("remove", "permute", "swap")
_ENDS = ("least", "most")
#: What differences say: above 0, not told from 0, below 0.
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "UDI": (
        "More different demonstrations are worth more than the same ones repeated.",
        "Different demonstrations do not show to be worth more than repeated ones.",
        "Repeated demonstrations are worth more than different ones.",
    ),
    "ALLGAIN": (
        "All demonstrations do better than the nearest few.",
        "All demonstrations and the nearest few are not told apart.",
        "The nearest few do better than all demonstrations.",
    ),
    "RET": (
        "The nearest demonstrations do better than as many that are the same for every query.",
        "The nearest demonstrations do not show to be better than as many fixed ones.",
        "The nearest demonstrations do worse than as many that are the same for every query.",
    ),
    "VOTEGAP": (
        "The model does better than a plain vote of the nearest.",
        "The model and a plain vote of the nearest are not told apart.",
        "A plain vote of the nearest does better than the model.",
    ),
    "image impact": (
        "The images of the demonstrations are used.",
        "The images of the demonstrations do not show to be used.",
        "The model does better with wrong images in the demonstrations, or with none.",
    ),
    "text impact": (
        "The texts of the demonstrations are used.",
        "The texts of the demonstrations do not show to be used.",
        "The model does better with wrong texts in the demonstrations, or with none.",
    ),
}


@dataclass(frozen=True)
class Tested:
    """The arms that diagnostics compare; what is None was not chosen, and what was not asked is left out.

    Attributes:
        near: The nearest few.
        wide: All.
        half: Some for every query, of which a tenth is removed or replaced.
        vote: The vote of as many as `near` shows.
        balanced: As many as `near` shows, the same for every query.
        modality: That `near` retrieves by.
        others: Other modalities to measure similarity by.
        texts: Whether queries have texts.
    """

    near: Arm
    wide: Arm
    half: Arm
    vote: Arm
    balanced: Arm
    modality: Modality
    others: Sequence[Modality] = ()
    texts: bool = True

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The one in use first."""
        return (self.modality, *(one for one in self.others if one != self.modality))

    def removed(self, modality: Modality) -> tuple[Arm, Arm]:
        """Without the least, and without the most similar ones."""
        least, most = (changed(self.half, _text("without", end, modality)) for end in _ENDS)
        return least, most

    def replaced(self, modality: Modality) -> tuple[Arm, Arm]:
        """The same with others in their place."""
        least, most = (changed(self.half, _text("replaced", end, modality)) for end in _ENDS)
        return least, most

    @property
    def duplicated(self) -> Arm:
        """A quarter, four times."""
        return changed(self.half, "duplicated")

    def impaired(self, of: str) -> dict[str, Arm]:
        """The nearest few with their images or texts removed, permuted and swapped."""
        return {name: changed(self.near, f"{name}(of={of})") for name in _TESTS}

    def impacts(self) -> dict[str, dict[str, Arm]]:
        """By modality."""
        found = {"image": self.impaired("images")} if "image" in self.modalities else {}
        return {**found, "text": self.impaired("texts")} if self.texts else found

    def asked(self) -> list[Arm]:
        """Everything that tells why, beyond the arms themselves."""
        arms = [*self.removed(self.modality), self.half, self.duplicated]
        arms += [arm for modality in self.modalities[1:] for arm in self.replaced(modality)]
        arms += [arm for impaired in self.impacts().values() for arm in impaired.values()]
        return arms


def tested(menu: Menu, near: Arm, wide: Arm, modality: Modality) -> Tested:
    """What is compared when these two are the best of their kind."""
    vote = next((one for one in reversed(menu.votes(modality)) if one.k <= near.k), menu.votes(modality)[0])
    balanced = menu.fixed(near.k)
    others = [one for one in menu.modalities if one != modality and one != "joint"]
    return Tested(near, wide, menu.half, vote, balanced, modality, tuple(others), menu.texts)


def evidence(arms: Tested, known: Known, seed: int = 0) -> list[Evidence]:
    """All that the outcomes allow."""
    return list(_evidence(arms, known, seed))


def probe(arms: Tested, known: Known, seed: int = 0) -> Probe | None:
    """The weights of the `modality` selector; None where not both modalities were tested."""
    impacts = arms.impacts()
    if set(impacts) != {"image", "text"}:
        return None
    every = [arms.near, *(arm for impaired in impacts.values() for arm in impaired.values())]
    found = known(every)
    if found is None:
        return None
    clean, *rest = found
    image, text = rest[: len(_TESTS)], rest[len(_TESTS) :]
    return modality_probe(
        clean,
        dict(zip(impacts["image"], image, strict=True)),
        dict(zip(impacts["text"], text, strict=True)),
        seed=seed,
    )


def _evidence(arms: Tested, known: Known, seed: int) -> Iterator[Evidence]:
    for modality in arms.modalities:
        for name, pair in (("SLR", arms.removed(modality)), ("SLR*", arms.replaced(modality))):
            if scores := known(pair):
                found = similar_ratio(*scores, seed=seed, scope=f"{name}|{modality}")
                yield _of_ratio(name, modality, found)
    for name, by, pair, measure in _differences(arms, seed):
        if scores := known(pair):
            yield _of_difference(name, by, measure(*scores))
    for side, impaired in arms.impacts().items():
        if scores := known([arms.near, *impaired.values()]):
            clean, *rest = scores
            impact = modality_impact(clean, dict(zip(impaired, rest, strict=True)), modality=side, seed=seed)
            # The interval is about as far above as below.
            high = 2 * impact.impact - impact.lower
            yield _of_difference(f"{side} impact", side, Estimate(impact.impact, impact.lower, high))


def _differences(arms: Tested, seed: int) -> list[tuple[str, str, tuple[Arm, Arm], _Measure]]:
    """Name, modality, arms and formula of each."""
    k, votes = arms.near.k, arms.vote.k
    return [
        ("UDI", "", (arms.half, arms.duplicated), partial(unique_gain, seed=seed)),
        ("ALLGAIN", "", (arms.wide, arms.near), partial(all_gain, seed=seed)),
        (f"RET({k})", arms.modality, (arms.near, arms.balanced), partial(retrieval_gain, k=k, seed=seed)),
        (f"VOTEGAP({votes})", arms.modality, (arms.near, arms.vote), partial(vote_gap, k=votes, seed=seed)),
    ]


def _of_ratio(name: str, modality: str, found: Ratio) -> Evidence:
    instead = "replaced by others of the same labels" if name.endswith("*") else "removed"
    if found.above_one:
        says = f"It hurts more when the demonstrations most similar by {modality} are {instead} than the least similar."
    elif found.contains_one:
        says = (
            f"Which end of the ranking by {modality} is {instead.split()[0]} makes no difference that shows."
        )
    else:
        says = f"It hurts less when the demonstrations most similar by {modality} are {instead} than the least similar."
    return Evidence(name, modality, found.value, found.low, found.high, 1.0, says)


def _of_difference(name: str, modality: str, found: Estimate) -> Evidence:
    above, neither, below = _WORDS[name.partition("(")[0]]
    says = above if found.low > 0 else below if found.high < 0 else neither
    return Evidence(name, modality, found.value, found.low, found.high, 0.0, says)


def _text(name: str, end: str, modality: str) -> str:
    given = [f"end={end}"] * (end != "most") + [f"modality={modality}"] * (modality != "image")
    return f"{name}({','.join(given)})" if given else name
