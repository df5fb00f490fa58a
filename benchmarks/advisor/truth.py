"""What is true of a world: its regime, the score of every arm of the full grid, and how many items it takes to tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shotsmith.clients.vlm.simulated.worlds import World
from shotsmith.engine import Engine
from shotsmith.experiments.advisor import Margins
from shotsmith.experiments.advisor.menu import Menu
from shotsmith.experiments.arms import VOTE, Arm
from shotsmith.experiments.bench import Bench
from shotsmith.experiments.statistics import needed_by_sd
from shotsmith.experiments.trials import Trials

FEWEST = 400
EXPLORED = 100  # items by which the advisor chooses, and on which it tests nothing
POWER = 0.9
_VOTED = 0.05  # share of a NO-ICL world's items on which a vote of what texts say is not what the text says
_MANY = 400  # items on which votes are measured


@dataclass(frozen=True)
class Alone:
    """What a world's model gets right, by its formula and freed of noise: alone, and with the best demonstrations."""

    zero: float
    best: float


def alone(world: World) -> Alone:
    """By the behaviours' formulas: see docs/simulated.md."""
    chance = 1 / world.labels
    return {
        "NO-ICL": Alone(0.75, 0.75),
        "KNN": Alone(chance, 1.0),
        "SSL": Alone(0.8, 0.5 + 0.5 * 0.8),
        "ASL": Alone(chance, 1 - math.exp(-3) * (1 - chance)),
    }[world.regime]


def noisy(world: World, right: np.ndarray | float) -> np.ndarray | float:
    """The chance of a right answer, where it is drawn from the labels now and then."""
    return (1 - world.noise) * right + world.noise / world.labels


def enough(world: World, margins: Margins) -> int:
    """Items that decide the world's regime, as far as that is known before anybody is asked.

    KNN and ASL are told by differences of ten points and more. NO-ICL and SSL are told by two arms that answer alike
    but for the model's noise, which is drawn anew for every prompt: they disagree on a share d of the items by noise
    alone, and it takes needed_by_sd(margin, sqrt(d)) items to show that they differ by less than the margin. In NO-ICL
    worlds a vote of what the texts say is to be told from zero-shot as well.
    """
    discordant = _noise_sd(world) ** 2 if world.regime in ("NO-ICL", "SSL") else 0.0
    discordant += _VOTED if world.regime == "NO-ICL" else 0.0
    needed = needed_by_sd(margins.delta, math.sqrt(discordant), power=POWER, alpha=2 * margins.alpha)
    return max(FEWEST, needed + EXPLORED)


def _noise_sd(world: World) -> float:
    alike = alone(world).best
    right, lucky = (float(noisy(world, one)) for one in (1.0, 0.0))
    return math.sqrt(2 * (alike * right * (1 - right) + (1 - alike) * lucky * (1 - lucky)))


@dataclass(frozen=True)
class Truth:
    """What the rule says of a world when nothing is left to chance, and from how many items on that can be shown.

    Attributes:
        regime: The world's own, unless a vote without the model is as good as the rule asks for; see `truth_of`.
        sufficient: Items (C6, 80 % power) for all that must be shown.
    """

    regime: str
    sufficient: int


def truth_of(world: World, voted: float, scores: Mapping[str, np.ndarray], margins: Margins) -> Truth:
    """The rule on true scores.

    A world is named after what demonstrations do for its model. Two of them have texts that say the label most of the
    time. A vote of the examples whose texts read alike repeats what is said, and is not drawn at random now and then,
    as the noisy model is. Where it beats zero-shot by the margin or more, a NO-ICL world is a KNN world; so is an SSL
    world where it is not worse than the best arm by the margin.

    Args:
        world: Which one.
        voted: How far the best vote is above zero-shot, on many items.
        scores: Chances of a right answer by arm and item, for the spread of differences.
        margins: The advisor's.
    """
    zero, best = (float(noisy(world, one)) for one in (alone(world).zero, alone(world).best))
    votes = [name for name in scores if name.startswith(VOTE)]
    voter = max(votes, key=lambda name: (scores[name].mean(), name))
    vote = zero + voted
    gap = max(vote, best) - zero
    regime: str = world.regime
    kept_up = {"NO-ICL": gap >= margins.delta, "SSL": vote > best - margins.delta}
    if kept_up.get(world.regime):
        regime = "KNN"

    def needed(gap: float, sd: float) -> int:
        return needed_by_sd(gap, sd, alpha=2 * margins.alpha) if gap > 0 else 10**9

    apart = _sd(scores[voter], scores["zero-shot"])
    claims = [0]
    if regime == "NO-ICL":
        claims = [needed(margins.delta, _noise_sd(world)), needed(margins.delta - voted, apart)]
    elif regime != world.regime:
        claims = [
            needed(gap, apart),
            needed(vote - best + margins.delta, _sd(scores[voter], scores["all"])),
        ]
    elif regime == "SSL":
        claims = [
            needed(gap, _sd(scores["all"], scores["zero-shot"])),
            needed(best - vote, _sd(scores["all"], scores[voter])),
            needed(margins.delta, _noise_sd(world)),
        ]
    elif regime == "ASL":
        # Of those that retrieve, half of the pool is the most.
        half = float(noisy(world, 1 - math.exp(-1.5) * (1 - 1 / world.labels)))
        claims = [needed(best - half, _sd(scores["all"], scores[f"rices, k={world.pool // 2}"]))]
    return Truth(regime, max(FEWEST, max(claims) + EXPLORED))


def _sd(one: np.ndarray, other: np.ndarray) -> float:
    """Standard deviation of the difference of two answers that are right with these chances, item by item."""
    luck = one * (1 - one) + other * (1 - other)
    return math.sqrt(float(luck.mean() + (one - other).var()))


def arms_of(menu: Menu) -> dict[str, Arm]:
    """The full grid with its floor, by name, and the two arms that nobody has to think about."""
    found = [menu.majority, *menu.grid(), menu.wide, menu.near("image", 16)]
    found += [vote for modality in menu.modalities for vote in menu.votes(modality)]
    return {arm.name: arm for arm in found}


def expected(
    engine: Engine, world: World, arms: Sequence[Arm], items: Sequence[str]
) -> dict[str, np.ndarray]:
    """The chance that each arm answers each item right, by arm: what its score would be without the noise's luck.

    Arms are asked with the world's model freed of its noise; with noise, an answer is drawn from the labels now and
    then. The model of a NO-ICL world answers by the query alone, so that one arm speaks for all that ask it.
    """
    clean = world.model_copy(update={"noise": 0.0})
    bench = Bench(engine, world.name, model=clean.model)
    spokesman = next(arm for arm in arms if arm.kind == "zero-shot")
    alike = {arm.name: spokesman if world.regime == "NO-ICL" and arm.asks else arm for arm in arms}
    asked = list({arm.name: arm for arm in alike.values()}.values())
    found = Trials(bench, remember=False, workers=1).ask(asked, items)
    scores = {}
    for arm in arms:
        right = found.scores(alike[arm.name]).mean(axis=1)
        scores[arm.name] = np.asarray(noisy(world, right)) if arm.asks else right
    return scores


def vote_gain(engine: Engine, world: World, votes: Sequence[Arm], zero: Arm, items: Sequence[str]) -> float:
    """How far the best of the votes, which ask no model, is above zero-shot; 0 where that decides nothing."""
    if world.regime not in ("NO-ICL", "SSL"):
        return 0.0
    scores = expected(engine, world, [zero, *votes], items[:_MANY])
    return max(float((scores[arm.name] - scores[zero.name]).mean()) for arm in votes)
