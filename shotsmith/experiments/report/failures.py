"""What the featured arm got wrong, with everything it saw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.messages import ImagePart, MediaPart, Message, TextPart
from ..arms import Arm
from ..outcomes import Outcome
from ..rebuilding import rebuilt
from ..samples import Shown, shown, thumbnail
from .account import Account

_MOST_SHOWN = 12
_MOST_PARTS = 80
_MOST_CHARACTERS = 30_000


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a prompt as people read it; media stand by a line that tells their hash."""

    role: str
    text: str


@dataclass(frozen=True)
class Failure:
    """One wrong answer.

    Attributes:
        outcome: What came of it.
        picture: The query's; None for one without.
        text: The query's.
        truths: What would have been right.
        shots: The last demonstrations, in prompt order.
        left: How many before them are not shown here.
        turns: The prompt behind it; empty where it could not be rebuilt.
        sha256: Of the prompt as it was rebuilt.
        says: What must be said of it, e.g. that it is not the one that was sent; empty for nothing.
    """

    outcome: Outcome
    picture: ImagePart | None
    text: str
    truths: tuple[str, ...]
    shots: tuple[Shown, ...]
    left: int
    turns: tuple[Turn, ...]
    sha256: str
    says: str


@dataclass(frozen=True)
class Failures:
    """What an arm got wrong: how many of how many, and some of them, spread over the kinds of mistakes."""

    arm: Arm
    wrong: int
    items: int
    kinds: int
    shown: tuple[Failure, ...]


def failures(account: Account) -> Failures | None:
    """Of the featured arm, under its first seed; None where it has none."""
    arm = account.featured
    if arm is None:
        return None
    outcomes = account.scored.outcomes(arm)[0]
    wrong = [one for one in outcomes if not one.correct]
    if not wrong:
        return None
    truths = account.findings.truths
    kinds = {(tuple(truths[one.item]), one.answer, bool(one.error)) for one in wrong}
    chosen = spread(wrong, account)[: account.failures]
    made = tuple(_failure(account, arm, one) for one in chosen)
    return Failures(arm, len(wrong), len(outcomes), len(kinds), made)


def spread(wrong: Sequence[Outcome], account: Account) -> list[Outcome]:
    """All of them: first one of each kind of mistake, the most frequent kind first, then the second ones, and so on."""
    truths = account.findings.truths
    groups: dict[tuple[str, str, bool], list[Outcome]] = defaultdict(list)
    for one in wrong:
        groups[truths[one.item][0], one.answer or "", bool(one.error)].append(one)
    ordered = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    rounds = max(map(len, groups.values()), default=0)
    return [group[turn] for turn in range(rounds) for _, group in ordered if turn < len(group)]


def _failure(account: Account, arm: Arm, outcome: Outcome) -> Failure:
    bench = account.bench
    example = bench.examples[outcome.item]
    truths = tuple(account.findings.truths[outcome.item])
    shots: tuple[Shown, ...] = ()
    seen = example.media
    if arm.recipe is not None:
        selection = bench.selection(arm.seeded(outcome.seed), outcome.item)
        demonstrations = selection.demonstrations
        # A recipe may have been cut or a pool changed: what the outcome says it saw is what counts.
        if tuple(shot.example.id for shot in demonstrations) == outcome.demonstrations:
            last = demonstrations[-_MOST_SHOWN:]
            shots = tuple(shown(bench.engine, shot, bench.pool, bench.truths[outcome.item]) for shot in last)
        seen = selection.query.media
    prompt, says = rebuilt(bench, arm, outcome)
    return Failure(
        outcome,
        thumbnail(bench.engine, seen),
        example.text,
        truths,
        shots,
        len(outcome.demonstrations) - len(shots),
        _turns(prompt.messages) if prompt else (),
        prompt.manifest["prompt_sha256"] if prompt else "",
        says,
    )


def _turns(messages: Sequence[Message]) -> tuple[Turn, ...]:
    total = sum(len(message.parts) for message in messages)
    turns: list[Turn] = []
    place = size = 0
    skipped = 0
    for message in messages:
        lines = []
        for part in message.parts:
            place += 1
            line = (
                part.text
                if isinstance(part, TextPart)
                else f"[{part.mime}, {_extent(part)}, sha256 {part.sha256[:12]}…]"
            )
            # The beginning and the end are what matters: the instruction, and what stands next to the query.
            if _MOST_PARTS // 4 < place <= total - 3 * _MOST_PARTS // 4 or (
                size > _MOST_CHARACTERS and place <= total - 10
            ):
                skipped += 1
                continue
            if skipped:
                turns.append(
                    Turn("…", f"{skipped:,} parts are left out here; the export's manifest names them")
                )
                skipped = 0
            lines.append(line)
            size += len(line)
        if lines:
            turns.append(Turn(message.role, "\n".join(lines)))
    return tuple(turns)


def _extent(part: MediaPart) -> str:
    if isinstance(part, ImagePart):
        return f"{part.width} × {part.height}, {len(part.data):,} bytes"
    return f"{part.seconds:.1f} s"
