"""`shotsmith ask-many`: the stored examples of a split as queries, several in a call."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from ..domain.errors import InvalidParameter
from .asking import read_recipe
from .output import EncoderOption, Json, console, engine, keyed

if TYPE_CHECKING:
    from ..domain.examples import Example
    from ..schemas import BatchOut

_PAGE = 500


def ask_many(
    pool: Annotated[str, typer.Option("--pool", "-p", help="Where queries and demonstrations come from.")],
    size: Annotated[int, typer.Option("--size", "-b", help="Queries in a call, 1 to 50.")] = 10,
    split: Annotated[str, typer.Option(help="Its examples are asked, without their answers.")] = "test",
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="At most so many.", show_default="all")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="A recipe as text, or a JSON or YAML file.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Who answers.", show_default="offline/knn-vote")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--set", help="A sampling parameter, NAME=VALUE, e.g. temperature=0.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Batches in work at the same time.")] = 1,
    encoder: EncoderOption = None,
    as_json: Json = False,
) -> None:
    """Ask many queries, several in a call: cheaper, and each ends with its own answer or with none."""
    from ..api import Api
    from ..schemas import BatchIn

    with engine(encoder=encoder) as opened:
        asked: dict[str, Example] = {}
        last = None
        while page := opened.examples(pool, after=last, limit=_PAGE, split=split):
            asked |= {one.id: one for one in page}
            last = page[-1].id
            if limit is not None and len(asked) >= limit:
                break
        if not asked:
            raise InvalidParameter(
                "no example to ask", field="--split", value=split, mend="Name another split"
            )
        asked = dict(islice(asked.items(), limit))
        body = BatchIn.read(
            {
                "pool": pool,
                "queries": [{"id": id} for id in asked],
                "recipe": {"evaluation": True} if recipe is None else read_recipe(recipe),
                "batch_size": size,
                "model": model,
                "parameters": keyed(parameter or [], "--set"),
                "workers": workers,
            }
        )
        found = Api(opened).answer_many(body)
        known = opened.pool(pool)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    from ..experiments.truths import right, truth

    expected = {id: truth(known, one) for id, one in asked.items()}
    hits = sum(right(known, one.answer, expected[one.id or ""]) for one in found.answers)
    _show(found, expected, hits)


def _show(found: BatchOut, expected: dict[str, str], hits: int) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("id", "answer", "truth", "how", "attempts", box=None, header_style="bold")
    for one in found.answers:
        answer = "–" if one.answer is None else one.answer
        cells = (one.id or "", answer[:40], expected[one.id or ""][:40], one.how, str(one.attempts))
        table.add_row(*map(escape, cells))
    out = console()
    out.print(table)
    total = found.total
    tokens = (
        ""
        if not total.input_tokens
        else f", {total.input_tokens:,.0f} + {total.output_tokens or 0:,.0f} tokens"
    )
    cost = "unknown cost" if total.cost_usd is None else f"${total.cost_usd:.6f}"
    count = len(found.answers)
    out.print(
        f"{hits} of {count} right ({hits / count:.0%}), {total.calls:,.0f} calls{tokens}, {cost}", style="dim"
    )
