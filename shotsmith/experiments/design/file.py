"""The experiment file: what is asked of whom, in which arms, and what it may cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from ...clients.vlm.parameters import SAMPLING, sampling
from ...domain.errors import InvalidInput, InvalidParameter
from ...domain.names import check_pool_name, hint
from ...domain.recipes import (
    Count,
    DialectField,
    Frozen,
    OrderName,
    Recipe,
    RecipeField,
    Whole,
    complaint,
    stages_of,
)
from ...prompts.dialects import open_dialect
from ...selectors import build
from ...selectors.schema import recipe_schema
from ..perturbations import read_perturbations
from ..trials import Spending

ControlName = Literal[
    "select", "images", "texts", "answers", "labels", "noise", "order", "places", "regime", "render", "query"
]
_MEND = "`shotsmith experiment schema` tells what a file holds"
_ONCE: dict[str, Any] = {"uniqueItems": True}
_NAME: dict[str, Any] = {"pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"}


def _sound(text: str) -> str:
    if "\x00" in text:
        raise ValueError("the text has NUL characters")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(_sound)]
Shots = (
    Annotated[tuple[Count, ...], Field(min_length=1, json_schema_extra={"contains": {"exclusiveMinimum": 0}})]
    | Literal["auto"]
)
_SEEDS = {"minimum": -(2**63), "maximum": 2**63 - 1}
# Bounds of a type that has a validator of its own do not get into the schema by themselves.
Seed = Annotated[Whole, Field(ge=-(2**63), le=2**63 - 1), WithJsonSchema({"type": "integer", **_SEEDS})]
Positive = Annotated[Whole, Field(ge=1), WithJsonSchema({"type": "integer", "minimum": 1})]


class Fold(Frozen):
    """The frozen test fold, and where demonstrations come from."""

    split: str = Field("test", description="The held-out examples. Synthetic ones are never asked.")
    training: tuple[str, ...] = Field(
        ("train", ""), description='Splits that demonstrations come from; "" is no split.'
    )
    limit: Positive | None = Field(None, description="At most so many items, the first of a keyed order.")
    unseen: Literal["refuse", "keep", "drop"] = Field(
        "refuse", description="What becomes of items whose label no training example has."
    )


class Focus(Frozen):
    """The arm that controls vary."""

    selector: Text = Field("rices", description="How demonstrations are chosen.")
    k: Whole = Field(16, ge=1, description="Shots; fewer where the pool holds fewer.")


class ArmSpec(Frozen):
    """One arm of one's own."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(description="For people.")
    recipe: RecipeField = Field(description="A recipe, or its text form.")
    changes: str = Field("", description="Perturbations of what it shows, e.g. remove(of=images).")
    instruction: Text | None = Field(None, description="Instead of the pool's.")
    batch: Whole = Field(1, ge=1, le=50, description="Queries in a call.")


class ExperimentFile(Frozen):
    """An experiment. Zero-shot, majority class, random and kNN vote (k = 1, 5, 15) are always among its arms."""

    name: str = Field(
        description="Of the run: letters, digits, dots, dashes and underscores.", json_schema_extra=_NAME
    )
    pool: str = Field(description="The pool.", json_schema_extra=_NAME)
    test: Fold = Field(default_factory=Fold)
    models: tuple[Text, ...] = Field(
        (), description="Who is asked; by default the configured model.", json_schema_extra=_ONCE
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="Sampling parameters, e.g. temperature: 0.",
        json_schema_extra={"propertyNames": {"enum": [*sorted(SAMPLING)]}},
    )
    selectors: tuple[Text, ...] = Field(
        ("rices", "random|balanced"),
        description="What is compared over all shots.",
        json_schema_extra=_ONCE,
    )
    shots: Shots = Field(
        (1, 2, 4, 8, 16),
        description="How many demonstrations; auto doubles from 1 to what the pool holds or a quarter of the context.",
    )
    all_samples: StrictBool = Field(False, description="Whether one arm shows every training example.")
    controls: tuple[ControlName, ...] = Field(
        (), description="Groups of control arms around the focus.", json_schema_extra=_ONCE
    )
    focus: Focus = Field(default_factory=Focus)
    perturbations: tuple[Text, ...] = Field(
        (), description="Further ones of the focus.", json_schema_extra=_ONCE
    )
    category: str | None = Field(
        None, description="Metadata by which distractors of the noise group resemble the query."
    )
    instructions: tuple[Text, ...] = Field(
        (), description="Further instructions to try with the focus.", json_schema_extra=_ONCE
    )
    search: Literal["all", "ucb", "halving"] = Field(
        "all",
        description="How instructions are tried: all of them about every item, or by a search for the best one.",
    )
    search_share: Annotated[float, Field(gt=0, le=1, strict=True)] = Field(
        0.4, description="Calls of the search, as a share of asking all of them about every item."
    )
    arms: tuple[ArmSpec, ...] = Field((), description="Arms of one's own.")
    order: OrderName = Field("similar_last", description="Prompt order.")
    dialect: DialectField = Field("chat", validate_default=True, description="How prompts are laid out.")
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = Field(
        (0,), description="Of arms that draw; the others are asked once.", json_schema_extra=_ONCE
    )
    metrics: tuple[Text, ...] = Field(
        (), description="The first decides; by default the usual one.", json_schema_extra=_ONCE
    )
    budget: Spending = Field(default_factory=Spending)
    workers: Whole = Field(8, ge=1, le=512, description="Items in work at the same time.")
    patience_minutes: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)] = Field(
        15.0, description="How long a provider may be down before the run pauses for good."
    )

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """From a YAML or JSON file.

        Raises:
            InvalidInput: It cannot be read, or holds something else; names the field.
        """
        import yaml

        source = Path(path)
        try:
            given = _read_yaml(source.read_text("utf-8"))
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            reason = " ".join(str(getattr(error, "strerror", None) or error).split())
            raise InvalidInput(
                f"the experiment file cannot be read: {reason}",
                field="file",
                value=str(source),
                mend="Name a YAML or JSON file; `shotsmith experiment schema` tells what it holds",
            ) from None
        if not isinstance(given, dict):
            raise InvalidInput(
                "the experiment file holds no fields",
                field="file",
                value=str(source),
                mend="Write at least name: and pool:",
            )
        return cls.read(given)

    @classmethod
    def read(cls, fields: Any, where: str = "") -> Self:
        """From plain data. Raises InvalidInput, naming the first field at fault."""
        if not isinstance(fields, (Mapping, cls)):
            raise InvalidParameter(
                "an experiment has fields",
                field=where or "file",
                value=fields,
                mend="Write at least name: and pool:",
            )
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise _explained(error.errors()[0], where) from None

    @field_validator("name", "pool")
    @classmethod
    def _named(cls, name: str, info: ValidationInfo) -> str:
        with _at(str(info.field_name), "not a name"):
            check_pool_name(name)
        return name

    @field_validator("selectors")
    @classmethod
    def _selectors(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for place, one in enumerate(given):
            with _at(f"selectors.{place}"):
                build(stages_of(one))
        return given

    @field_validator("perturbations")
    @classmethod
    def _perturbations(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for place, one in enumerate(given):
            with _at(f"perturbations.{place}"):
                read_perturbations(one)
        return given

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, given: dict[str, Any]) -> dict[str, Any]:
        sampling(given)
        return given

    @field_validator("dialect")
    @classmethod
    def _dialect(cls, given: str) -> str:
        open_dialect(given)
        return given

    @field_validator("seeds", "models", "selectors", "metrics", "instructions", "perturbations", "controls")
    @classmethod
    def _once(cls, given: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        for place, one in enumerate(given):
            if one in given[:place]:
                raise InvalidParameter(
                    "named twice", field=f"{info.field_name}.{place}", value=one, mend="Leave one of them out"
                )
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.test.split in self.test.training:
            raise InvalidParameter(
                "the test fold overlaps with the training examples: the split is in test.training as well",
                field="test.split",
                value=self.test.split,
                mend="Name another split, or leave it out of test.training",
            )
        if isinstance(self.shots, tuple) and not any(self.shots):
            raise InvalidParameter(
                "give at least one number above 0; zero-shot is always there",
                field="shots",
                value=list(self.shots),
                mend="For example [1, 2, 4, 8, 16], or auto",
            )
        with _at("focus.selector"):
            build(stages_of(self.focus.selector))
        if self.search != "all" and not self.instructions:
            raise InvalidParameter(
                "there are no instructions to search the best of",
                field="search",
                value=self.search,
                mend="Name some in instructions, or leave search out",
            )
        for place, one in enumerate(self.arms):
            where = f"arms.{place}"
            if any(one.name == before.name for before in self.arms[:place]):
                raise InvalidParameter(
                    "two arms have the same name", field=f"{where}.name", value=one.name, mend="Rename one"
                )
            with _at(f"{where}.recipe"):
                build(one.recipe.selector)
                open_dialect(one.recipe.dialect)
            if one.changes:
                with _at(f"{where}.changes"):
                    read_perturbations(one.changes)
            if one.batch > 1 and one.changes:
                raise InvalidParameter(
                    "several queries in a call cannot be perturbed",
                    field=f"{where}.batch",
                    value=one.batch,
                    mend="Leave batch or changes out",
                )
        return self

    @property
    def base(self) -> Recipe:
        """What the recipes of its arms have in common."""
        return Recipe.read(
            {
                "order": self.order,
                "dialect": self.dialect,
                "evaluation": True,
                "seed": self.seeds[0],
                "filters": {"splits": list(self.test.training)},
            }
        )


def experiment_schema() -> dict[str, Any]:
    """The JSON Schema of experiment files, with that of recipes in it."""
    own = ExperimentFile.model_json_schema()
    recipes = recipe_schema()
    shared = {**own.pop("$defs"), **recipes["$defs"]}
    shared["ArmSpec"]["properties"]["recipe"] = {
        "anyOf": recipes["anyOf"],
        "description": "A recipe, or its text form.",
    }
    return {"$schema": recipes["$schema"], **own, "$defs": shared}


@contextmanager
def _at(field: str, message: str | None = None) -> Iterator[None]:
    """Errors of a part under the name that it has in the file."""
    try:
        yield
    except InvalidInput as error:
        raise type(error)(
            message or error.message, field=field, value=error.value, mend=error.mend or _MEND
        ) from None


def _explained(fault: ErrorDetails, where: str) -> InvalidParameter:
    # Steps that name a branch of a union are nothing that anybody wrote.
    steps = tuple(step for step in fault["loc"] if not (isinstance(step, str) and "[" in step))
    told = complaint({**fault, "loc": steps}, where)
    message, mend = told.message.replace("valid tuple", "list").replace("tuple should", "list should"), _MEND
    if fault["type"] == "extra_forbidden":
        known: Mapping[str, Any] = ExperimentFile.model_fields
        for step in steps[:-1]:
            inner = _PARTS.get(str(step))
            known = inner.model_fields if inner else known
        message, mend = "no such field", f"{hint(str(steps[-1]), known)}Known: {', '.join(known)}"
    elif steps == ("shots",):
        message, mend = "a list of whole numbers, or auto", "For example [1, 2, 4, 8, 16]"
    return InvalidParameter(message, field=told.field or where or "file", value=told.value, mend=mend)


_PARTS: Mapping[str, type[Frozen]] = {"test": Fold, "focus": Focus, "budget": Spending, "arms": ArmSpec}


def _read_yaml(text: str) -> Any:
    """YAML, in which no field is given twice: all but the last would be lost without a word."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key, _ in node.value:
                if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} is given twice", key.start_mark
                    )
                if isinstance(key, yaml.ScalarNode):
                    seen.add(key.value)
            return super().construct_mapping(node, deep)

    return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
