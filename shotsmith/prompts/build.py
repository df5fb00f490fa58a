"""From a selection to a prompt: prepare the images, keep the budget, lay out, and write down what was done.

It goes straight through: the query's images are reserved first; then demonstrations are admitted, a cached part first
and the others by rank, each whole or not at all; then the admitted ones are laid out in prompt order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import Example, Query
from ..domain.media import Media
from ..domain.messages import ImagePart
from ..domain.selections import Prompt, Selection
from .budget import Room, Shortage
from .dialects import Brief, Dialect, Shot, open_dialect
from .instruction import instruction
from .manifest import Dropped, Shown, manifest

Picture = Callable[[Media, int, int], ImagePart]
"""Media, longest side in pixels and JPEG quality -> the image as it is sent (see `images.prepare`)."""

_Prepare = Callable[[Media], ImagePart]

#: The input of a demonstration that has no text and whose images are left out on purpose.
NOT_SHOWN = "(image not shown)"


def build(
    selection: Selection, *, labels: Sequence[str], picture: Picture, dialect: Dialect | None = None
) -> Prompt:
    """The prompt for a selection: equal arguments give equal bytes.

    Args:
        selection: Query, recipe and demonstrations in prompt order.
        labels: The label space as the instruction shows it; empty for an open one.
        picture: Prepares one image. Called for the query's images, then by rank for those demonstrations whose
            number of images still fits.
        dialect: Instead of the recipe's.

    Raises:
        InvalidInput: The query is empty, or one of its images has no bytes.
        InvalidParameter: The budget does not even hold the query.
        UnknownName: The recipe's dialect is not registered.
        ShotsmithError: Whatever `picture` raises.
    """
    recipe = selection.recipe
    sizes = recipe.images
    dialect = dialect or open_dialect(recipe.dialect)
    room = Room(recipe.budget)
    query = _query(selection.query, room, lambda media: picture(media, sizes.query_max_side, sizes.quality))

    def prepare(media: Media) -> ImagePart:
        return picture(media, sizes.max_side, sizes.quality)

    admitted: dict[str, Shot] = {}
    dropped: list[Dropped] = []
    # What is the same for every query comes first, or a budget would leave it in some prompts and not in others.
    for chosen in sorted(selection.by_rank, key=lambda shot: not shot.fixed):
        shot = _shot(chosen.example, room, prepare, bare=chosen.bare)
        if isinstance(shot, Shot):
            admitted[chosen.example.id] = shot
        else:
            dropped.append(Dropped(chosen, shot))
    dropped.sort(key=lambda one: one.demonstration.rank)
    shown = [
        Shown(chosen, admitted[chosen.example.id])
        for chosen in selection.demonstrations
        if chosen.example.id in admitted
    ]

    opening = instruction(selection.pool, labels)
    messages = dialect.render(Brief(opening, tuple(one.shot for one in shown), query))
    return Prompt(messages, manifest(selection, query, shown, dropped, messages))


def _query(query: Query, room: Room, prepare: _Prepare) -> Shot:
    if not query.media and not query.text.strip():
        raise InvalidInput("the query is empty", field="query", mend="Give it an image, a text or both")
    for number, media in enumerate(query.media):
        if media.data is None:
            raise InvalidInput(
                "the query's image came without its bytes",
                field=f"query.media[{number}].data",
                mend="Send the image itself with the query, not only its description",
            )
    images = room.admit(query.media, prepare)
    if isinstance(images, Shortage):
        raise InvalidParameter(
            f"the query alone needs {images.needed:,}, more than the budget allows",
            field=f"budget.{images.limit}",
            value=images.left,
            mend=f"Raise budget.{images.limit} or send fewer or smaller images",
        )
    return Shot(images, query.text.strip())


def _shot(example: Example, room: Room, prepare: _Prepare, *, bare: bool) -> Shot | str:
    """The demonstration as it is shown, without its images when bare, or why it is not."""
    text = example.text.strip()
    media = () if bare else example.media
    answer = example.answer.strip() or ", ".join(example.labels).strip()
    if not answer:
        return "no answer"
    if not text and not media:
        if not bare:
            return "nothing to show: neither image nor text"
        text = NOT_SHOWN
    images = room.admit(media, prepare)
    return str(images) if isinstance(images, Shortage) else Shot(images, text, answer)
