"""How many items an experiment needs, and what it can see with those it has."""

from __future__ import annotations

import math
from statistics import NormalDist

from ...domain.errors import InvalidParameter

_NORMAL = NormalDist()


def needed_items(gap: float, discordant: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Items on which a gap in accuracy between two arms is seen with the given power.

    n = (z(1 - alpha/2) sqrt(d) + z(power) sqrt(d - gap^2))^2 / gap^2 for paired items (Connor 1987, Biometrics 43:207).

    Args:
        gap: Difference in accuracy, e.g. 0.03 for three points.
        discordant: d, the share of items that one arm gets right and the other wrong; at least the gap.
        power: The share of experiments that should see it.
        alpha: Two-sided.

    Raises:
        InvalidParameter: A number out of range.
    """
    _check(gap, discordant, alpha)
    _between("power", power)
    spread = _z(1 - alpha / 2) * math.sqrt(discordant) + _z(power) * math.sqrt(max(0.0, discordant - gap**2))
    return math.ceil((spread / gap) ** 2)


def power_of(items: int, gap: float, discordant: float, *, alpha: float = 0.05) -> float:
    """The share of experiments on so many items that see a gap: the inverse of `needed_items`.

    Raises:
        InvalidParameter: A number out of range.
    """
    _check(gap, discordant, alpha)
    if items < 1:
        raise InvalidParameter("at least one item is needed", field="items", value=items)
    spread = math.sqrt(max(discordant - gap**2, 0.0))
    excess = abs(gap) * math.sqrt(items) - _z(1 - alpha / 2) * math.sqrt(discordant)
    return _NORMAL.cdf(excess / spread) if spread else float(excess > 0)


def needed_by_sd(gap: float, sd: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Items on which a gap in any mean score is seen: n = ((z(1 - alpha/2) + z(power)) sd / gap)^2.

    Args:
        gap: The difference, in units of the score; for a test of non-inferiority the margin plus the true difference,
            with an alpha of twice the one-sided one.
        sd: Standard deviation of the items' paired differences, as measured in a pilot.
        power: The share of experiments that should see it.
        alpha: Two-sided.

    Raises:
        InvalidParameter: A number out of range.
    """
    if not (math.isfinite(gap) and gap):
        raise InvalidParameter("not a finite number other than 0", field="gap", value=gap)
    if not (math.isfinite(sd) and sd >= 0):
        raise InvalidParameter("not a finite number from 0", field="sd", value=sd)
    _between("alpha", alpha)
    _between("power", power)
    return max(2, math.ceil(((_z(1 - alpha / 2) + _z(power)) * sd / gap) ** 2))


def _z(share: float) -> float:
    return _NORMAL.inv_cdf(share)


def _check(gap: float, discordant: float, alpha: float) -> None:
    if not (math.isfinite(gap) and 0 < abs(gap) <= 1):
        raise InvalidParameter(
            "not a difference in accuracy", field="gap", value=gap, mend="0.03 is three points"
        )
    if not abs(gap) <= discordant <= 1:
        raise InvalidParameter(
            "arms that differ by the gap disagree on at least as many items",
            field="discordant",
            value=discordant,
            mend=f"Give a share from {abs(gap):g} to 1",
        )
    _between("alpha", alpha)


def _between(field: str, value: float) -> None:
    if not 0 < value < 1:
        raise InvalidParameter("not between 0 and 1", field=field, value=value)
