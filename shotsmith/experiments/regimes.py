"""Regime diagnostics: does a model need similar demonstrations, all of them, or none?

Pure functions of paired scores, [items] or [items, seeds] from 0 to 1, on one frozen set of items. The arms that some
of them compare show sets of demonstrations that `regime_sets` builds.

- SLR, the similar-sample ratio of ManyICLBench (Zou et al. 2024, arXiv 2411.07130): removing the most similar tenth of
  the demonstrations hurts more than removing the least similar one where similar samples are what helps.
- SLR*: the same with the removed tenth replaced by examples of the same labels, so that it does not count as
  similarity what is only that the right label was shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..domain.errors import InvalidInput, InvalidParameter
from ..selectors.modality import Impact, Probe
from .metrics.estimates import RESAMPLES, Estimate
from .statistics import contrast, resample

SMOOTHING = 0.01
"""Added to both scores of a ratio, so that it exists where an arm gets nothing right."""

HARMLESS = frozenset(("gaussian", "gaussian_noise", "noise"))
"""Perturbations that say nothing of a modality: models read through noise (Xu et al. 2024, arXiv 2407.00902)."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of scores with the interval of its logarithm, put back.

    Attributes:
        value: Above 1 where similar demonstrations are worth more than others.
        low: Lower end of the 95 % interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    @property
    def above_one(self) -> bool:
        """Whether similarity matters, with confidence."""
        return self.low > 1

    @property
    def contains_one(self) -> bool:
        """Whether it may as well not matter."""
        return self.low <= 1 <= self.high


def similar_ratio(
    without_least: ArrayLike,
    without_most: ArrayLike,
    *,
    smoothing: float = SMOOTHING,
    seed: int = 0,
    scope: str = "SLR",
    resamples: int = RESAMPLES,
) -> Ratio:
    """SLR = score without the least similar demonstrations / score without the most similar ones.

    Give it the arms whose demonstrations were replaced instead of removed, and it is SLR*.

    Args:
        without_least: Scores without the least similar tenth.
        without_most: Scores without the most similar tenth, of the same items; under the same seeds, if several.
        smoothing: Added to both.
        seed: Seeds the resamples.
        scope: Names the resamples, e.g. with the modality by which similarity was measured.
        resamples: How many.

    Raises:
        InvalidInput: Not the same items, none, or a score below 0.
        InvalidParameter: Smoothing that is not above 0.
    """
    if not smoothing > 0:
        raise InvalidParameter("not above 0", field="smoothing", value=smoothing, mend="0.01 is one point")
    arms = [np.asarray(one, dtype=np.float64) for one in (without_least, without_most)]
    if any((one < 0).any() for one in arms):
        raise InvalidInput("a ratio needs scores of 0 or more", field="scores")

    def log_ratio(means: NDArray[np.float64]) -> NDArray[np.float64]:
        # Where scores may exceed 1, a widened resample may lie below 0, where no score can be.
        logs = np.log(np.maximum(means, 0) + smoothing)
        return np.asarray(logs[..., 0] - logs[..., 1])

    same = len({one.shape for one in arms}) == 1
    found = resample(arms, log_ratio, same_seeds=same, seed=seed, scope=scope, resamples=resamples).interval()
    return Ratio(*(float(np.exp(one)) for one in (found.value, found.low, found.high)))


def unique_gain(unique: ArrayLike, duplicated: ArrayLike, *, seed: int = 0) -> Estimate:
    """UDI: score with N demonstrations less that with a fourth of them shown four times, at the same length.

    Above 0, more of the pool is worth more tokens; at 0, only the length of the prompt did anything.

    Raises:
        InvalidInput: Not the same items, or none.
    """
    return contrast(unique, duplicated, seed=seed, scope="UDI").interval()


def retrieval_gain(rices: ArrayLike, balanced: ArrayLike, k: int, *, seed: int = 0) -> Estimate:
    """RET(k): score with the k nearest demonstrations less that with k balanced over the labels; errors as above."""
    return contrast(rices, balanced, seed=seed, scope=f"RET({k})").interval()


def all_gain(everything: ArrayLike, nearest: ArrayLike, *, seed: int = 0) -> Estimate:
    """ALLGAIN: score with all demonstrations less that with the best few nearest ones; errors as above."""
    return contrast(everything, nearest, seed=seed, scope="ALLGAIN").interval()


def vote_gap(model: ArrayLike, vote: ArrayLike, k: int, *, seed: int = 0) -> Estimate:
    """VOTEGAP: score of the model shown the k nearest less that of their own vote, without a model; errors as above."""
    return contrast(model, vote, seed=seed, scope=f"VOTEGAP({k})").interval()


def visual_dependence(clean: ArrayLike, without_images: ArrayLike, *, seed: int = 0) -> Estimate:
    """Score as it is less that with the demonstrations' images removed or swapped, under the same seeds.

    At 0 the model imitates texts, and the task tells nothing of multimodal learning (Chen et al. 2025, arXiv
    2507.15807); errors as above.
    """
    return contrast(
        clean, without_images, same_seeds=_same_shape(clean, without_images), seed=seed, scope="visual"
    ).interval()


def modality_impact(
    clean: ArrayLike, perturbed: Mapping[str, ArrayLike], *, modality: str = "", seed: int = 0
) -> Impact:
    """What a modality of the demonstrations is worth: clean score less the mean over its perturbations.

    Args:
        clean: Scores of unperturbed demonstrations.
        perturbed: Scores of the same items with the modality removed, randomised and permuted, by perturbation.
            Gaussian noise is passed over.
        modality: Names the resamples.
        seed: Seeds them.

    Returns:
        The mean loss and the lower end of its 95 % interval.

    Raises:
        InvalidInput: No perturbation that counts, not the same items, or none.
    """
    counted = [perturbed[name] for name in sorted(perturbed) if name not in HARMLESS]
    if not counted:
        raise InvalidInput(
            "no perturbation that tells anything",
            field="perturbed",
            value=sorted(perturbed),
            mend="Score demonstrations with the modality removed, randomised or permuted",
        )
    arms = [clean, *counted]

    def loss(means: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(means[..., 0] - means[..., 1:].mean(axis=-1))

    found = resample(
        arms, loss, same_seeds=_same_shape(*arms), seed=seed, scope=f"impact|{modality}"
    ).interval()
    return Impact(impact=found.value, lower=min(found.low, found.value))


def modality_probe(
    clean: ArrayLike, image: Mapping[str, ArrayLike], text: Mapping[str, ArrayLike], *, seed: int = 0
) -> Probe:
    """The probe by which the `modality` selector weighs images and texts; arguments and errors as `modality_impact`."""
    return Probe(
        image=modality_impact(clean, image, modality="image", seed=seed),
        text=modality_impact(clean, text, modality="text", seed=seed),
    )


def _same_shape(*arms: ArrayLike) -> bool:
    return len({np.shape(one) for one in arms}) == 1
