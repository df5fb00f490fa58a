"""Recipes: plain JSON/YAML objects, or one line of text, that rebuild the very same prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails

from .errors import InvalidParameter
from .filters import Filter
from .recipe_text import HALF, Segment, read_segments, write_segments

OrderName = Literal["similar_last", "similar_first", "ends", "interleaved", "grouped", "random"]
Modality = Literal["image", "text", "joint"]
SymbolKind = Literal["none", "classes", "letters", "words"]
MODALITIES: tuple[Modality, ...] = ("image", "text", "joint")
#: Short names of selectors; recipes keep the long ones.
ALIASES: Mapping[str, str] = {"random": "random_per_query"}


class Frozen(BaseModel):
    """Base of every value that is part of a recipe: immutable, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, fields: Mapping[str, Any] | str, where: str = "") -> Self:
        """From a mapping, or from text where there is a text form.

        Raises:
            InvalidParameter: Naming the first field at fault and its value.
        """
        try:
            return cls.model_validate(dict(fields) if isinstance(fields, Mapping) else fields)
        except ValidationError as error:
            raise invalid(error, where) from None


def invalid(error: ValidationError, where: str = "") -> InvalidParameter:
    """The first complaint of a validation as one clear error."""
    return complaint(error.errors()[0], where)


def complaint(first: ErrorDetails, where: str = "") -> InvalidParameter:
    """One complaint of pydantic as a clear error."""
    field = ".".join([*([where] if where else []), *(str(step) for step in first["loc"])])
    message = first["msg"].removeprefix("Value error, ")
    value = None if first["type"] == "missing" else first["input"]
    return InvalidParameter(message[:1].lower() + message[1:], field=field or None, value=value)


def _number(given: Any) -> Any:
    if isinstance(given, bool):
        raise ValueError("input should be a whole number, not true or false")
    if isinstance(given, str):
        raise ValueError("input should be a whole number, not a text")
    return given


#: A whole number; pydantic alone would take true for 1 and "3" for 3.
Whole = Annotated[int, BeforeValidator(_number)]
#: Not below zero.
Count = Annotated[int, Field(ge=0), BeforeValidator(_number)]


class SelectorSpec(Frozen):
    """A selector or a stage by its registered name, with its parameters."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        name, params = given.get("name"), given.get("params", {})
        if isinstance(params, Mapping):
            params = {key: _flat(value) for key, value in params.items()}
        return {**given, "name": ALIASES.get(name, name) if isinstance(name, str) else name, "params": params}


def _flat(value: Any) -> Any:
    """Selectors within parameters as text, so that equal recipes are spelled alike."""
    if isinstance(value, Mapping):
        if value.keys() == {"name", "params"} and isinstance(value["name"], str):
            return stages_text((SelectorSpec.model_validate(value),))
        return {name: _flat(one) for name, one in value.items()}
    if isinstance(value, str) and HALF.search(value):
        raise ValueError("half of a surrogate pair")
    return [_flat(one) for one in value] if isinstance(value, (list, tuple)) else value


def _stages(given: Any) -> Any:
    """Specs from what people write: a name, the text form, one spec, or a list of any of these."""
    if isinstance(given, str):
        return tuple(SelectorSpec(name=one.name, params=dict(one.arguments)) for one in _read(given))
    if isinstance(given, (Mapping, SelectorSpec)):
        return (given,)
    if isinstance(given, Sequence):
        found: list[Any] = []
        for one in given:
            found += _stages(one) if isinstance(one, str) else [one]
        return tuple(found)
    return given


def _read(text: str) -> list[Segment]:
    try:
        return read_segments(text)
    except InvalidParameter as error:
        raise ValueError(f"{error.message}. {error.mend}") from None


class _Spelled:
    """Tells JSON Schema that a text, or one item alone, is read as well as what comes out."""

    def __init__(self, *, alone: bool = False) -> None:
        self._alone = alone

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        if handler.mode == "serialization":
            return schema
        if not self._alone:
            return {"anyOf": [schema, {"type": "string"}]}
        written = {"anyOf": [schema["items"], {"type": "string", "minLength": 1}]}
        return {"anyOf": [*written["anyOf"], {**schema, "items": written}]}


Stages = tuple[SelectorSpec, ...]
_MOST_STAGES = 32
#: A selector and the stages after it, most often one selector alone.
SelectorField = Annotated[
    Annotated[Stages, Field(min_length=1, max_length=_MOST_STAGES)],
    BeforeValidator(_stages),
    _Spelled(alone=True),
]


def stages_of(given: str | SelectorSpec | Stages) -> Stages:
    """A selector with its stages, from whatever spells it.

    Raises:
        InvalidParameter: It cannot be read.
    """
    return Recipe.read({"selector": given}).selector


def stages_text(stages: Stages) -> str:
    """Selector and stages as text, e.g. `rices(modality=text)|balanced`."""
    return write_segments([Segment(one.name, one.params) for one in stages])


def _listed(given: Any) -> Any:
    if isinstance(given, str):
        return (given,)
    return tuple(given) if isinstance(given, list) else given


Names = Annotated[tuple[str, ...], BeforeValidator(_listed), _Spelled()]


class FilterSpec(Frozen):
    """Which examples may become demonstrations."""

    labels: Names | None = Field(None, description="Any of these labels.")
    tags: Names | None = Field(None, description="Any of these tags.")
    splits: Names | None = Field(
        ("train", ""), description='These splits; "" stands for examples without one, null for every split.'
    )
    groups: Names | None = Field(None, description="Only these groups.")
    ids: Names | None = Field(None, description="Only these examples.")
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

    max_side: Whole = Field(512, ge=16, le=8000, description="Longest side of a demonstration image, pixels.")
    query_max_side: Whole = Field(1024, ge=16, le=8000, description="Longest side of a query image, pixels.")
    quality: Whole = Field(90, ge=1, le=100, description="JPEG quality where an image must be re-encoded.")


class AudioSpec(Frozen):
    """How sounds are prepared for a prompt."""

    form: Literal["kept", "speech"] = Field(
        "kept",
        description="kept: WAV and MP3 as they are, others as WAV. speech: WAV, one channel, 16,000 samples a second.",
    )


class VideoSpec(Frozen):
    """How videos are shown in a prompt: as still pictures at regular times, of the sizes that images have."""

    frames: Whole = Field(8, ge=1, le=256, description="Pictures of a demonstration's video.")
    query_frames: Whole = Field(8, ge=1, le=256, description="Pictures of a query's video.")
    stamps: StrictBool = Field(
        True, description="Whether each picture is preceded by its time, as in [0:03]."
    )


class Budget(Frozen):
    """Limits of one prompt, beside those of the model it is for.

    The query and the room for an answer are reserved first. Where demonstrations do not fit, their images are made
    smaller step by step, down to `min_side`; those that still do not fit are dropped whole, least useful first, and
    named.
    """

    max_images: Count | None = Field(None, description="Images in the whole prompt, the query's included.")
    max_image_bytes: Count | None = Field(None, description="Bytes of all images together.")
    max_tokens: Count | None = Field(None, description="Tokens of the whole prompt, as estimated.")
    max_usd: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)] | None = Field(
        None, description="Price of one call in US dollars, answer included, as estimated."
    )
    answer_tokens: Count = Field(256, description="Tokens kept free for the answer.")
    min_side: Whole = Field(
        128,
        ge=16,
        le=8000,
        description="Demonstration images are made no smaller than this to fit, longest side, pixels.",
    )


def _dialect(given: Any) -> Any:
    """One spelling for equal dialects; what cannot be read stays as it is, for the registry to refuse by name."""
    if not isinstance(given, str):
        return given
    try:
        return write_segments(read_segments(given))
    except InvalidParameter:
        return given


#: A dialect's text form, e.g. `text(summary=intent)`.
DialectField = Annotated[str, BeforeValidator(_dialect)]


class Recipe(Frozen):
    """Everything that decides which demonstrations are shown and how.

    The same recipe, pool version and query give the same prompt, byte for byte. Its text form, as in
    `rices(k=16)|balanced|similar_last`, is read wherever a recipe is; `text` writes it.
    """

    selector: SelectorField = Field(
        (SelectorSpec(name="rices"),),
        description="A selector and the stages that rework its choice, in that order.",
    )
    k: Count = Field(8, description="Shots: how many demonstrations.")
    order: OrderName = Field("similar_last", description="Prompt order of the chosen demonstrations.")
    filters: FilterSpec = Field(default_factory=FilterSpec)
    dialect: DialectField = Field(
        "chat", description="How the prompt is laid out: a dialect with its options, e.g. collage(columns=4)."
    )
    symbols: SymbolKind = Field(
        "none",
        description="What stands for the labels in prompts: themselves, numbered classes, letters or words.",
    )
    seed: Whole = Field(0, description="Seeds every random choice.")
    evaluation: StrictBool = Field(
        False, description="Also keep the query's group and its near-duplicates out of the demonstrations."
    )
    images: ImageSpec = Field(default_factory=ImageSpec)
    audio: AudioSpec = Field(default_factory=AudioSpec)
    video: VideoSpec = Field(default_factory=VideoSpec)
    budget: Budget = Field(default_factory=Budget)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        return _fields(given) if isinstance(given, str) else given

    @property
    def text(self) -> str:
        """The text form: `Recipe.read(recipe.text)` is an equal recipe."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        first, *rest = self.selector
        segments = [Segment(first.name, {**first.params, "k": self.k})]
        segments += [Segment(one.name, one.params) for one in rest]
        segments.append(Segment(self.order))
        if filters := given.get("filters"):
            segments.insert(0, Segment("where", filters))
        options = {name: given[name] for name in _OPTIONS if name in given}
        return write_segments([*segments, *([Segment("with", options)] if options else [])])


#: A recipe or its text form.
RecipeField = Annotated[Recipe, _Spelled()]

_OPTIONS = ("dialect", "symbols", "seed", "evaluation", "images", "audio", "video", "budget")


def _fields(text: str) -> dict[str, Any]:
    """A recipe's fields from its text form."""
    fields: dict[str, Any] = {}
    stages: list[dict[str, Any]] = []

    def take(name: str, value: Any) -> None:
        if name in fields:
            raise ValueError(f"{name} is given twice")
        fields[name] = value

    for segment in _read(text):
        name, arguments = segment.name, dict(segment.arguments)
        if name == "where":
            if stages or fields:
                raise ValueError("where(...) comes first")
            take("filters", arguments)
        elif name == "with":
            if unknown := [one for one in arguments if one not in _OPTIONS]:
                raise ValueError(f"with(...) takes {', '.join(_OPTIONS)}, not {unknown[0]}")
            for option, value in arguments.items():
                take(option, value)
        elif stages and name in _ORDERS:
            if arguments:
                raise ValueError(f"the order {name} takes no arguments")
            take("order", name)
        elif "order" in fields:
            raise ValueError(f"{name} stands after the order: selectors and stages come before it")
        else:
            if "k" in arguments:
                take("k", arguments.pop("k"))
            stages.append({"name": name, "params": arguments})
    if not stages:
        raise ValueError("no selector is named")
    return {"selector": stages, **fields}


_ORDERS = frozenset(get_args(OrderName))
