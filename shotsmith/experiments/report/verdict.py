"""The verdict in plain words: what to use, why, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.errors import InvalidParameter
from ..advisor import Advice, Point
from ..arms import Arm
from ..words import capital, chance, money, named_arm, percent, verdict_of
from .account import Account
from .arms import ArmRow

_MEANS = {
    "NO-ICL": "Demonstrations do not help here",
    "KNN": "No model is needed: the nearest examples vote as well",
    "SSL": "Show the nearest few examples of each query",
    "ASL": "Show many examples, the same ones for every query",
    "HYBRID": "Show a fixed part together with the nearest examples",
    "INCONCLUSIVE": "These queries do not decide it yet",
}
_NAMES = {
    "NO-ICL": "no demonstrations",
    "KNN": "nearest neighbours without a model",
    "SSL": "similar-sample learning",
    "ASL": "all-sample learning",
    "HYBRID": "both kinds of demonstrations",
    "INCONCLUSIVE": "not decided",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a report begins with.

    Attributes:
        title: The finding as a headline.
        regime: Its name; empty where nobody asked for one.
        means: What the name stands for.
        sentences: Why, the decisive one first.
        undecided: For INCONCLUSIVE: what it leans to and how many queries it needs; empty otherwise.
        use: The arm to use, for people; empty where there is none.
        recipe: As one line of text; empty where there is none.
        recipe_json: The same as JSON.
        facts: Numbers beside it: a name and a value each.
    """

    title: str
    regime: str
    means: str
    sentences: tuple[str, ...]
    undecided: str
    use: str
    recipe: str
    recipe_json: str
    facts: tuple[tuple[str, str], ...]


def verdict(account: Account, rows: list[ArmRow]) -> Verdict:
    """What was found, with advice or without."""
    advice = account.advice
    arm = advice.arm if advice else account.featured
    row = next((one for one in rows if arm and one.arm.key == arm.key), None)
    sentences = advice.why if advice else tuple(_compared(row)) if row else ()
    regime = advice.regime if advice else ""
    pool = account.name or account.bench.pool.name
    return Verdict(
        title=_MEANS[regime] if regime else f"Which demonstrations help on “{pool}”",
        regime=regime,
        means=_NAMES.get(regime, ""),
        sentences=tuple(sentences),
        undecided=_undecided(account, advice) if advice and regime == "INCONCLUSIVE" else "",
        use=named_arm(arm) if arm and advice else "",
        recipe=_text(arm) if arm else "",
        recipe_json=arm.recipe.model_dump_json(indent=2) if arm and arm.recipe else "",
        facts=tuple(_facts(account, arm, row)),
    )


def _undecided(account: Account, advice: Advice) -> str:
    have = len(account.findings.items)
    leaning = (
        f"If the scores as measured were the truth, it would be {advice.leading} ({_NAMES[advice.leading]}). "
        if advice.leading
        else ""
    )
    if advice.needed is None:
        return f"{leaning}How many held-out queries would decide it cannot be told from these {have:,}."
    return (
        f"{leaning}About {advice.needed:,} held-out queries would decide it, with 80 % power; "
        f"there were {have:,}."
    )


def _compared(row: ArmRow) -> list[str]:
    said = [f"{named_arm(row.arm, begins=True)} scores {percent(row.score)}."]
    against = {
        "no demonstrations": row.changes.to_zero_shot,
        "as many random ones": row.changes.to_random,
    }
    told = [
        f"against {name} that is {verdict_of(one.estimate)} ({chance(one.p)} among all such comparisons)"
        for name, one in against.items()
        if one
    ]
    if told:
        joined = "; ".join(told)
        said.append(f"{capital(joined)}.")
    return said


def _facts(account: Account, arm: Arm | None, row: ArmRow | None) -> list[tuple[str, str]]:
    advice = account.advice
    point = next((one for one in advice.points if arm and one.arm.key == arm.key), None) if advice else None
    facts: list[tuple[str, str]] = []
    if point:
        facts += [("Score", percent(point.score)), ("Price of 1,000 queries", _price(point))]
        facts += [("95 % of calls take at most", f"{point.p95_ms:,.0f} ms")] if point.p95_ms else []
    elif row:
        price = money(row.usd) if row.arm.asks else "free, no model"
        facts += [("Score", percent(row.score)), ("Price of 1,000 queries", price)]
    if advice:
        spent = advice.spent
        calls = f"{spent.calls:,}" + (
            f" of {advice.grid_calls:,} in a full grid" if advice.grid_calls else ""
        )
        facts += [("Calls made", calls), ("Spent", money(spent.usd) + _unpriced(spent.unpriced))]
    return facts


def _price(point: Point) -> str:
    return money(point.usd) if point.arm.asks else "free, no model"


def _unpriced(calls: int) -> str:
    return f" and {calls:,} calls of unknown price" if calls else ""


def _text(arm: Arm) -> str:
    if arm.recipe is None:
        return ""
    try:
        # As it is used: evaluation's leak guard is for held-out queries.
        return arm.recipe.model_copy(update={"evaluation": False}).text
    except InvalidParameter:  # a selector whose name the text form cannot hold; JSON has it
        return ""
