"""Variants of a pool's instruction, written by a model that sees what went wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ...domain.errors import InvalidInput, InvalidParameter
from ...domain.examples import Pool, normal_text
from ...domain.messages import Message, Part, TextPart
from ...domain.names import check_text
from ...domain.protocols import VLM
from ...domain.recipes import ImageSpec
from ...domain.scoring import seed_bytes, shuffled
from ...engine import Engine
from ...prompts.dialects.fields import field as line
from ...prompts.instruction import DEFAULTS, instruction
from ...prompts.parsing.jsons import first_json
from ..augmentation.asking import Asker, showing
from ..runner import caveats
from ..trials.meter import Spent
from ..truths import truth

LONGEST = 2000
"""Characters of an instruction; every prompt carries it."""
TOKENS = 2048
_ABOUT = (
    "You improve the instruction that a model is given before it answers queries. You see the instruction, what is "
    "added to it by itself and must stay as it is, and queries that were answered wrongly. Find out why, and write "
    "{count} different instructions that would have avoided it and serve all other queries of this kind as well. Do "
    "not name single queries, and neither add, rename nor leave out an answer that is allowed. Reply with one JSON "
    'array of {count} strings and nothing else: ["...", "..."]'
)
_NUMBERED = re.compile(r"\s*(?:\d{1,2}[.)]|[-*•])\s+")
_ORDERING = re.compile(r"\b(?:answer|reply|respond|classify|label|choose|pick|output|say)\b", re.I)
_QUOTED = re.compile(r"\"([^\"\n]{1,80})\"|“([^”\n]{1,80})”|`([^`\n]{1,80})`|(?<!\w)'([^'\n]{1,80})'(?!\w)")
_LIST = re.compile(r"^\W*(?:labels|classes|options)\W*:", re.I | re.M)


class Failed(Protocol):
    """A query that was answered wrongly; an `Outcome` is one."""

    @property
    def item(self) -> str:
        """Example id."""
        ...

    @property
    def answer(self) -> str | None:
        """What was read from the reply; None for nothing."""
        ...


class Failure(NamedTuple):
    """A stored example that was answered wrongly, and how."""

    item: str
    answer: str | None = None


@dataclass(frozen=True)
class Proposals:
    """Instructions that may be better.

    Attributes:
        own: The pool's own instruction.
        instructions: Others, each of them new.
        dropped: How many were not taken, by reason; replies without any are "unreadable".
        shown: Ids of the failures that the model saw.
        spent: Calls and money.
        notes: What must be said beside them.
    """

    own: str
    instructions: tuple[str, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    spent: Spent = field(default_factory=Spent)
    notes: tuple[str, ...] = ()

    @property
    def arms(self) -> tuple[str, ...]:
        """As `best_arm` takes them, the own one first."""
        return (self.own, *self.instructions)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "own": self.own,
            "instructions": list(self.instructions),
            "dropped": dict(self.dropped),
            "shown": list(self.shown),
            "spent": self.spent.as_dict(),
            "notes": list(self.notes),
        }


def propose_instructions(
    engine: Engine,
    pool: str,
    *,
    model: str,
    count: int,
    failures: Sequence[Failed],
    images: bool = False,
    shown: int = 8,
    seed: int = 0,
    max_calls: int = 4,
    max_usd: float | None = None,
    vlm: VLM | None = None,
) -> Proposals:
    """Ask a model for variants of a pool's instruction, from what was answered wrongly with it.

    What a prompt adds by itself, the label space and the answer format, is not the model's to change: a variant that
    lists labels, or tells to answer with something that is none, is dropped. Nothing is stored.

    Args:
        engine: Holds the pool.
        pool: Its name.
        model: Who writes.
        count: Variants that are wanted; there may be fewer.
        failures: From items that nothing is confirmed by: see `split_items`.
        images: Whether their images are shown.
        shown: Failures that are shown, the first of a keyed order.
        seed: Of that order, and of the model.
        max_calls: Asked again, with another seed, as long as variants are missing.
        max_usd: Dollars at most.
        vlm: Who answers instead of the model of that name, for tests.

    Raises:
        NotFound: No such pool or example.
        InvalidInput: No failures, or a model that can only answer.
        InvalidParameter: A number below 1, a budget that may not suffice, or a prompt that the model does not take.
        ModelError: The model did not answer.
    """
    for name, value in (("count", count), ("shown", shown), ("max_calls", max_calls)):
        if value < 1:
            raise InvalidParameter("at least one is needed", field=name, value=value)
    if not failures:
        raise InvalidInput(
            "there is nothing to learn from", field="failures", value=0, mend="Give queries answered wrongly"
        )
    asker = Asker(engine, model, max_calls=max_calls, max_usd=max_usd, vlm=vlm)
    stored = engine.pool(pool)
    labels = tuple(engine.labels(stored)) if stored.kind == "classification" else ()
    wrong = {one.item: one for one in failures}
    chosen = [wrong[item] for item in shuffled(wrong, seed, "failures")[:shown]]
    messages = _messages(engine, stored, labels, chosen, count, images)
    asker.fits(messages, TOKENS, "shown")
    asker.affords(asker.forecast(messages, TOKENS, max_calls))
    taking = _Taking(stored, labels, count)
    for turn in range(max_calls):
        chance = int.from_bytes(seed_bytes(seed, f"instructions|{turn}")[:4], "little") >> 1
        reply = asker.ask(messages, {"temperature": 1, "max_tokens": TOKENS, "seed": chance}, TOKENS)
        taking.take(reply.text)
        if len(taking.found) == count:
            break
    return Proposals(
        own=taking.own,
        instructions=tuple(taking.found.values()),
        dropped=dict(sorted(taking.dropped.items())),
        shown=tuple(one.item for one in chosen),
        spent=asker.meter.spent,
        notes=caveats(model),
    )


class _Taking:
    """Takes from replies what is an instruction, and new."""

    def __init__(self, pool: Pool, labels: Sequence[str], count: int) -> None:
        self.own = pool.instruction.strip() or DEFAULTS[pool.kind]
        self.found: dict[str, str] = {}
        self.dropped: Counter[str] = Counter()
        self._labels = {normal_text(label) for label in labels}
        self._count = count

    def take(self, reply: str) -> None:
        listed = first_json(reply, "[")
        variants = listed.value if listed else None
        if not isinstance(variants, list) or not variants:
            self.dropped["unreadable"] += 1
            return
        for variant in variants:
            text = _NUMBERED.sub("", variant, count=1).strip() if isinstance(variant, str) else ""
            why = self._refusal(text)
            if why:
                self.dropped[why] += 1
            else:
                self.found[normal_text(text)] = text

    def _refusal(self, text: str) -> str:
        """Why a variant is not taken; empty where it is."""
        if not text:
            return "no text"
        if len(text) > LONGEST:
            return "too long"
        try:
            check_text("instruction", text)
        except InvalidInput:
            return "no text"
        if normal_text(text) in {normal_text(self.own), *self.found}:
            return "not new"
        if self._labels and (_LIST.search(text) or self._other_answers(text)):
            return "changes the labels"
        return "more than were wanted" if len(self.found) >= self._count else ""

    def _other_answers(self, text: str) -> bool:
        """Whether a sentence that says what to answer quotes something that is no label."""
        for sentence in re.split(r"(?<=[.!?;])\s|\n", text):
            if _ORDERING.search(sentence):
                for quoted in _QUOTED.finditer(sentence):
                    said = next(group for group in quoted.groups() if group)
                    if normal_text(said).rstrip(".,;:!?") not in self._labels:
                        return True
        return False


def _messages(
    engine: Engine, pool: Pool, labels: Sequence[str], failures: Sequence[Failed], count: int, images: bool
) -> tuple[Message, ...]:
    own = pool.instruction.strip() or DEFAULTS[pool.kind]
    added = instruction(pool, labels).removeprefix(own).strip()
    parts: list[Part] = [TextPart(line("Instruction", own))]
    if added:
        parts.append(TextPart(line("Added by itself", added)))
    show = showing(engine, ImageSpec())
    for number, failure in enumerate(failures, start=1):
        example = engine.example(pool, failure.item)
        parts.append(TextPart(f"Wrongly answered query {number}:"))
        if images:
            parts += [show(part) for part in example.media]
        lines = [line("Input", example.text.strip())] if example.text.strip() else []
        lines.append(line("Right answer", truth(pool, example)))
        lines.append(line("What was answered", failure.answer or "(nothing that could be read)"))
        parts.append(TextPart("\n".join(lines)))
    about = _ABOUT.replace("{count}", str(count))
    return Message("system", (TextPart(about),)), Message("user", tuple(parts))
