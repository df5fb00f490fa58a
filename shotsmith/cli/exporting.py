"""`shotsmith export`: ordered demonstrations of many queries as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..domain.errors import InvalidInput
from ..progress import progress
from .asking import Asked
from .output import EncoderOption, Json, console, engine, progress_console

if TYPE_CHECKING:
    from ..domain.examples import Query
    from ..engine import Engine


def export(
    pool: Annotated[str, typer.Option("--pool", "-p", help="Where the demonstrations come from.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The directory to write.")],
    split: Annotated[
        str | None, typer.Option(help="Ask every example of this split, without its answer.")
    ] = None,
    id: Annotated[
        list[str] | None, typer.Option("--id", help="Ask this example, without its answer; repeat it.")
    ] = None,
    image: Annotated[
        list[Path] | None, typer.Option("--image", "-i", help="One query's image; repeat for several.")
    ] = None,
    text: Annotated[str, typer.Option("--text", "-t", help="One query's text.")] = "",
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            "-r",
            help='A recipe as text, e.g. "rices(k=16)|balanced|similar_last", or a JSON or YAML file.',
            show_default="rices(k=8)|similar_last",
        ),
    ] = None,
    evaluation: Annotated[
        bool, typer.Option("--evaluation", help="Also keep a query's group and near-duplicates out.")
    ] = False,
    prepared: Annotated[
        bool, typer.Option("--prepared", help="Images as prompts carry them instead of the originals.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    encoder: EncoderOption = None,
    as_json: Json = False,
) -> None:
    """Write ordered demonstrations as Parquet and safetensors, for methods that look into a model."""
    from ..exports import export as run

    asked = Asked(pool=pool, image=image, text=text, recipe=recipe, evaluation=evaluation)
    chosen = asked.to_recipe()
    with engine(encoder=encoder) as opened:
        queries = _queries(opened, asked, split, id or [])
        with progress(progress_console(), "exporting", silent=as_json) as tick:
            done = run(
                opened,
                pool,
                queries,
                chosen,
                out,
                images="prepared" if prepared else "original",
                overwrite=overwrite,
                progress=tick,
            )
    if as_json:
        typer.echo(json.dumps({"out": str(done.path), **done.manifest}, ensure_ascii=False))
        return
    parts = ", ".join(f"{count:,} {what}" for what, count in done.counts.items())
    console().print(f"{done.path}: {parts}", markup=False, soft_wrap=True)


def _queries(opened: Engine, asked: Asked, split: str | None, ids: list[str]) -> list[str] | list[Query]:
    from ..exports import split_ids

    given = [split is not None, bool(ids), bool(asked.image or asked.text)]
    if sum(given) != 1:
        raise InvalidInput(
            "queries come from one place" if any(given) else "nothing is asked",
            field="--split",
            mend="Give one of --split, --id, or --image and --text",
        )
    if split is not None:
        return split_ids(opened, asked.pool, split)
    return ids or [asked.query(opened)]
