"""From a selection to a prompt: prepare the media, keep the bounds, lay out, and write down what was done.

It goes straight through. The query comes first: what it takes is reserved. Then the demonstrations that every query
is shown are fitted into what any query leaves, so that they are the same bytes each time and caches keep them. Then
the others are fitted into what is left. See `fitting` for how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import Example, Query
from ..domain.media import Media
from ..domain.messages import ImagePart, MediaPart, Message, TextPart
from ..domain.recipes import Recipe
from ..domain.selections import Demonstration, Prompt, Selection
from .budget import Limits, Shortage, Size
from .dialects import Brief, Dialect, Shot, SummaryKind, open_dialect
from .fitting import Fitted, Offer, Table, pictures, steps
from .frames import Stamped, unrolled
from .instruction import instruction
from .manifest import Dropped, Made, Shown, manifest
from .prefix import common
from .symbols import encode, encode_answer
from .target import Target
from .tokens import Tokens

Picture = Callable[[Media, int, int], MediaPart]
"""Media, longest side in pixels and JPEG quality -> the image or sound as it is sent (see `images.prepare`)."""

Summarise = Callable[[Example | Query, SummaryKind, str | None], str]
"""An item, what kind is wanted, a demonstration's answer as it is shown -> what stands in place of the images."""

#: The input of a demonstration that has no text and whose images are left out on purpose.
NOT_SHOWN = "(image not shown)"
_ANY_QUERY = Shot(text="?")
#: As long as a summary is, where none was made yet.
_SOME_WORDS = "a few plain words that somebody would say of it " * 4
_SMALLER = {
    "images": "send fewer images",
    "image_bytes": "send fewer or smaller images",
    "tokens": "send a shorter text, or fewer or smaller images",
}
_QUERY_TOKENS = 500  # of text, where a query is not known yet


def build(
    selection: Selection,
    *,
    labels: Sequence[str],
    picture: Picture,
    dialect: Dialect | None = None,
    target: Target | None = None,
    summarise: Summarise | None = None,
) -> Prompt:
    """The prompt for a selection: equal arguments give equal bytes.

    Args:
        selection: Query, recipe and demonstrations in prompt order.
        labels: The label space as the instruction shows it; empty for an open one.
        picture: Prepares one image, one sound, or one of the pictures that a video is shown as.
        dialect: Instead of the recipe's.
        target: The model it is for; without one only the recipe's budget binds.
        summarise: Puts a demonstration's images into words, where the dialect asks for that.

    Raises:
        InvalidInput: The query is empty, or one of its images has no bytes.
        InvalidParameter: The bounds do not even hold the query.
        UnknownName: The recipe's dialect is not registered.
        ShotsmithError: Whatever `picture` and `summarise` raise.
    """
    dialect = Stamped(dialect or open_dialect(selection.recipe.dialect))
    return _Building(unrolled(selection), labels, picture, dialect, target or Target(), summarise).prompt()


class _Building:
    def __init__(
        self,
        selection: Selection,
        labels: Sequence[str],
        picture: Picture,
        dialect: Dialect,
        target: Target,
        summarise: Summarise | None,
    ) -> None:
        self._selection = selection
        self._recipe: Recipe = selection.recipe
        self._dialect = dialect
        self._target = target
        self._limits = target.limits(self._recipe.budget)
        self._picture = picture
        self._summarise = summarise
        self._symbols = _symbols(labels, self._recipe)
        self._labels = tuple(self._symbols.get(label, label) for label in labels)
        self._instruction = instruction(selection.pool, self._labels)
        self._last: tuple[list[int], object, tuple[Message, ...]] = ([], None, ())
        self._counted: tuple[Sequence[Message], Tokens] | None = None

    def prompt(self) -> Prompt:
        selection = self._selection
        query = self._query(selection.query)
        refused, offers = self._offers()
        fixed = [offer for offer in offers if offer.chosen.fixed]
        others = [offer for offer in offers if not offer.chosen.fixed]

        kept = self._fit(_ANY_QUERY, self._limits.less(self._reserve()), fixed) if fixed else None
        given = kept.shots if kept else {}
        short = self._table(query, self._limits).over(given) if fixed else None
        if short:
            # This query takes more than was kept free for any query.
            kept = self._fit(query, self._limits, fixed)
            given = kept.shots
        fitted = self._fit(query, self._limits, others, given)
        shots = {**given, **fitted.shots}

        shown = [
            Shown(chosen, shots[chosen.position])
            for chosen in selection.demonstrations
            if chosen.position in shots
        ]
        left_out = [
            *refused,
            *(Dropped(offer.chosen, why) for one in (kept, fitted) if one for offer, why in one.left_out),
        ]
        messages = self._laid_out(shots, query)
        brief = self._brief([one.shot for one in shown], query)
        alone = all(chosen.fixed for chosen in selection.demonstrations)
        prefix = common(messages, brief, self._dialect, alone=alone)
        made = Made(
            limits=self._limits,
            side=self._side(fitted),
            fixed_side=self._side(kept) if kept else None,
            disturbed=str(short or ""),
            prefix=prefix,
            symbols=self._symbols,
        )
        dropped = sorted(left_out, key=lambda one: one.demonstration.rank)
        return Prompt(
            messages,
            manifest(selection, query, shown, dropped, messages, self._target, self._tokens(messages), made),
            prefix,
        )

    def _side(self, fitted: Fitted) -> int:
        """The longest side of images that were made to fit; the wanted one where none is shown."""
        images = (part for shot in fitted.shots.values() for part in shot.media)
        return (
            fitted.side
            if any(isinstance(part, ImagePart) for part in images)
            else self._recipe.images.max_side
        )

    def _fit(
        self, query: Shot, limits: Limits, offers: Sequence[Offer], given: Mapping[int, Shot] | None = None
    ) -> Fitted:
        """What fits; images are put into words for those demonstrations alone that are likely to be shown."""
        table = self._table(query, limits)
        first = table.fit(offers, given)
        if not any(shot.summary for shot in first.shots.values()):
            return first
        told = [self._in_words(offer) for offer in offers if offer.place in first.shots]
        then = table.fit(told, given)
        return Fitted(then.shots, then.side, (*first.left_out, *then.left_out))

    def _in_words(self, offer: Offer) -> Offer:
        shot, example = offer.shot, offer.chosen.example
        if not shot.summary:
            return offer
        summary = self._summary(example, self._wanted("shot_summary"), shot.answer)
        return replace(offer, shot=replace(shot, summary=summary))

    def _query(self, query: Query) -> Shot:
        if not query.media and not query.text.strip():
            raise InvalidInput("the query is empty", field="query", mend="Give it an image, a text or both")
        for number, one in enumerate(query.media):
            if one.data is None:
                raise InvalidInput(
                    "the query's image came without its bytes",
                    field=f"query.media[{number}].data",
                    mend="Send the image itself with the query, not only its description",
                )
        sizes = self._recipe.images
        wanted = self._wanted("query_summary")
        media = _without_images(query.media) if wanted else query.media
        summary = self._summary(query, wanted) if len(media) < len(query.media) else ""
        if short := self._limits.by_number.shortage(Size(images=pictures(media))):
            raise self._too_much(short)
        parts = tuple(self._picture(one, sizes.query_max_side, sizes.quality) for one in media)
        shot = Shot(parts, query.text.strip(), summary=summary)
        self._fits_alone(shot)
        return shot

    def _fits_alone(self, query: Shot) -> None:
        short = self._table(query, self._limits).over({})
        if short is None:
            return
        messages = self._dialect.render(self._brief([], query))
        if (
            short.limit.name == self._target.window
            and self._target.tokens(messages).total <= short.limit.value
        ):
            return  # only a careful guess says that it is too long, and nothing else could be left out
        raise self._too_much(short)

    def _too_much(self, short: Shortage) -> InvalidParameter:
        name, answer = short.limit.name, self._recipe.budget.answer_tokens
        field, allowed, mend = "query", f"the {name} allows", _SMALLER[short.bounds]
        if name.startswith("max_"):
            field, allowed = f"budget.{name}", "the budget allows"
            mend = f"Raise {field}, or {mend}"
        elif name == self._target.window:
            allowed = f"the {name} holds beside {answer:,} of the answer"
            mend = f"Lower budget.answer_tokens, or {mend}"
        elif not short.limit.value and short.bounds == "images":
            mend = "Name a model that sees, or use dialect=text(everything=true)"
        return InvalidParameter(
            f"the query alone needs {short.amount}, more than {allowed}",
            field=field,
            value=short.limit.value,
            mend=mend[:1].upper() + mend[1:],
        )

    def _offers(self) -> tuple[list[Dropped], list[Offer]]:
        """What cannot be shown at all, and the rest: what every query is shown first, then by usefulness."""
        refused: list[Dropped] = []
        offers: list[Offer] = []
        for chosen in sorted(self._selection.by_rank, key=lambda shot: not shot.fixed):
            offer = self._offer(chosen)
            if isinstance(offer, Offer):
                offers.append(offer)
            else:
                refused.append(Dropped(chosen, offer))
        return refused, offers

    def _offer(self, chosen: Demonstration) -> Offer | str:
        example = chosen.example
        text = example.text.strip()
        media = () if chosen.bare else example.media
        answer = example.answer.strip() or ", ".join(example.labels).strip()
        if not answer:
            return "no answer"
        symbol = encode_answer(answer, self._symbols, example.labels)
        if symbol is None:
            return "its answer has no symbol"
        answer = symbol
        if not text and not media:
            if not chosen.bare:
                return "nothing to show: neither image nor text"
            text = NOT_SHOWN
        heard = _without_images(media) if self._wanted("shot_summary") else media
        summary = _SOME_WORDS if len(heard) < len(media) else ""
        return Offer(chosen, heard, Shot((), text, answer, chosen.fixed, summary))

    def _wanted(self, whose: str) -> SummaryKind | None:
        wanted: SummaryKind | None = getattr(self._dialect, whose, None)
        return wanted

    def _summary(self, item: Example | Query, wanted: SummaryKind | None, answer: str | None = None) -> str:
        assert wanted is not None
        if self._summarise is None:
            raise InvalidInput(
                "this dialect shows images as text, and nobody is there to put them into words",
                field="dialect",
                value=self._recipe.dialect,
                mend="Build the prompt with an engine, or use another dialect",
            )
        return self._summarise(item, wanted, answer)

    def _table(self, query: Shot, limits: Limits) -> Table:
        sizes, budget = self._recipe.images, self._recipe.budget

        return Table(
            limits=limits,
            count=lambda messages: self._tokens(messages).safe,
            render=lambda shots: self._laid_out(shots, query),
            prepare=lambda media, side: self._picture(media, side, sizes.quality),
            sides=steps(limits, sizes.max_side, budget.min_side),
            merges=getattr(self._dialect, "merges", False),
        )

    def _laid_out(self, shots: Mapping[int, Shot], query: Shot) -> tuple[Message, ...]:
        """The prompt that shows these, by place; that of the last call again, where it was for the same."""
        some = [
            shots[chosen.position] for chosen in self._selection.demonstrations if chosen.position in shots
        ]
        key = [id(query), *map(id, some)]
        if key != self._last[0]:
            # The shots are kept with their ids, so that no other one can get the same.
            self._last = key, (query, some), self._dialect.render(self._brief(some, query))
        return self._last[2]

    def _tokens(self, messages: Sequence[Message]) -> Tokens:
        """Their tokens; counted once for the same object."""
        if self._counted is None or self._counted[0] is not messages:
            self._counted = messages, self._target.tokens(messages)
        return self._counted[1]

    def _brief(self, shots: Sequence[Shot], query: Shot) -> Brief:
        return Brief(self._instruction, tuple(shots), query, self._labels)

    def _reserve(self) -> Size:
        """What a query may take, whatever it is: one picture of the allowed size and a text."""
        side = self._recipe.images.query_max_side
        blank = ImagePart(b"", "image/jpeg", side, side)
        tokens = self._target.count([Message("user", (blank, TextPart("")))]) + _QUERY_TOKENS
        return Size(images=1, image_bytes=side * side // 2, tokens=tokens)


def _symbols(labels: Sequence[str], recipe: Recipe) -> dict[str, str]:
    if recipe.symbols != "none" and not labels:
        raise InvalidParameter(
            "symbols stand for labels, and there are none",
            field="symbols",
            value=recipe.symbols,
            mend="Give the pool labels, or leave symbols out",
        )
    return encode(labels, recipe.symbols, recipe.seed)


def _without_images(media: tuple[Media, ...]) -> tuple[Media, ...]:
    return tuple(one for one in media if one.kind != "image")
