"""Models that selectors may ask: every question through the call ledger, so that none is paid for twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..clients.vlm import ANSWERERS
from ..domain.errors import InvalidInput
from ..domain.examples import Example, Pool, Query
from ..domain.media import Media
from ..domain.messages import MediaPart, Message, Reply
from ..domain.recipes import Recipe
from ..domain.selections import Demonstration, Selection
from ..prompts import judging
from ..prompts.build import Picture, build

Ask = Callable[[str | None, Sequence[Message], Mapping[str, Any]], Reply]
_LOGPROBS = {"logprobs": True, "top_logprobs": 20, "temperature": 0}
_PLAIN = {"temperature": 0}


class ModelJudge:
    """`Judge` by a vision-language model, or by an offline baseline or a simulated model where that can answer.

    Args:
        name: The model.
        ask: Sends messages to it.
        pool: Whose examples it is asked about.
        labels: The pool's label space.
        picture: Prepares one image, sound or picture of a video.
        recipe: In which dialect prompts are laid out, and how large images are.
    """

    def __init__(
        self,
        name: str,
        ask: Ask,
        pool: Pool,
        labels: Sequence[str],
        picture: Picture,
        recipe: Recipe | None = None,
    ) -> None:
        self._name = name
        self._ask = ask
        self._pool = pool
        self._labels = labels
        self._picture = picture
        self._recipe = recipe or Recipe()

    @property
    def name(self) -> str:
        """The model."""
        return self._name

    def probabilities(
        self, query: Query, shots: Sequence[Example], labels: Sequence[str]
    ) -> Mapping[str, float]:
        """From the log probabilities of the beginning of its answer; those that only answer tell theirs.

        Raises:
            InvalidInput: The model does not tell probabilities.
        """
        count = len(shots)
        demonstrations = tuple(
            Demonstration(example, rank=count - place, position=place + 1, reason="shown to the judge")
            for place, example in enumerate(shots)
        )
        recipe = Recipe(k=count, dialect=self._recipe.dialect, images=self._recipe.images)
        selection = Selection(self._pool, query, recipe, demonstrations, eligible=count)
        prompt = build(selection, labels=self._labels, picture=self._picture)
        parameters = {} if self._only_answers else _LOGPROBS
        reply = self._ask(self._name, prompt.messages, parameters)
        found = judging.label_probabilities(reply.alternatives, labels)
        if not found:
            other = "" if self._only_answers else ", or offline/knn-vote"
            raise InvalidInput(
                f"{self._name} does not tell how likely the labels are",
                field="model",
                value=self._name,
                mend=f"Name a model with log probabilities, e.g. one behind vLLM{other}",
            )
        return found

    def ranking(self, query: Query, candidates: Sequence[Example]) -> Sequence[str]:
        """In one listwise question."""
        self._needs_a_model("rank candidates")
        messages = judging.rank(query, candidates, self._show)
        order = judging.read_ranking(self._ask(self._name, messages, _PLAIN).text, len(candidates))
        return [candidates[place].id for place in order]

    def description(self, query: Query) -> str:
        """In a sentence."""
        self._needs_a_model("describe pictures")
        return self._ask(self._name, judging.describe(query, self._show), _PLAIN).text.strip()

    def difficulty(self, example: Example, prompt: int = 0) -> float:
        """The mean of a scale from 1 to 5, brought to 0 to 1; 0.5 for a reply without a rating."""
        self._needs_a_model("rate examples")
        messages = judging.rate(example, self._show, prompt)
        rating = judging.read_rating(self._ask(self._name, messages, _LOGPROBS))
        return 0.5 if rating is None else rating

    @property
    def _only_answers(self) -> bool:
        return self._name.startswith(ANSWERERS)

    def _needs_a_model(self, what: str) -> None:
        if self._only_answers:
            raise InvalidInput(
                f"{self._name} can only answer and cannot {what}",
                field="model",
                value=self._name,
                mend="Configure a vision-language model, or name one in the selector's `model`",
            )

    def _show(self, media: Media) -> MediaPart:
        sizes = self._recipe.images
        return self._picture(media, sizes.max_side, sizes.quality)
