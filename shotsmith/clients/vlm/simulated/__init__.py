"""Simulated models with known behaviour: they test instruments, and never stand for the accuracy of any real model.

    simulated/voter             similar demonstrations decide
    simulated/learner           a rule that needs many different demonstrations
    simulated/prior             the query alone decides
    simulated/text_only         a voter without eyes
    simulated/image_only        a voter that does not read
    simulated/copier            the last demonstration decides
    simulated/biased            a voter with a favourite label
    simulated/noisy             a voter that answers at random now and then
    simulated/limited           a voter that long prompts confuse

Parameters follow in parentheses, as in `simulated/voter(noise=0.1,seed=3)`. They read nothing but the messages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from pydantic import SecretStr, ValidationError

from .... import registry
from ....domain.errors import InvalidParameter, UnknownName
from ....domain.names import hint
from ....domain.protocols import VLM, Encoder
from ....domain.recipe_text import read_segments
from ....domain.recipes import invalid
from ..comparing import Comparer
from .base import NOT_A_MODEL, Simulated, SimulatedVLM
from .behaviours import BEHAVIOURS, Votes

__all__ = ["BEHAVIOURS", "NOT_A_MODEL", "PREFIX", "Simulated", "SimulatedVLM", "behaviour_of", "load"]

PREFIX = "simulated/"


def load(
    model: str,
    *,
    api_base: str | None = None,
    api_key: SecretStr | None = None,
    encoder: Callable[[], Encoder] | None = None,
) -> VLM:
    """The factory of `simulated/...`; endpoint and key mean nothing to it.

    Raises:
        UnknownName: No simulated model of that name, or no such encoder.
        InvalidParameter: A parameter that it does not have or cannot use, or no encoder for one that compares.
    """
    behaviour = behaviour_of(model)
    if not isinstance(behaviour, Votes):
        return SimulatedVLM(model, behaviour)
    if behaviour.encoder is not None:
        name, _, variant = behaviour.encoder.partition(":")
        return SimulatedVLM(model, behaviour, Comparer(registry.load("encoders", name)(variant)))
    if encoder is None:
        raise InvalidParameter(
            f"{model} needs an encoder", field="encoder", mend="Pass encoder=, which opens one"
        )
    return SimulatedVLM(model, behaviour, Comparer(encoder()))


@lru_cache(maxsize=256)
def behaviour_of(model: str) -> Simulated:
    """What a model's name says it does, e.g. "simulated/voter(noise=0.1)"; errors as `load`."""
    try:
        written, *others = read_segments(model.partition("/")[2])
    except InvalidParameter as error:
        raise InvalidParameter(
            f"no simulated model: {error.message}",
            field="model",
            value=model,
            mend="Write, for example, simulated/voter(noise=0.1,seed=3)",
        ) from None
    if others or written.name not in BEHAVIOURS:
        raise UnknownName(
            "unknown simulated model",
            field="model",
            value=model,
            mend=f"{hint(written.name, BEHAVIOURS)}Known: {', '.join(sorted(BEHAVIOURS))}",
        )
    kind = BEHAVIOURS[written.name]
    try:
        return kind.model_validate(dict(written.arguments))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        told = invalid(error, "model")
        unknown = fault["type"] == "extra_forbidden"
        near = hint(str(fault["loc"][0]), kind.model_fields) if unknown else ""
        raise InvalidParameter(
            "no such parameter" if unknown else told.message,
            field=told.field,
            value=told.value,
            mend=f"{near}Parameters of simulated/{kind.name}: {', '.join(sorted(kind.model_fields))}",
        ) from None
