"""Recipes: plain JSON/YAML objects that rebuild the very same prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from .errors import InvalidParameter
from .filters import Filter

OrderName = Literal["similar_last", "similar_first", "ends", "interleaved", "grouped", "random"]
Modality = Literal["image", "text", "joint"]
MODALITIES: tuple[Modality, ...] = ("image", "text", "joint")


class Frozen(BaseModel):
    """Base of every value that is part of a recipe: immutable, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, fields: Mapping[str, Any], where: str = "") -> Self:
        """From a mapping.

        Raises:
            InvalidParameter: Naming the first field at fault and its value.
        """
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            raise invalid(error, where) from None


def invalid(error: ValidationError, where: str = "") -> InvalidParameter:
    """The first complaint of a validation as one clear error."""
    first = error.errors()[0]
    field = ".".join(
        [where, *(str(step) for step in first["loc"])] if where else [str(step) for step in first["loc"]]
    )
    message = first["msg"].removeprefix("Value error, ")
    value = None if first["type"] == "missing" else first["input"]
    return InvalidParameter(message[:1].lower() + message[1:], field=field or None, value=value)


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class SelectorSpec(Frozen):
    """A selector by name with its parameters; a bare name may be written as a string."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)


SelectorField = Annotated[SelectorSpec, BeforeValidator(_named)]


class FilterSpec(Frozen):
    """Which examples may become demonstrations."""

    labels: tuple[str, ...] | None = Field(None, description="Any of these labels.")
    tags: tuple[str, ...] | None = Field(None, description="Any of these tags.")
    splits: tuple[str, ...] | None = Field(
        ("train", ""), description='These splits; "" stands for examples without one, null for every split.'
    )
    groups: tuple[str, ...] | None = Field(None, description="Only these groups.")
    ids: tuple[str, ...] | None = Field(None, description="Only these examples.")
    metadata: dict[str, str | int | Annotated[float, Field(allow_inf_nan=False)] | bool] = Field(
        default_factory=dict, description="Each named metadata value equals the given one."
    )

    def to_filter(self) -> Filter:
        """The filter as the index sees it, before the leak guard adds its exclusions."""
        return Filter(
            labels=self.labels,
            tags=self.tags,
            splits=self.splits,
            groups=self.groups,
            ids=self.ids,
            metadata=self.metadata,
        )


class ImageSpec(Frozen):
    """How images are prepared for a prompt."""

    max_side: int = Field(512, ge=16, le=8000, description="Longest side of a demonstration image, pixels.")
    query_max_side: int = Field(1024, ge=16, le=8000, description="Longest side of a query image, pixels.")
    quality: int = Field(90, ge=1, le=100, description="JPEG quality where an image must be re-encoded.")


class Budget(Frozen):
    """Limits of one prompt; demonstrations that do not fit are dropped, least useful first, and named."""

    max_images: int | None = Field(
        None, ge=0, description="Images in the whole prompt, the query's included."
    )
    max_image_bytes: int | None = Field(None, ge=0, description="Bytes of all images together.")


class Recipe(Frozen):
    """Everything that decides which demonstrations are shown and how.

    The same recipe, pool version and query give the same prompt, byte for byte.
    """

    selector: SelectorField = Field(default_factory=lambda: SelectorSpec(name="rices"))
    k: int = Field(8, ge=0, description="Shots: how many demonstrations.")
    order: OrderName = Field("similar_last", description="Prompt order of the chosen demonstrations.")
    filters: FilterSpec = Field(default_factory=FilterSpec)
    dialect: str = Field("chat", description="How the prompt is laid out.")
    seed: int = Field(0, description="Seeds every random choice.")
    evaluation: bool = Field(
        False, description="Also keep the query's group and its near-duplicates out of the demonstrations."
    )
    images: ImageSpec = Field(default_factory=ImageSpec)
    budget: Budget = Field(default_factory=Budget)
