"""Fitting demonstrations into the bounds of a prompt.

Number first: demonstrations are admitted by usefulness, each whole or not at all, until no further image may be shown.
Then size: the images of those are made smaller, step by step and all alike, until bytes and tokens fit. Only where the
smallest step does not suffice either are more left out, the least useful ones. Where a dialect puts several images into
one, only what demonstrations take together counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..domain.media import Media
from ..domain.messages import ImagePart, MediaPart, Message
from ..domain.selections import Demonstration
from .budget import Count, Limits, Shortage, Size, size_of
from .dialects import Shot
from .images import fitted

_SIDES = (3072, 2048, 1536, 1024, 768, 512, 384, 256, 192, 128, 96, 64, 32, 16)


@dataclass(frozen=True, slots=True)
class Offer:
    """A demonstration that could be shown.

    Attributes:
        chosen: The demonstration.
        media: What is shown of its media.
        shot: What is shown besides; its media are not prepared yet.
    """

    chosen: Demonstration
    media: tuple[Media, ...]
    shot: Shot

    @property
    def place(self) -> int:
        """Where it would be shown; unlike the example's id it is there once, even if the example is there twice."""
        return self.chosen.position


@dataclass(frozen=True, slots=True)
class Fitted:
    """What fits.

    Attributes:
        shots: By place.
        side: Longest side of the images, pixels.
        left_out: Offers that do not fit, with the reason.
    """

    shots: Mapping[int, Shot]
    side: int
    left_out: tuple[tuple[Offer, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Where demonstrations are laid to see what fits.

    Attributes:
        limits: The bounds.
        count: Counts tokens.
        render: Demonstrations by place -> the prompt that shows these and no others.
        prepare: A medium and the longest side of images -> what is sent.
        sides: From the largest to the smallest.
        merges: Whether the dialect puts several images into one, so that their number says little.
    """

    limits: Limits
    count: Count | None
    render: Callable[[Mapping[int, Shot]], Sequence[Message]]
    prepare: Callable[[Media, int], MediaPart]
    sides: tuple[int, ...]
    merges: bool = False

    def fit(self, offers: Sequence[Offer], given: Mapping[int, Shot] | None = None) -> Fitted:
        """The offers, most useful first, that fit beside what is given."""
        before = dict(given or {})
        taken = size_of(self.render(before), None).images if self.limits.images else 0
        chosen, left_out = self._by_number(offers, taken)
        for side in self._promising(chosen):
            shots = {offer.place: self._made(offer, side) for offer in chosen}
            if self.limits == Limits() or not self.limits.shortage(self._size({**before, **shots})):
                return Fitted(shots, side, tuple(left_out))
        return self._one_by_one(offers, before)

    def _by_number(self, offers: Sequence[Offer], taken: int) -> tuple[list[Offer], list[tuple[Offer, str]]]:
        chosen: list[Offer] = []
        left_out: list[tuple[Offer, str]] = []
        limit = self.limits.images
        if limit is None or self.merges:
            return list(offers), left_out
        left = limit.value - taken
        for offer in offers:
            needed = pictures(offer.media)
            if needed > left and needed:
                left_out.append((offer, str(Shortage(limit, "images", needed, max(left, 0)))))
            else:
                left -= needed
                chosen.append(offer)
        return chosen, left_out

    def _promising(self, offers: Sequence[Offer]) -> Iterator[int]:
        """The steps that tokens allow as far as the sizes of images alone tell, before any is prepared."""
        images = [media for offer in offers for media in offer.media if media.kind == "image"]
        for side in self.sides:
            if self.limits.tokens is not None and self.count is not None and not self.merges:
                sketched = tuple(
                    ImagePart(b"", one.mime, *fitted(one.width, one.height, side)) for one in images
                )
                if self.limits.shortage(Size(tokens=self.count([Message("user", sketched)]))):
                    continue
            yield side

    def _one_by_one(self, offers: Sequence[Offer], before: Mapping[int, Shot]) -> Fitted:
        side = self.sides[-1]
        left_out: list[tuple[Offer, str]] = []
        waiting = (
            [(offer, self._made(offer, side)) for offer in offers]
            if self.merges
            else self._by_sum(offers, before, side, left_out)
        )
        kept = dict(before)
        while waiting:
            count = self._longest(kept, waiting)
            kept |= {offer.place: shot for offer, shot in waiting[:count]}
            if count == len(waiting):
                break
            (blocked, shot), waiting = waiting[count], waiting[count + 1 :]
            base = self._size(kept)
            short = self.limits.shortage(self._size({**kept, blocked.place: shot}) - base, base)
            left_out.append((blocked, str(short)))
            if self.over({**before, blocked.place: shot}) is None:
                # It would fit if it came first: the room is used up.
                left_out += [(offer, str(short)) for offer, _ in waiting]
                break
        return Fitted(
            {place: shot for place, shot in kept.items() if place not in before}, side, tuple(left_out)
        )

    def _by_sum(
        self,
        offers: Sequence[Offer],
        before: Mapping[int, Shot],
        side: int,
        left_out: list[tuple[Offer, str]],
    ) -> list[tuple[Offer, Shot]]:
        """Those that fit as far as the sum of what each takes alone tells; the others are added to `left_out`."""
        base, empty = self._size(before), self._size({})
        admitted: list[tuple[Offer, Shot]] = []
        for offer in offers:
            short = self._too_many(offer, base)
            if short is None:
                shot = self._made(offer, side)
                own = self._size({offer.place: shot}) - empty
                short = self.limits.shortage(own, base)
            if short is not None:
                left_out.append((offer, str(short)))
                continue
            admitted.append((offer, shot))
            base += own
        return admitted

    def _longest(self, kept: Mapping[int, Shot], waiting: Sequence[tuple[Offer, Shot]]) -> int:
        """How many of the first fit together beside what is kept.

        Found by halving, for what several demonstrations take is a little more or less than what each takes alone, and
        far less where they share an image.
        """
        fits, most = 0, len(waiting)
        count = most
        while fits < most:
            if self.over({**kept, **{offer.place: shot for offer, shot in waiting[:count]}}):
                most = count - 1
            else:
                fits = count
            count = (fits + most + 1) // 2
        return fits

    def _too_many(self, offer: Offer, base: Size) -> Shortage | None:
        return self.limits.by_number.shortage(Size(pictures(offer.media)), base)

    def over(self, shots: Mapping[int, Shot]) -> Shortage | None:
        """The first bound that these break."""
        return self.limits.shortage(self._size(shots))

    def _size(self, shots: Mapping[int, Shot]) -> Size:
        if self.limits == Limits():
            return Size()
        return size_of(self.render(shots), self.count if self.limits.tokens else None)

    def _made(self, offer: Offer, side: int) -> Shot:
        shot = offer.shot
        media = tuple([self.prepare(one, side) for one in offer.media])
        return Shot(media, shot.text, shot.answer, shot.fixed, shot.summary)


def steps(limits: Limits, largest: int, smallest: int) -> tuple[int, ...]:
    """Longest sides of demonstration images to try, from the largest on; only that where smaller ones cannot help."""
    if not limits.shrinks:
        return (largest,)
    return (largest, *(side for side in _SIDES if smallest <= side < largest))


def pictures(media: Sequence[Media]) -> int:
    """How many of these count as images; sounds do not."""
    return sum(one.seen for one in media)
