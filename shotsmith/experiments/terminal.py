"""A comparison in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arms import MAJORITY, ZERO_SHOT
from .results import ArmResult, Comparison
from .words import compact, title

if TYPE_CHECKING:
    from rich.table import Table


def arms_table(comparison: Comparison) -> Table:
    """Accuracy with 95 % intervals, a row for each family and a column for each k; bold: surely above random."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("accuracy, %", no_wrap=True)
    for k in comparison.shots:
        table.add_column(f"k={k}", justify="right", no_wrap=True)
    for family in comparison.families:
        if family in (ZERO_SHOT, MAJORITY):
            continue
        found = [comparison.find(family, k) for k in comparison.shots]
        table.add_row(escape(title(family)), *(_cell(one) if one else "" for one in found))
    for family in (ZERO_SHOT, MAJORITY):
        if one := comparison.find(family):
            table.add_row(family, compact(one.accuracy))
    return table


def _cell(result: ArmResult) -> str:
    better = result.to_random is not None and result.to_random.low > 0
    return f"[bold]{compact(result.accuracy)}[/]" if better else compact(result.accuracy)
