"""A retriever and a few-shot optimiser for DSPy. Extra: `shotsmith[dspy]`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from types import MethodType
from typing import Any

from ..clients.sdk import AsyncClient, Client
from ..clients.sdk.calls import RecipeLike, example_in
from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import OnConflict
from ..schemas import ExampleIn
from ._access import PoolAccess, Shot
from ._extras import needs_extra
from ._records import check_names, images_of, key_of, required, text_of

with needs_extra("dspy"):
    import dspy  # type: ignore[import-untyped]

Names = str | Sequence[str]
_SETTING = "shotsmith_demos"


class ShotsmithKNN:
    """The examples of a Shotsmith pool for a call, as `dspy.KNN` returns them, but in prompt order.

    Texts are compared as texts and images as images, by the pool's encoder and the recipe; the leak guard keeps the
    call's own content out.

    Args:
        client: A `Client`, or an `AsyncClient` for the async methods only.
        pool: Where the examples come from.
        recipe: How to choose: an object, a mapping, or text such as "rices(k=16)|balanced|similar_last".
        input_fields: The text inputs. One is stored as the example's text. Several are joined to that text, one
            "name: value" after the other, and come back one by one at the price of one call an example.
        image_field: The input that holds a `dspy.Image` or a list of them; None for text alone.
        output_fields: The outputs, as texts. The first one is the example's answer.
        id_field: Holds the id. A call that is an example of the pool is never shown that example.
        group_field: Holds the group, which evaluation keeps out of the demonstrations.
        trainset: Examples to store first, as `add` does.
        pool_fields: Fields of the pool, should `add` have to create it, as `Client.create_pool` takes them; its kind
            is "open" by default.
        fields: Fields of `Recipe`, such as `k=4`, which win over those of `recipe`.

    Raises:
        InvalidParameter: Two fields are the same, none is an output, or the recipe cannot be used.
    """

    def __init__(
        self,
        client: Client | AsyncClient,
        pool: str,
        recipe: RecipeLike = None,
        *,
        input_fields: Names = "question",
        image_field: str | None = "image",
        output_fields: Names = "answer",
        id_field: str | None = None,
        group_field: str | None = None,
        trainset: Iterable[Any] | None = None,
        pool_fields: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        self._inputs = _names(input_fields)
        self._image = image_field
        self._outputs = _names(output_fields)
        self._id = id_field
        self._group = group_field
        self._pool_fields = pool_fields
        check_names(
            {
                **{f"input_fields[{number}]": name for number, name in enumerate(self._inputs)},
                "image_field": image_field,
                **{f"output_fields[{number}]": name for number, name in enumerate(self._outputs)},
                "id_field": id_field,
                "group_field": group_field,
            }
        )
        if not self._outputs or not self.inputs:
            raise InvalidParameter(
                "a demonstration needs an input and an output",
                field="input_fields" if self._outputs else "output_fields",
                mend="Name the fields of your signature",
            )
        self._extra = (*(self._inputs if len(self._inputs) > 1 else ()), *self._outputs[1:])
        self._access = PoolAccess(
            client, pool, recipe, fields, images=image_field is not None, metadata=bool(self._extra)
        )
        if trainset is not None:
            self.add(trainset)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs, the image's included."""
        return self._inputs if self._image is None else (*self._inputs, self._image)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return self._outputs

    @property
    def own(self) -> tuple[str, ...]:
        """What a call holds for this retriever and not for a program: id and group."""
        return tuple(name for name in (self._id, self._group) if name is not None)

    def __call__(self, **kwargs: Any) -> list[dspy.Example]:
        """The examples for these inputs, in prompt order.

        Raises:
            InvalidInput: There is neither a text nor an image among them.
        """
        return self._examples(kwargs, self._access.select(self._query(kwargs)))

    async def acall(self, **kwargs: Any) -> list[dspy.Example]:
        """A call, awaited."""
        return self._examples(kwargs, await self._access.aselect(self._query(kwargs)))

    def add(self, trainset: Iterable[Any], *, on_conflict: OnConflict = "error") -> list[str]:
        """Store examples and return their ids; a repeated call adds nothing. The pool is created if need be.

        Args:
            trainset: Each a `dspy.Example` or a mapping. Fields that this retriever does not know are left out.
            on_conflict: What to do with an id that exists with other content.

        Raises:
            InvalidInput: An example cannot be stored.
            ExampleConflict: An id exists with other content.
        """
        drafts = self._drafts(trainset)
        self._access.ensure(self._pool_fields)
        return self._access.add(drafts, on_conflict)

    async def aadd(self, trainset: Iterable[Any], *, on_conflict: OnConflict = "error") -> list[str]:
        """`add`, awaited."""
        drafts = self._drafts(trainset)
        await self._access.aensure(self._pool_fields)
        return await self._access.aadd(drafts, on_conflict)

    def _query(self, given: Mapping[str, Any]) -> dict[str, Any]:
        images = self._images(given)
        id = self._optional(self._id, given)
        present = any(text_of(name, given.get(name)).strip() for name in self._inputs)
        if not images and not present and id is None:
            raise InvalidInput(
                f"nothing to compare with: none of {', '.join(self.inputs)} is given",
                field="inputs",
                value=", ".join(sorted(given)) or None,
                mend="Name your signature's fields by input_fields= and image_field=",
            )
        return {
            "images": images,
            "text": self._text(given) if present else "",
            "id": id,
            "group": self._optional(self._group, given),
        }

    def _drafts(self, trainset: Iterable[Any]) -> list[ExampleIn]:
        records = [dict(one.items()) for one in trainset]
        return [self._draft(one, f"trainset[{number}]") for number, one in enumerate(records)]

    def _draft(self, record: Mapping[str, Any], where: str) -> ExampleIn:
        return example_in(
            {
                "id": self._optional(self._id, record),
                "images": self._images(record),
                "text": self._text(record),
                "answer": text_of(f"{where}.{self._outputs[0]}", required(record, self._outputs[0], where)),
                "group": self._optional(self._group, record),
                "metadata": {
                    name: text_of(f"{where}.{name}", required(record, name, where)) for name in self._extra
                },
            }
        )

    def _text(self, given: Mapping[str, Any]) -> str:
        if len(self._inputs) == 1:
            return text_of(self._inputs[0], given.get(self._inputs[0]))
        return "\n".join(f"{name}: {text_of(name, given.get(name))}" for name in self._inputs)

    def _images(self, given: Mapping[str, Any]) -> list[Any]:
        if self._image is None:
            return []
        value = given.get(self._image)
        several = value if isinstance(value, list | tuple) else [value]
        urls = [one.url if isinstance(one, dspy.Image) else one for one in several if one is not None]
        return images_of(self._image, urls)

    def _optional(self, name: str | None, given: Mapping[str, Any]) -> str | None:
        return None if name is None else key_of(name, given.get(name))

    def _examples(self, given: Mapping[str, Any], shots: Iterable[Shot]) -> list[dspy.Example]:
        listed = self._image is not None and isinstance(given.get(self._image), list | tuple)
        return [self._example(shot, listed) for shot in shots]

    def _example(self, shot: Shot, listed: bool) -> dspy.Example:
        """An example whose images come as those of the call: alone, or in a list."""
        values: dict[str, Any] = {self._inputs[0]: shot.text} if len(self._inputs) == 1 else {}
        for name in self._extra:
            values[name] = required(shot.metadata, name, f"example {shot.id!r}: metadata")
        values[self._outputs[0]] = shot.answer
        if self._id is not None:
            values[self._id] = shot.id
        if self._image is not None and shot.images:
            pictures = [dspy.Image(url=url) for url in shot.images]
            values[self._image] = pictures if listed or len(pictures) > 1 else pictures[0]
        return dspy.Example(**values).with_inputs(*(name for name in self.inputs if name in values))


class ShotsmithFewShot(dspy.teleprompt.Teleprompter):  # type: ignore[misc]
    """An optimiser in the place of `dspy.KNNFewShot`: each call of the program sees examples chosen for that call.

    The examples are shown as they are stored, in prompt order; nothing is bootstrapped, so a call costs one call of
    the language model. Calls from several threads or tasks do not see each other's examples.

    Args:
        client: As `ShotsmithKNN` takes it.
        pool: As `ShotsmithKNN` takes it.
        recipe: As `ShotsmithKNN` takes it.
        options: What else `ShotsmithKNN` takes.
    """

    def __init__(
        self, client: Client | AsyncClient, pool: str, recipe: RecipeLike = None, **options: Any
    ) -> None:
        super().__init__()
        self.KNN = ShotsmithKNN(client, pool, recipe, **options)

    def compile(
        self,
        student: dspy.Module,
        *,
        teacher: dspy.Module | None = None,
        trainset: Iterable[Any] | None = None,
        valset: Iterable[Any] | None = None,
    ) -> dspy.Module:
        """A copy of the student that is shown examples. It keeps the student's language models, not its demos.

        Args:
            student: Any program. Each of its predictors is shown the examples; DSPy leaves out what does not fit a
                predictor's signature.
            teacher: Not supported: examples are shown as they are.
            trainset: Examples to store first, as `ShotsmithKNN.add` does.
            valset: Not needed.

        Raises:
            InvalidParameter: A teacher is given, or no predictor could show an example.
        """
        if teacher is not None:
            raise InvalidParameter(
                "nothing is bootstrapped, so there is nothing to teach",
                field="teacher",
                mend="Leave it out, or use dspy.BootstrapFewShot",
            )
        self._check(student)
        if trainset is not None:
            self.KNN.add(trainset)
        program = student.reset_copy()
        for copied, original in zip(program.predictors(), student.predictors(), strict=True):
            copied.lm = original.lm
        demos = CallDemos()
        program.forward = MethodType(_forward(self.KNN, demos, _method(program, "forward")), program)
        if (awaited := _method(program, "aforward")) is not None:
            program.aforward = MethodType(_aforward(self.KNN, demos, awaited), program)
        program._compiled = True
        return program

    def _check(self, student: dspy.Module) -> None:
        signatures = [predictor.signature for predictor in student.predictors()]
        for one in signatures:
            if set(one.input_fields) & set(self.KNN.inputs) and set(one.output_fields) & set(
                self.KNN.outputs
            ):
                return
        raise InvalidParameter(
            f"no predictor has an input of {', '.join(self.KNN.inputs)} "
            f"and an output of {', '.join(self.KNN.outputs)}",
            field="student",
            value="; ".join(one.signature for one in signatures) or None,
            mend="Name the fields of your signature by input_fields=, image_field= and output_fields=",
        )


class CallDemos(Sequence[Any]):
    """The demos of the call that is under way in this thread or task; none outside of a call.

    A predictor holds it once and for all. DSPy's settings carry the examples: like its language model, they reach the
    threads that a program starts through DSPy, and no others.
    """

    def __deepcopy__(self, memo: Any) -> CallDemos:
        return self  # copies of a program are called in turn, each with examples of its own

    def __getitem__(self, index: Any) -> Any:
        return self._now()[index]

    def __len__(self) -> int:
        return len(self._now())

    def _now(self) -> list[Any]:
        shown: Mapping[int, list[Any]] = dspy.settings.get(_SETTING) or {}
        return shown.get(id(self), [])

    @contextmanager
    def showing(self, program: dspy.Module, examples: list[Any]) -> Iterator[None]:
        """For the length of a call."""
        for predictor in program.predictors():
            # Also after a reset or a load, which leave an empty list behind; demos of one's own stay, and so do those
            # of a part that was compiled for itself.
            free = predictor is program or not _is_compiled(predictor)
            if free and not isinstance(predictor.demos, CallDemos) and not predictor.demos:
                predictor.demos = self
        outer = dspy.settings.get(_SETTING) or {}
        with dspy.context(**{_SETTING: {**outer, id(self): examples}}):
            yield


def _names(given: Names) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _method(program: dspy.Module, name: str) -> Any:
    """A method of a program as a function; that of a compiled one as it was before."""
    own = vars(program).get(name)
    found = own.__func__ if isinstance(own, MethodType) else getattr(type(program), name, None)
    return getattr(found, "plain", found)


def _is_compiled(program: dspy.Module) -> bool:
    return hasattr(vars(program).get("forward"), "plain")


def _forward(knn: ShotsmithKNN, demos: CallDemos, plain: Any) -> Any:
    def forward(program: dspy.Module, *args: Any, **kwargs: Any) -> Any:
        given = _named(plain, args, kwargs)
        with demos.showing(program, knn(**given)):
            return plain(program, **_without(given, knn.own))

    forward.plain = plain  # type: ignore[attr-defined]
    return forward


def _aforward(knn: ShotsmithKNN, demos: CallDemos, plain: Any) -> Any:
    async def aforward(program: dspy.Module, *args: Any, **kwargs: Any) -> Any:
        given = _named(plain, args, kwargs)
        with demos.showing(program, await knn.acall(**given)):
            return await plain(program, **_without(given, knn.own))

    aforward.plain = plain  # type: ignore[attr-defined]
    return aforward


def _named(plain: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call, all by name."""
    _, *named = signature(plain).bind_partial(None, *args).arguments.items()
    return {**dict(named), **kwargs}


def _without(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    dropped = set(names)
    return {name: value for name, value in given.items() if name not in dropped}
