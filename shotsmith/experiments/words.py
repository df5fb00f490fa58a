"""A comparison in plain words."""

from __future__ import annotations

import re

from .arms import MAJORITY, RANDOM, VOTE, ZERO_SHOT, Arm
from .metrics import Estimate
from .results import ArmResult, Comparison

_NAMES = {
    "random_per_query": "random",
    "random_fixed|balanced": "fixed, balanced",
    "random_fixed": "fixed, random",
}
_NO_BREAK = "\u00a0"  # keeps a number and its interval on one line


def title(family: str) -> str:
    """A family as people write it: "rices by text" is "RICES by text", "random_per_query" is "random"."""
    for name, said in _NAMES.items():
        family = family.replace(name, said)
    return re.sub(r"\brices\b", "RICES", family)


def named(result: ArmResult) -> str:
    """An arm within a sentence."""
    return named_arm(result.arm)


def named_arm(arm: Arm, *, begins: bool = False) -> str:
    """The same without a result; as a sentence begins, if wanted."""
    name = title(arm.family)
    if arm.everything:
        name = f"{name} of {arm.k:,}" if arm.k else name
    elif arm.k:
        name = f"{name} at k={arm.k}"
    return capital(name) if begins else name


def percent(estimate: Estimate) -> str:
    """An accuracy with its interval: "71 % [67, 75]"."""
    shown = f"{100 * estimate.value:.0f} % [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"
    return shown.replace(" ", _NO_BREAK)


def compact(estimate: Estimate) -> str:
    """The same for narrow tables: "71 [67,75]"."""
    return f"{100 * estimate.value:.0f} [{100 * estimate.low:.0f},{100 * estimate.high:.0f}]"


def points(estimate: Estimate) -> str:
    """A difference in percentage points with its interval: "+23 [18, 28]"."""
    value, low, high = (signed(100 * part) for part in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]".replace(" ", _NO_BREAK)


def money(usd: float | None) -> str:
    """A price: "$1.20", "$0.0042", "free" or "unknown"."""
    if usd is None:
        return "unknown"
    if not usd:
        return "free"
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.4f}" if usd >= 0.0001 else f"${usd:.1e}"


def chance(p: float) -> str:
    """A p-value: "p = 0.03", "p < 0.001"."""
    return ("p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}").replace(
        " ", _NO_BREAK
    )


def headline(comparison: Comparison) -> list[str]:
    """What was found, in one to three sentences without markup."""
    zero = comparison.find(ZERO_SHOT)
    shown = comparison.featured or comparison.find(RANDOM, comparison.shots[-1])
    if zero is None or shown is None:
        return []
    random = comparison.find(RANDOM, shown.arm.k)
    vote, majority = comparison.find(VOTE, shown.arm.k), comparison.find(MAJORITY)
    rivals = [one for one in (random, zero) if one and one is not shown]
    said = [f"{named(one)}: {percent(one.accuracy)}" for one in (shown, *rivals)]
    sentences = [capital("; ".join(said)) + "."]
    if shown.to_zero_shot and shown.to_random:
        sentences.append(
            f"Against no demonstrations that is {verdict_of(shown.to_zero_shot)}, against as many random ones "
            f"{verdict_of(shown.to_random)}."
        )
    if vote and majority:
        sentences.append(
            f"Without any model, the kNN vote at k={vote.arm.k} reaches {percent(vote.accuracy)} and always "
            f"answering the most frequent label {percent(majority.accuracy)}."
        )
    return sentences


def verdict_of(estimate: Estimate) -> str:
    """A difference in a sentence: "+23 [18, 28] points", or that it may be chance."""
    change = f"{points(estimate)} points"
    return change if estimate.certain else f"{change}, which may be chance"


def signed(value: float) -> str:
    """A whole number with its sign: "+23", "−4" or "0"."""
    rounded = round(value)
    return f"+{rounded}" if rounded > 0 else f"−{-rounded}" if rounded < 0 else "0"


def capital(text: str) -> str:
    """As a sentence begins."""
    return text[:1].upper() + text[1:]
