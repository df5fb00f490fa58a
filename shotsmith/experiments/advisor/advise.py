"""`advise`: which regime a task is in, and which recipe to use, for as few calls as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property

from ...domain.errors import InvalidInput, InvalidParameter
from ...domain.recipes import Recipe
from ..arms import Arm
from ..runner import caveats
from ..trials import BudgetSpent, Trials
from . import words
from .advice import Advice, Point, Regime, Stage
from .asked import FEWEST, Asked, Enough
from .diagnosis import Tested, evidence, probe, tested
from .explore import Explored, explore
from .front import front, point
from .menu import Menu
from .rules import CLAIMS, Compared, Decision, Margins, Name, Pair, compare, decide, merged

_EXPLORED = 100
_FIRST_LOOK = 60
_FEWEST_ITEMS = 30
_EVIDENCE = 60
_LAST_SHARE = 0.5  # of alpha, for the look at all items; the earlier looks share the rest
_MOST_ARMS = 12  # that are asked about all of the items that are explored
#: The comparisons of a stage, which are corrected for their number together.
_STAGES: Mapping[str, tuple[Name, ...]] = {
    "floor and scale": ("gain", "vote gain", "vote"),
    "diagnosis": ("similar", "unique"),
    "confirmation": ("flat",),
    "mixture": ("hybrid near", "hybrid wide"),
}


def advise(
    trials: Trials,
    *,
    base: Recipe | None = None,
    margins: Margins | None = None,
    shots: Sequence[int] | None = None,
    items: Sequence[str] | None = None,
    seed: int = 0,
) -> Advice:
    """Find out which regime a task is in.

    Few items decide which arms are asked about many; the claims that decide are tested on items that had no part in
    that choice, at growing numbers of them until each is shown or there are no more. The budget is that of the meter of
    the trials; when it is spent, the advice is what is known by then.

    Args:
        trials: Ask, on a bench, within a budget.
        base: What all recipes have in common; its selector and shots are not used. Arms are always asked under the
            leak guard of evaluation.
        margins: What counts as a difference, and as certainty.
        shots: Numbers of demonstrations to try, besides all; by default 1, 2, 4 and so on, to half of the examples or
            a quarter of the model's context.
        items: Held-out items in the order in which they are asked; by default all of the bench.
        seed: Seeds the resamples. Equal seeds and outcomes give equal advice.

    Raises:
        InvalidInput: Too few items or examples.
        InvalidParameter: Items that the bench does not have, or shots that cannot be.
        BudgetSpent: It does not even pay for choosing the arms to compare.
        ModelError: The model did not answer for longer than patience lasts; what was answered is kept.
    """
    chosen = tuple(trials.bench.items if items is None else items)
    if unknown := [item for item in chosen if item not in trials.bench.examples]:
        raise InvalidParameter(
            "not a held-out example", field="items", value=unknown[0], mend="Take them from bench.items"
        )
    if len(set(chosen)) < max(_FEWEST_ITEMS, len(chosen)):
        raise InvalidInput(
            "too few held-out items to say anything",
            field="items",
            value=len(set(chosen)),
            mend=f'Import {_FEWEST_ITEMS} or more of split "{trials.bench.split}", each once; hundreds tell more',
        )
    menu = Menu.of(trials.bench, base or Recipe(), shots)
    return _Advisor(trials, menu, chosen, margins or Margins(), seed).advice()


class _Advisor:
    def __init__(
        self, trials: Trials, menu: Menu, items: tuple[str, ...], margins: Margins, seed: int
    ) -> None:
        self._menu, self._margins, self._seed = menu, margins, seed
        self._asked = Asked(trials, items)
        count = min(_EXPLORED, max(_FEWEST_ITEMS // 2, len(items) // 4), _affordable(trials))
        self._first, self._fresh = items[:count], items[count:]
        self._compared: dict[Name, Compared] = {}
        self._looks: dict[str, int] = dict.fromkeys(_STAGES, 0)
        self._pairs: dict[Name, tuple[Arm, Arm]] = {}
        self._stages: list[Stage] = []
        self._explored: Explored | None = None

    def advice(self) -> Advice:
        """Stage by stage, until there is a verdict or nothing left to ask."""
        try:
            with self._stage("floor and scale"):
                self._explore()
                self._go_on(_STAGES["floor and scale"])
            if self._decided.open not in _STAGES["floor and scale"] and self._decided.regime not in (
                "NO-ICL",
                "KNN",
            ):
                with self._stage("diagnosis"):
                    self._diagnose()
                with self._stage("confirmation"):
                    self._go_on(tuple(CLAIMS))
        except Enough:
            pass
        return self._advice()

    # -- stages

    def _explore(self) -> None:
        self._explored = found = explore(self._asked, self._menu, self._first, self._margins, self._seed)
        zero, means = self._menu.zero, found.means

        def best(*arms: Arm) -> Arm:
            # Of equal ones the earlier, which is the cheaper one.
            return max(arms, key=lambda arm: means[arm.key])

        helped = best(found.near, found.wide)
        asking = best(zero, found.near, found.wide)
        self._pairs |= {
            "gain": (helped, zero),
            "vote gain": (found.vote, zero),
            "vote": (found.vote, asking),
            "flat": (found.near, found.wide),
        }

    def _diagnose(self) -> None:
        arms = self._tested
        few = self._fresh[: min(_EVIDENCE, max(20, len(self._fresh) // 10))]
        least, most = arms.replaced(arms.modality)
        self._pairs |= {"similar": (least, most), "unique": (arms.half, arms.duplicated)}
        self._asked.ask([arms.near, arms.wide, arms.balanced, least, most, *arms.asked()], few)
        self._asked.ask([arms.vote], few)
        self._look("diagnosis", ("similar",))

    def _go_on(self, names: Sequence[Name]) -> None:
        """Look at more items for whatever is open, while that is among these and there is hope."""
        while (name := self._decided.open) in names and name is not None:
            if name == "hybrid wide" and name not in self._pairs:
                self._mix()
            stage = next(stage for stage, members in _STAGES.items() if name in members)
            if self._looks[stage] == len(self._sizes) or self._hopeless(name):
                return
            self._look(stage, (name,))

    def _mix(self) -> None:
        arms = self._tested
        hybrid = self._menu.hybrid(arms.modality, arms.near.k)
        self._pairs |= {"hybrid near": (hybrid, arms.near), "hybrid wide": (hybrid, arms.wide)}

    def _look(self, stage: str, names: Sequence[Name]) -> None:
        """Ask the arms of these comparisons about more items, and compare all of the stage."""
        number = self._looks[stage]
        items = self._fresh[: self._sizes[number]]
        members = [name for name in _STAGES[stage] if name in self._pairs]
        wanted = [name for name in members if name in names or not self._settled(name)]
        # What duplicates are worth seldom decides, and is asked about few items but where it does.
        asked = [name for name in wanted if name != "unique" or name in names]
        arms = {arm.key: arm for name in asked for arm in self._pairs[name]}
        last = number == len(self._sizes) - 1
        share = _LAST_SHARE if last else (1 - _LAST_SHARE) / (len(self._sizes) - 1)
        self._looks[stage] += 1
        try:
            self._asked.ask(list(arms.values()), items)
        finally:
            self._compare(members, items, 1.0 if len(self._sizes) == 1 else share)

    def _compare(self, names: Sequence[Name], items: Sequence[str], share: float) -> None:
        pairs: dict[Name, Pair] = {}
        for name in names:
            if scores := self._asked.scores(self._pairs[name], items):
                pairs[name] = Pair(*scores)
        found = compare(pairs, self._margins, share=share, seed=self._seed)
        self._compared |= {name: merged(self._compared.get(name), one) for name, one in found.items()}

    # -- what is known

    @cached_property
    def _sizes(self) -> list[int]:
        """How many fresh items each look takes."""
        found = [min(_FIRST_LOOK, len(self._fresh))]
        while found[-1] < len(self._fresh):
            following = 2 * found[-1]
            found.append(following if 1.5 * following <= len(self._fresh) else len(self._fresh))
        return found

    @cached_property
    def _tested(self) -> Tested:
        assert self._explored is not None
        return tested(self._menu, self._explored.near, self._explored.wide, self._explored.modality)

    @property
    def _decided(self) -> Decision:
        done = self._looks["mixture"] == len(self._sizes) or self._hopeless("hybrid wide")
        return decide(
            self._compared,
            self._margins,
            cheaper=bool(self._compared) and self._cheaper,
            waits=not done and self._asked.spent is None,
        )

    @cached_property
    def _cheaper(self) -> bool:
        """Whether all cost no more than the nearest few, by what was explored."""
        assert self._explored is not None
        near, wide = (self._point(arm, self._first) for arm in (self._explored.near, self._explored.wide))
        if near is None or wide is None or near.usd is None or wide.usd is None:
            return False
        return wide.usd <= near.usd

    def _settled(self, name: Name) -> bool:
        found = self._compared.get(name)
        return found is not None and any(found.claims(claim, self._margins) for claim in CLAIMS[name])

    def _hopeless(self, name: Name) -> bool:
        """Whether the items would not even decide if the truth were what is most easily shown."""
        found = self._compared.get(name)
        if found is None or found.items < _FIRST_LOOK:
            return False
        needed = found.needed(name, self._margins, at_best=True)
        return needed is None or needed > len(self._fresh)

    def _point(self, arm: Arm, items: Sequence[str] | None = None) -> Point | None:
        scores = self._asked.scores([arm], items, fewest=1)
        return point(arm, scores[0], self._asked.outcomes(arm, items)) if scores else None

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        """Notes what a stage took, even where the budget ended in it."""
        calls = self._asked.calls
        try:
            yield
        finally:
            stages = (name, "mixture") if name == "confirmation" else (name,)
            done = [one for stage in stages for one in _STAGES[stage] if one in self._compared]
            arms = {arm.key for one in done for arm in self._pairs[one]}
            items = max((self._compared[one].items for one in done), default=0)
            if name == "floor and scale":
                items += len(self._first)
                arms |= set(self._asked.arms)
            found = words.found(name, self._decided, self._explored)
            self._stages.append(Stage(name, items, len(arms), self._asked.calls - calls, found))

    # -- what is said

    def _advice(self) -> Advice:
        if self._explored is None or not self._compared:
            raise self._too_little()
        decided = self._concluded()
        regime = decided.regime if decided.leading is None else decided.leading
        points = front([one for arm in self._asked.arms.values() if (one := self._shown(arm))])
        told = evidence(self._tested, self._asked.scores, self._seed)
        bench = self._asked.trials.bench
        return Advice(
            regime=decided.regime,
            arm=self._arm(regime),
            why=tuple(words.why(decided, self._compared, self._pairs, self._margins, cheaper=self._cheaper)),
            leading=decided.leading,
            needed=decided.needed,
            points=points,
            evidence=tuple(told),
            stages=tuple(self._stages),
            spent=self._asked.trials.meter.spent,
            grid_calls=self._grid_calls(),
            notes=(*caveats(bench.model), *self._notes()),
            probe=probe(self._tested, self._asked.scores, self._seed),
        )

    def _concluded(self) -> Decision:
        """The verdict; without one, what leads by all that is known, even by what was only explored."""
        decided = self._decided
        if decided.regime != "INCONCLUSIVE":
            return decided
        guessed = dict(self._compared)
        for name, pair in self._pairs.items():
            if name not in guessed and (scores := self._asked.scores(pair)):
                guessed |= compare({name: Pair(*scores)}, self._margins, seed=self._seed)
        leading = decide(guessed, self._margins, cheaper=self._cheaper)
        # What was explored leads, and is no verdict.
        return Decision(
            "INCONCLUSIVE", leading.leading or leading.regime, self._needed(decided), decided.open
        )

    def _needed(self, decided: Decision) -> int | None:
        """Held-out items in all, those that were used up for exploring included."""
        return None if decided.needed is None else decided.needed + len(self._first)

    def _arm(self, regime: Regime) -> Arm:
        assert self._explored is not None
        found = self._explored
        match regime:
            case "KNN":
                return self._best_vote(found.vote)
            case "SSL":
                return found.near
            case "ASL":
                return found.wide
            case "HYBRID":
                return self._menu.hybrid(found.modality, found.near.k)
            case _:
                return self._menu.zero

    def _best_vote(self, shown: Arm) -> Arm:
        """By all items, which cost votes nothing; the one that was compared, where no other does better."""
        votes = [shown, *(vote for one in self._menu.modalities for vote in self._menu.votes(one))]
        self._asked.ask(votes, self._asked.items)
        means = self._asked.means(votes, self._asked.items)
        return max(votes, key=lambda arm: means[arm.key])

    def _shown(self, arm: Arm) -> Point | None:
        return None if arm.changes else self._point(arm)

    def _grid_calls(self) -> int:
        trials = self._asked.trials
        return len(self._asked.items) * sum(len(arm.seeds(trials.seeds)) for arm in self._menu.grid())

    def _notes(self) -> list[str]:
        said = list(self._asked.failed())
        if self._menu.room < self._menu.size:
            said.append(
                f"a prompt holds {self._menu.room:,} of the {self._menu.size:,} examples: that is what all means here"
            )
        if self._asked.spent:
            said.append(f"stopped early: {self._asked.spent.message}")
        return said

    def _too_little(self) -> BudgetSpent:
        spent = self._asked.spent
        return BudgetSpent(
            f"the budget does not pay for a comparison ({spent.message if spent else 'nothing was asked'})",
            field=spent.field if spent else "budget",
            value=spent.value if spent else None,
            mend="Allow a few hundred calls; what was answered is kept and costs nothing when it is run again",
        )


def _affordable(trials: Trials) -> int:
    """Items to explore for half of the calls that are left, at least as many as say anything."""
    limit = trials.meter.limit.calls
    left = _EXPLORED * _MOST_ARMS if limit is None else (limit - trials.meter.spent.calls) // 2
    return max(FEWEST, left // _MOST_ARMS)
