"""The report of an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..arms import Arm
from ..metrics import METRICS
from ..words import named_arm, title
from .account import Account, scale
from .arms import ArmRow, arm_rows
from .behaviour import behaviour
from .charts.curves import depth_chart, regime_chart, reliability_chart, risk_chart
from .charts.forest import forest, told
from .charts.front import front_chart
from .charts.shots import Dot, shots_chart
from .confusions import UNREAD, confusions
from .failures import failures
from .front import front
from .page import page
from .regime import regimes
from .scores import other_metrics
from .sureness import sureness
from .verdict import verdict


@dataclass(frozen=True, slots=True)
class _Curves:
    """A chart of scores over shots."""

    metric: str
    model: str
    spec: dict[str, Any]
    usual: bool


def render_findings(account: Account) -> str:
    """An experiment as one HTML page with everything inline.

    Args:
        account: What was found, and where prompts and pictures come from.

    Raises:
        InvalidInput: A truth is no answer to the task.
    """
    rows = arm_rows(account)
    metric = METRICS[account.findings.metric]
    measure = metric.title
    regime, offers, habits = (
        regimes(account),
        front(account, rows, lower=metric.better == "lower"),
        behaviour(account),
    )
    sure, confused = sureness(account), confusions(account)
    featured, pool, findings = account.featured, account.bench.pool, account.findings
    return page(
        "experiment.html.j2",
        account=account,
        verdict=verdict(account, rows),
        metric=metric.title,
        lower=metric.better == "lower",
        by_items=metric.name != "macro_f1",
        alike=_alike(account),
        rows=rows,
        parts=_parts(rows),
        featured=featured,
        curves=_curves(account),
        regime=regime,
        regime_chart=regime_chart(regime.spots, measure) if regime.spots else None,
        ratio_chart=forest(regime.ratios, 1, "ratio of scores") if regime.ratios else None,
        difference_chart=(
            forest(regime.differences, 0, f"difference in {measure}") if regime.differences else None
        ),
        told=told,
        offers=offers,
        front_chart=front_chart(offers, measure, lower=metric.better == "lower"),
        confused=confused,
        unread=UNREAD,
        habits=habits,
        depth_chart=depth_chart(habits.depths, measure) if habits and habits.depths else None,
        sure=sure,
        reliability_chart=reliability_chart(sure[0].chart.bins) if sure else None,
        risk_chart=risk_chart(sure) if sure else None,
        failures=failures(account),
        origin=[
            ("Pool", pool.name),
            ("Pool version", pool.version),
            ("Encoder", pool.encoder_id),
            ("Held-out split", account.bench.split),
            ("Seeds", ", ".join(map(str, findings.seeds))),
        ],
        recipe=featured.recipe.model_dump_json(indent=2) if featured and featured.recipe else "",
        featured_name=named_arm(featured) if featured else "",
    )


def _parts(rows: list[ArmRow]) -> list[tuple[str, list[list[ArmRow]]]]:
    """Rows by the part of the experiment that they belong to, and within it by family."""
    parts: dict[str, dict[str, list[ArmRow]]] = {}
    for row in rows:
        parts.setdefault(row.arm.group, {}).setdefault(row.arm.family, []).append(row)
    return [
        (name, [sorted(family, key=lambda row: row.arm.k) for family in families.values()])
        for name, families in parts.items()
    ]


def _curves(account: Account) -> list[_Curves]:
    """By metric, the decisive one first, and by model; not where all scores are those of the decisive one."""
    made = []
    usual = account.findings.metric
    first: dict[str, list[Dot]] = {}
    for name in (usual, *other_metrics(account.findings)):
        for model in account.models:
            arms = [
                arm
                for arm in account.asked
                if scale(arm) and (not arm.asks or account.model_of(arm) == model)
            ]
            dots = [dot for arm in arms if (dot := _dot(account, arm, name))]
            same = first.setdefault(model, dots) == dots and name != usual
            if len(dots) == len(arms) and any(dot.k for dot in dots) and not same:
                share = all(dot.score.high <= 1 for dot in dots)
                measure = METRICS[name].title
                spec = shots_chart(dots, measure, share=share)
                made.append(_Curves(measure, model if len(account.models) > 1 else "", spec, name == usual))
    return made


def _alike(account: Account) -> list[str]:
    """Other metrics by which every arm has the very same score."""
    told = []
    for name in other_metrics(account.findings):
        pairs = [(account.scored.mean(arm), account.scored.mean(arm, name)) for arm in account.asked]
        if pairs and all(one == other for one, other in pairs):
            told.append(METRICS[name].title)
    return told


def _dot(account: Account, arm: Arm, metric: str) -> Dot | None:
    score = account.scored.mean(arm, metric)
    return Dot(title(arm.family), arm.k, score, arm.baseline) if score is not None else None
