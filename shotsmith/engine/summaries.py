"""Images put into words by a model, once: the call ledger remembers every summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..clients.vlm import ANSWERERS
from ..domain.errors import InvalidInput
from ..domain.examples import Example, Query
from ..domain.messages import Message, Reply
from ..domain.recipes import Recipe
from ..prompts.build import Picture
from ..prompts.dialects import SummaryKind
from ..prompts.summaries import PARAMETERS, read_summary, summary_request

Ask = Callable[[str | None, Sequence[Message], Mapping[str, Any]], Reply]


class Summariser:
    """What text dialects show in place of images.

    Args:
        name: The model that looks at them.
        ask: Sends messages to it.
        picture: Prepares one image.
        recipe: How large images are.
    """

    def __init__(self, name: str, ask: Ask, picture: Picture, recipe: Recipe) -> None:
        self._name = name
        self._ask = ask
        self._picture = picture
        self._sizes = recipe.images

    def __call__(self, item: Example | Query, kind: SummaryKind, answer: str | None) -> str:
        """A summary of an item's images.

        Raises:
            InvalidInput: The model is an offline baseline or simulated, and can only answer.
            ModelError: The model did not answer.
        """
        if self._name.startswith(ANSWERERS):
            raise InvalidInput(
                f"{self._name} cannot put images into words",
                field="model",
                value=self._name,
                mend="Name a vision-language model, or set SHOTSMITH_SUMMARY_MODEL",
            )
        sizes = self._sizes
        side = sizes.query_max_side if isinstance(item, Query) else sizes.max_side
        shown = [self._picture(one, side, sizes.quality) for one in item.media if one.kind == "image"]
        messages = summary_request(item, kind, shown, answer=answer)
        return read_summary(self._ask(self._name, messages, PARAMETERS).text)
