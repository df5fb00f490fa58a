"""A live view of trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .output import progress_console

if TYPE_CHECKING:
    from ..experiments.trials import Standing


@contextmanager
def watching(*, silent: bool) -> Iterator[Callable[[Standing], None]]:
    """What to call with where trials stand; it is shown on standard error while the block lasts."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("asking"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[calls]:,} calls, ${task.fields[usd]:.4f}"),
        TextColumn("{task.fields[pace]}"),
        TextColumn("[yellow]{task.fields[waiting]}"),
    )
    with Progress(*columns, console=progress_console(), transient=True, disable=silent) as bar:
        task = bar.add_task("asking", total=None, calls=0, usd=0.0, pace="", waiting="")

        def watch(at: Standing) -> None:
            bar.update(
                task,
                completed=at.done,
                total=at.total,
                calls=at.spent.calls,
                usd=at.spent.usd,
                pace=f"{at.pace} at a time" if at.pace else "",
                waiting=f"waiting: {at.waiting[:80]}" if at.waiting else "",
            )

        yield watch
