"""`shotsmith pool ...`"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .output import EncoderOption, Json, console, engine

app = typer.Typer(help="Create, list, show and delete pools.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The pool's name.")]
Kind = Annotated[
    str,
    typer.Option(help="classification, vqa, captioning, regression or open.", show_default="classification"),
]
Instruction = Annotated[str, typer.Option(help="What the model is asked to do.")]
Labels = Annotated[
    list[str] | None, typer.Option("--label", help="A label of a closed label space; repeat it.")
]


@app.command("create")
def create(
    name: Name,
    kind: Kind = "classification",
    instruction: Instruction = "",
    label: Labels = None,
    answer_format: Annotated[str, typer.Option(help="How an answer should look.")] = "",
    encoder: EncoderOption = None,
    as_json: Json = False,
) -> None:
    """Create an empty pool."""
    from ..api import Api
    from ..schemas import PoolIn

    fields = {"name": name, "kind": kind, "instruction": instruction, "labels": label or ()}
    body = PoolIn.read({**fields, "answer_format": answer_format, "encoder": encoder}, "pool")
    with engine() as opened:
        pool = Api(opened).create_pool(body)
    if as_json:
        typer.echo(pool.model_dump_json(indent=2))
    else:
        console().print(f"Created pool [bold]{pool.name}[/] for {pool.kind}, encoder {pool.encoder_id}")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List every pool."""
    from ..api import Api

    with engine() as opened:
        pools = Api(opened).list_pools()
    if as_json:
        typer.echo(json.dumps([pool.model_dump(mode="json") for pool in pools], indent=2, ensure_ascii=False))
        return
    from rich.table import Table

    table = Table("pool", "kind", "examples", "encoder", "version", box=None, header_style="bold")
    for pool in pools:
        table.add_row(pool.name, pool.kind, f"{pool.size:,}", pool.encoder, pool.version)
    console().print(
        table if pools else "No pools yet: `shotsmith import imagefolder DIR --pool NAME` makes one."
    )


@app.command("show")
def show(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many examples to list.")] = 10,
    after: Annotated[str | None, typer.Option(help="List examples after this id.")] = None,
    split: Annotated[str | None, typer.Option(help="Only this split.")] = None,
    label: Annotated[str | None, typer.Option(help="Only this label.")] = None,
    as_json: Json = False,
) -> None:
    """Show a pool and its first examples."""
    from ..api import Api

    with engine() as opened:
        api = Api(opened)
        pool = api.get_pool(name)
        page = api.list_examples(name, after, limit, split, label)
        labels = opened.labels(opened.pool(name))
    if as_json:
        body = {"pool": pool.model_dump(mode="json"), "labels": labels, **page.model_dump(mode="json")}
        typer.echo(json.dumps(body, indent=2, ensure_ascii=False))
        return
    from rich.markup import escape
    from rich.table import Table

    out = console()
    out.print(f"[bold]{pool.name}[/]  {pool.size:,} examples, {pool.kind}, version {pool.version}")
    out.print(f"encoder {pool.encoder_id}", style="dim")
    if labels:
        out.print(f"{len(labels)} labels: {escape(', '.join(labels[:20]))}{' …' if len(labels) > 20 else ''}")
    table = Table("id", "label", "split", "media", "text", box=None, header_style="bold")
    for example in page.examples:
        shown = ", ".join(example.labels) or example.answer
        cells = (example.id, shown[:40], example.split or "", str(len(example.media)), example.text[:60])
        table.add_row(*(escape(cell) for cell in cells))
    out.print(table)


@app.command("delete")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a pool with its examples and vectors."""
    with engine() as opened:
        pool = opened.pool(name)
        if not yes and not as_json:
            typer.confirm(f"Delete pool {name} with {pool.size:,} examples?", abort=True)
        opened.delete_pool(name)
    typer.echo(json.dumps({"deleted": name}) if as_json else f"Deleted pool {name}")
