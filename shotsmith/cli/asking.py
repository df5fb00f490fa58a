"""The options that `select`, `prompt` and `ask` share: what is asked, and by which recipe."""

from __future__ import annotations

import inspect
import os.path
import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ..domain.errors import InvalidInput
from .output import EncoderOption, keyed

if TYPE_CHECKING:
    from ..domain.examples import Query
    from ..domain.recipes import Recipe
    from ..engine import Engine

Words = list[str] | None


@dataclass(frozen=True)
class Asked:
    """One query and the options of its recipe, as they came from the command line."""

    pool: Annotated[str, typer.Option("--pool", "-p", help="Where the demonstrations come from.")]
    image: Annotated[
        list[Path] | None, typer.Option("--image", "-i", help="The query's image; repeat for several.")
    ] = None
    media: Annotated[
        list[Path] | None, typer.Option("--media", help="The query's sound or video; repeat for several.")
    ] = None
    text: Annotated[str, typer.Option("--text", "-t", help="The query's text.")] = ""
    id: Annotated[
        str | None, typer.Option("--id", help="Ask this example of the pool, without its answer.")
    ] = None
    group: Annotated[str | None, typer.Option(help="The query's group, kept out in evaluation.")] = None
    meta: Annotated[
        Words,
        typer.Option("--meta", help="What is known of the query, NAME=VALUE, for `matched`; repeat it."),
    ] = None
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            "-r",
            help='A recipe as text, e.g. "rices(k=16)|balanced|similar_last", or a JSON or YAML file; options win.',
        ),
    ] = None
    selector: Annotated[
        str | None,
        typer.Option(
            "--selector",
            "-s",
            help='Which examples to take, e.g. "rices(modality=text)|mmr".',
            show_default="rices",
        ),
    ] = None
    k: Annotated[
        int | None, typer.Option("-k", "--shots", help="How many demonstrations.", show_default="8")
    ] = None
    order: Annotated[
        str | None,
        typer.Option(
            help="similar_last, similar_first, ends, interleaved, grouped or random.",
            show_default="similar_last",
        ),
    ] = None
    dialect: Annotated[str | None, typer.Option(help="How the prompt is laid out.", show_default="chat")] = (
        None
    )
    seed: Annotated[int | None, typer.Option(help="Seeds every random choice.", show_default="0")] = None
    split: Annotated[
        Words,
        typer.Option(help="Splits demonstrations may come from; repeat it.", show_default="train and none"),
    ] = None
    only_label: Annotated[Words, typer.Option("--only-label", help="Only these labels; repeat it.")] = None
    tag: Annotated[Words, typer.Option(help="Only examples with one of these tags; repeat it.")] = None
    where: Annotated[
        Words, typer.Option("--where", help="Only examples whose metadata NAME=VALUE; repeat it.")
    ] = None
    evaluation: Annotated[
        bool, typer.Option("--evaluation", help="Also keep the query's group and near-duplicates out.")
    ] = False
    encoder: EncoderOption = None

    def query(self, opened: Engine) -> Query:
        """The query.

        Raises:
            NotFound: No example of that id.
            InvalidInput: A file cannot be read, or nothing was asked.
        """
        from ..domain.examples import ImageFile, MediaFile

        known = keyed(self.meta or [], "--meta")
        if self.id is not None and not self.image and not self.media and not self.text:
            return opened.query_of(self.pool, self.id, group=self.group, metadata=known)
        images = [ImageFile(str(path), _read(path, "--image")) for path in self.image or []]
        media = [MediaFile(str(path), _read(path, "--media")) for path in self.media or []]
        return opened.query(images, self.text, id=self.id, group=self.group, metadata=known, media=media)

    def to_recipe(self) -> Recipe:
        """The recipe: from text or file, with the options on top.

        Raises:
            InvalidInput: The file cannot be read.
            InvalidParameter: A field has no such value.
        """
        from ..domain.recipes import Recipe

        wanted = read_recipe(self.recipe) if self.recipe is not None else {}
        for name in ("selector", "k", "order", "dialect", "seed"):
            if (value := getattr(self, name)) is not None:
                wanted[name] = value
        if self.evaluation:
            wanted["evaluation"] = True
        filters = {
            "splits": self.split,
            "labels": self.only_label,
            "tags": self.tag,
            "metadata": keyed(self.where or [], "--where") or None,
        }
        if narrowed := {name: value for name, value in filters.items() if value is not None}:
            wanted["filters"] = {**(wanted.get("filters") or {}), **narrowed}
        return Recipe.read(wanted, "recipe")


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"the file cannot be read: {error.strerror}",
            field=option,
            value=str(path),
            mend="Check the path",
        ) from None


def with_query(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first argument is an `Asked`, with the fields of that as options of its own."""
    hints = get_type_hints(Asked, include_extras=True)
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(Asked)
    ]
    _, *own = inspect.signature(command, eval_str=True).parameters.values()

    @wraps(command)
    def run(**given: Any) -> None:
        command(Asked(**{one.name: given.pop(one.name) for one in shared}), **given)

    parameters = [*shared, *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own)]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


#: A name and then anything but the colon of a mapping.
_TEXT_FORM = re.compile(r"\s*[A-Za-z_][\w.-]*\s*[(|]")


def read_recipe(given: str) -> dict[str, Any]:
    """The fields of a recipe file, or of the text form where there is no such file."""
    import yaml

    from ..domain.recipes import Recipe

    file = Path(given)
    listed = file.suffix in (".json", ".yaml", ".yml")
    # `Path.is_file` fails for texts that are too long for a file name.
    if not (listed or os.path.isfile(given)):
        return Recipe.read(given, "--recipe").model_dump()
    try:
        content = file.read_text(encoding="utf-8")
        if not listed and _TEXT_FORM.match(content):
            return Recipe.read(content, "--recipe").model_dump()
        fields = yaml.safe_load(content)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InvalidInput(
            f"the recipe cannot be read: {reason}", field="--recipe", value=str(file)
        ) from None
    if isinstance(fields, str):
        return Recipe.read(fields, "--recipe").model_dump()
    if not isinstance(fields, dict):
        raise InvalidInput("the recipe is neither a mapping nor text", field="--recipe", value=str(file))
    fields.pop("text", None)  # what `shotsmith recipe show --json` tells besides
    return fields
