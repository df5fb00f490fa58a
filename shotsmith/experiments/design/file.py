"""The experiment file: what is asked of whom, in which arms, and what it may cost."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from ...domain.errors import InvalidInput
from ...domain.names import check_pool_name
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
from ...selectors import build
from ...selectors.schema import recipe_schema
from ..perturbations import read_perturbations
from ..trials import Spending

ControlName = Literal[
    "select", "images", "texts", "answers", "labels", "noise", "order", "places", "regime", "render", "query"
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Shots = Annotated[tuple[Count, ...], Field(min_length=1)] | Literal["auto"]


class Fold(Frozen):
    """The frozen test fold, and where demonstrations come from."""

    split: str = Field("test", description="The held-out examples. Synthetic ones are never asked.")
    training: tuple[str, ...] = Field(
        ("train", ""), description='Splits that demonstrations come from; "" is no split.'
    )
    limit: Annotated[Whole, Field(ge=1)] | None = Field(
        None, description="At most so many items, the first of a keyed order."
    )
    unseen: Literal["refuse", "keep", "drop"] = Field(
        "refuse", description="What becomes of items whose label no training example has."
    )


class Focus(Frozen):
    """The arm that controls vary."""

    selector: Text = Field("rices", description="How demonstrations are chosen.")
    k: Annotated[Count, Field(ge=1)] = Field(16, description="Shots; fewer where the pool holds fewer.")


class ArmSpec(Frozen):
    """One arm of one's own."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(description="For people.")
    recipe: RecipeField = Field(description="A recipe, or its text form.")
    changes: str = Field("", description="Perturbations of what it shows, e.g. remove(of=images).")
    instruction: Text | None = Field(None, description="Instead of the pool's.")
    batch: Annotated[Whole, Field(ge=1, le=50)] = Field(1, description="Queries in a call.")


class ExperimentFile(Frozen):
    """An experiment. Zero-shot, majority class, random and kNN vote (k = 1, 5, 15) are always among its arms."""

    name: str = Field(description="Of the run: letters, digits, dots, dashes and underscores.")
    pool: str = Field(description="The pool.")
    test: Fold = Field(default_factory=Fold)
    models: tuple[Text, ...] = Field((), description="Who is asked; by default the configured model.")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="Sampling parameters, e.g. temperature: 0."
    )
    selectors: tuple[Text, ...] = Field(
        ("rices", "random|balanced"), description="What is compared over all shots."
    )
    shots: Shots = Field(
        (1, 2, 4, 8, 16),
        description="How many demonstrations; auto doubles from 1 to what the pool holds or a quarter of the context.",
    )
    all_samples: bool = Field(False, description="Whether one arm shows every training example.")
    controls: tuple[ControlName, ...] = Field((), description="Groups of control arms around the focus.")
    focus: Focus = Field(default_factory=Focus)
    perturbations: tuple[Text, ...] = Field((), description="Further ones of the focus.")
    category: str | None = Field(
        None, description="Metadata by which distractors of the noise group resemble the query."
    )
    instructions: tuple[Text, ...] = Field((), description="Further instructions to try with the focus.")
    search: Literal["all", "ucb", "halving"] = Field(
        "all",
        description="How instructions are tried: all of them about every item, or by a search for the best one.",
    )
    search_share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.4, description="Calls of the search, as a share of asking all of them about every item."
    )
    arms: tuple[ArmSpec, ...] = Field((), description="Arms of one's own.")
    order: OrderName = Field("similar_last", description="Prompt order.")
    dialect: DialectField = Field("chat", validate_default=True, description="How prompts are laid out.")
    seeds: Annotated[tuple[Whole, ...], Field(min_length=1)] = Field(
        (0,), description="Of arms that draw; the others are asked once."
    )
    metrics: tuple[Text, ...] = Field((), description="The first decides; by default the usual one.")
    budget: Spending = Field(default_factory=Spending)
    workers: Annotated[Whole, Field(ge=1, le=512)] = Field(8, description="Items in work at the same time.")
    patience_minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
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
            given = yaml.safe_load(source.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
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
        """From plain data. Raises InvalidParameter, naming the first field at fault."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise complaint(error.errors()[0], where) from None

    @field_validator("name", "pool")
    @classmethod
    def _named(cls, name: str) -> str:
        check_pool_name(name)
        return name

    @field_validator("selectors")
    @classmethod
    def _selectors(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            build(stages_of(one))
        return given

    @field_validator("perturbations")
    @classmethod
    def _perturbations(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            read_perturbations(one)
        return given

    @field_validator("seeds", "models", "selectors", "metrics", "instructions", "perturbations")
    @classmethod
    def _once(cls, given: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(given)) < len(given):
            raise ValueError("something is named twice")
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.test.split in self.test.training:
            raise ValueError(
                f"the test fold overlaps with the training examples: {self.test.split!r} is in both "
                "test.split and test.training"
            )
        if isinstance(self.shots, tuple) and not any(self.shots):
            raise ValueError("shots: give at least one number above 0")
        build(stages_of(self.focus.selector))
        if self.search != "all" and not self.instructions:
            raise ValueError("search: there are no instructions to search the best of")
        names = [one.name for one in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("two arms have the same name")
        for one in self.arms:
            read_perturbations(one.changes)
            build(one.recipe.selector)
            if one.batch > 1 and one.changes:
                raise ValueError(f"arm {one.name!r}: several queries in a call cannot be perturbed")
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
