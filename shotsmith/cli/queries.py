"""`shotsmith select`, `prompt` and `ask`: each goes one step further than the one before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..domain.errors import InvalidInput
from .output import EncoderOption, Json, console, engine, keyed

if TYPE_CHECKING:
    from ..domain.examples import Query
    from ..domain.recipes import Recipe
    from ..engine import Engine
    from ..schemas import SelectionOut

PoolOption = Annotated[str, typer.Option("--pool", "-p", help="Where the demonstrations come from.")]
Images = Annotated[
    list[Path] | None, typer.Option("--image", "-i", help="The query's image; repeat for several.")
]
Text = Annotated[str, typer.Option("--text", "-t", help="The query's text.")]
Id = Annotated[str | None, typer.Option("--id", help="Ask this example of the pool, without its answer.")]
Group = Annotated[str | None, typer.Option(help="The query's group, kept out in evaluation.")]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="A recipe as JSON or YAML; options win over it.")
]
SelectorName = Annotated[
    str | None, typer.Option("--selector", "-s", help="Which examples to take.", show_default="rices")
]
Param = Annotated[
    list[str] | None, typer.Option("--param", "-P", help="A selector's parameter, NAME=VALUE; repeat it.")
]
K = Annotated[int | None, typer.Option("-k", "--shots", help="How many demonstrations.", show_default="8")]
Order = Annotated[
    str | None,
    typer.Option(
        help="similar_last, similar_first, ends, interleaved, grouped or random.", show_default="similar_last"
    ),
]
Dialect = Annotated[str | None, typer.Option(help="How the prompt is laid out.", show_default="chat")]
Seed = Annotated[int | None, typer.Option(help="Seeds every random choice.", show_default="0")]
Split = Annotated[
    list[str] | None,
    typer.Option(help="Splits demonstrations may come from; repeat it.", show_default="train and none"),
]
LabelFilter = Annotated[list[str] | None, typer.Option("--only-label", help="Only these labels; repeat it.")]
Tag = Annotated[list[str] | None, typer.Option(help="Only examples with one of these tags; repeat it.")]
Meta = Annotated[
    list[str] | None, typer.Option("--where", help="Only examples whose metadata NAME=VALUE; repeat it.")
]
Evaluation = Annotated[
    bool, typer.Option("--evaluation", help="Also keep the query's group and near-duplicates out.")
]


def select(
    pool: PoolOption,
    image: Images = None,
    text: Text = "",
    id: Id = None,
    group: Group = None,
    recipe: RecipeFile = None,
    selector: SelectorName = None,
    param: Param = None,
    k: K = None,
    order: Order = None,
    dialect: Dialect = None,
    seed: Seed = None,
    split: Split = None,
    only_label: LabelFilter = None,
    tag: Tag = None,
    where: Meta = None,
    evaluation: Evaluation = False,
    encoder: EncoderOption = None,
    as_json: Json = False,
) -> None:
    """Choose and order demonstrations for a query."""
    from ..schemas import SelectionOut

    chosen = _recipe(
        recipe, selector, param, k, order, dialect, seed, split, only_label, tag, where, evaluation
    )
    with engine(encoder=encoder) as opened:
        query = _query(opened, pool, image, text, id, group)
        selection = SelectionOut.of(opened.select(pool, query, chosen))
    if as_json:
        typer.echo(selection.model_dump_json(indent=2))
    else:
        _show(selection)


def prompt(
    pool: PoolOption,
    image: Images = None,
    text: Text = "",
    id: Id = None,
    group: Group = None,
    recipe: RecipeFile = None,
    selector: SelectorName = None,
    param: Param = None,
    k: K = None,
    order: Order = None,
    dialect: Dialect = None,
    seed: Seed = None,
    split: Split = None,
    only_label: LabelFilter = None,
    tag: Tag = None,
    where: Meta = None,
    evaluation: Evaluation = False,
    encoder: EncoderOption = None,
    as_json: Json = False,
) -> None:
    """Show the prompt a model would receive. With --json, the messages in the OpenAI shape and the manifest."""
    from ..prompts.summary import summarise
    from ..schemas import PromptOut

    chosen = _recipe(
        recipe, selector, param, k, order, dialect, seed, split, only_label, tag, where, evaluation
    )
    with engine(encoder=encoder) as opened:
        query = _query(opened, pool, image, text, id, group)
        built = opened.prompt(opened.select(pool, query, chosen))
    if as_json:
        typer.echo(PromptOut.of(built).model_dump_json(indent=2))
    else:
        typer.echo(summarise(built))


def ask(
    pool: PoolOption,
    image: Images = None,
    text: Text = "",
    id: Id = None,
    group: Group = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help='For example "openai/gpt-5-mini".', show_default="offline/knn-vote"
        ),
    ] = None,
    api_base: Annotated[str | None, typer.Option(help="Another endpoint than the provider's own.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--set", help="A sampling parameter, NAME=VALUE, e.g. temperature=0.")
    ] = None,
    recipe: RecipeFile = None,
    selector: SelectorName = None,
    param: Param = None,
    k: K = None,
    order: Order = None,
    dialect: Dialect = None,
    seed: Seed = None,
    split: Split = None,
    only_label: LabelFilter = None,
    tag: Tag = None,
    where: Meta = None,
    evaluation: Evaluation = False,
    encoder: EncoderOption = None,
    as_json: Json = False,
) -> None:
    """Choose demonstrations, ask a model, and show its answer with usage and cost."""
    from ..schemas import AnswerOut

    chosen = _recipe(
        recipe, selector, param, k, order, dialect, seed, split, only_label, tag, where, evaluation
    )
    parameters = keyed(parameter or [], "--set")
    with engine(encoder=encoder, model_api_base=api_base) as opened:
        query = _query(opened, pool, image, text, id, group)
        given = opened.ask(pool, query, chosen, model=model, parameters=parameters)
    answer = AnswerOut.of(given.reply, given.parsed.answer, given.parsed.how, given.selection, given.prompt)
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
        return
    from rich.markup import escape

    out = console()
    read = "could not be read as a label" if answer.answer is None else escape(answer.answer)
    out.print(f"[bold]{read}[/]  [dim]{escape(answer.text) if answer.text != answer.answer else ''}[/]")
    usage = answer.usage
    tokens = (
        f"{usage.input_tokens:,} + {usage.output_tokens:,} tokens, " if usage.input_tokens is not None else ""
    )
    cost = "unknown cost" if answer.cost_usd is None else f"${answer.cost_usd:.6f}"
    origin = "from the ledger" if answer.from_ledger else f"{answer.latency_ms:,.0f} ms"
    out.print(f"{answer.model}: {tokens}{cost}, {origin}", style="dim")
    for note in answer.notes:
        out.print(f"note: {escape(note)}", style="yellow")
    _show(answer.selection)


def _recipe(
    file: Path | None,
    selector: str | None,
    param: list[str] | None,
    k: int | None,
    order: str | None,
    dialect: str | None,
    seed: int | None,
    split: list[str] | None,
    only_label: list[str] | None,
    tag: list[str] | None,
    where: list[str] | None,
    evaluation: bool,
) -> Recipe:
    from ..domain.recipes import Recipe

    fields = _read(file) if file else {}
    if selector is not None:
        fields["selector"] = {"name": selector}
    if param:
        base = fields.get("selector", "rices")
        base = {"name": base} if isinstance(base, str) else dict(base)
        fields["selector"] = {**base, "params": {**base.get("params", {}), **keyed(param, "--param")}}
    given = {"k": k, "order": order, "dialect": dialect, "seed": seed, "evaluation": evaluation or None}
    fields.update({name: value for name, value in given.items() if value is not None})
    filters = {
        "splits": split,
        "labels": only_label,
        "tags": tag,
        "metadata": keyed(where or [], "--where") or None,
    }
    narrowed = {name: value for name, value in filters.items() if value is not None}
    if narrowed:
        fields["filters"] = {**fields.get("filters", {}), **narrowed}
    return Recipe.read(fields, "recipe")


def _read(file: Path) -> dict[str, Any]:
    import yaml

    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InvalidInput(
            f"the recipe cannot be read: {reason}", field="--recipe", value=str(file)
        ) from None
    if not isinstance(fields, dict):
        raise InvalidInput("the recipe is not a mapping", field="--recipe", value=str(file))
    return fields


def _query(
    opened: Engine, pool: str, images: list[Path] | None, text: str, id: str | None, group: str | None
) -> Query:
    from ..domain.examples import ImageFile

    if id is not None and not images and not text:
        return opened.query_of(pool, id)
    files = []
    for path in images or []:
        try:
            files.append(ImageFile(str(path), path.read_bytes()))
        except OSError as error:
            raise InvalidInput(
                f"the file cannot be read: {error.strerror}",
                field="--image",
                value=str(path),
                mend="Check the path",
            ) from None
    return opened.query(files, text, id=id, group=group)


def _show(selection: SelectionOut) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("id", "label", "score", "rank", "reason", box=None, header_style="bold")
    for shot in selection.demonstrations:
        score = "" if shot.score is None else f"{shot.score:.4f}"
        shown = shot.label or shot.answer
        table.add_row(
            str(shot.position),
            escape(shot.id),
            escape(shown[:40]),
            score,
            str(shot.rank),
            escape(shot.reason),
        )
    out = console()
    if selection.demonstrations:
        out.print(table)
    out.print(
        f"{len(selection.demonstrations)} of {selection.eligible:,} eligible examples, pool {selection.pool} "
        f"version {selection.pool_version}",
        style="dim",
    )
    if selection.removed:
        kept_out = ", ".join(f"{removal.id} ({removal.reason})" for removal in selection.removed[:5])
        more = f" and {len(selection.removed) - 5} more" if len(selection.removed) > 5 else ""
        out.print(f"kept out by the leak guard: {escape(kept_out)}{more}", style="dim")
    for flag in selection.flags:
        out.print(f"note: {escape(flag)}", style="yellow")
