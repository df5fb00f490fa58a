"""`augment`: candidates are written, judged, and the better half is stored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any

from ...domain.errors import InvalidParameter, ModelRefused
from ...domain.examples import Draft, Example, MediaFile
from ...domain.messages import Message
from ...domain.protocols import VLM
from ...engine import Engine
from ..runner import caveats
from ..side_by_side import side_by_side
from .asking import Asker, Forecast, showing
from .rating import LOGPROBS, better_half, rate_request, rated, read_score
from .results import Augmented
from .settings import Augmentation
from .sources import Draw, Sources
from .writing import Candidate, Reason, Show, Task, read_candidate, scored, without_copies, write_request

Progress = Callable[[int, int], None]
_PROBES = 32
_LENGTHS = frozenset({"max_tokens", "max_completion_tokens"})


def augment(
    engine: Engine,
    pool: str,
    settings: Augmentation,
    *,
    model: str,
    max_calls: int,
    max_usd: float | None = None,
    sources: Sequence[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    workers: int = 2,
    progress: Progress | None = None,
    vlm: VLM | None = None,
) -> Augmented:
    """Make examples up from real training examples, and store the better half of them in the pool.

    Each is of the split "train", has the tag "synthetic" and the group of what it is made from, and says in its
    metadata who made it, from what, how good it was found and in which run: `synthetic_model`, `synthetic_sources` (a
    JSON list), `synthetic_score` and `synthetic_run`. Experiments never ask it as a held-out item.

    Every reply is in the call ledger before the next call, so that what was stopped goes on for free, and what is
    repeated costs nothing and gives the same examples under the same ids.

    Args:
        engine: Holds the pool.
        pool: Its name.
        settings: How many, from what, how judged.
        model: Who writes and judges.
        max_calls: Calls at most; refused before the first one where they may not suffice.
        max_usd: Dollars at most, likewise by estimate.
        sources: Make them from these real training examples alone.
        parameters: Sampling parameters of the prompts that ask for an example.
        dry_run: Only tell what it would take.
        workers: Calls at the same time.
        progress: Hears how many calls of how many are done.
        vlm: Who answers instead of the model of that name, for tests; put a ledger in front of it yourself.

    Raises:
        NotFound: No such pool or example.
        InvalidInput: No example that others can be made from, one named that is not, or a model that can only answer.
        InvalidParameter: A budget that may not suffice, or a prompt that the model does not take.
        BudgetSpent: The calls cost more than was reckoned with, and the budget is spent.
        ModelError: The model did not answer.
    """
    if workers < 1:
        raise InvalidParameter("at least one is needed", field="workers", value=workers)
    for name in sorted(_LENGTHS & dict(parameters or {}).keys()):
        raise InvalidParameter(
            "the budget is reckoned with another length",
            field="parameters",
            value=name,
            mend="Use write_tokens",
        )
    asker = Asker(engine, model, max_calls=max_calls, max_usd=max_usd, vlm=vlm)
    stored = engine.pool(pool)
    real = Sources.of(engine, stored, sources)
    task = Task(stored, tuple(engine.labels(stored)))
    work = _Work(
        asker, real, task, showing(engine, settings.images), settings, dict(parameters or {}), workers
    )
    forecast = work.forecast()
    asker.affords(forecast)
    told = Augmented(
        pool=stored.name,
        model=model,
        run=settings.run(stored.uid, model),
        settings=settings,
        sources=len(real.usable),
        unusable=len(real.examples) - len(real.usable),
        forecast=forecast,
        notes=caveats(model),
    )
    return told if dry_run else _stored(engine, told, work, progress)


def _stored(engine: Engine, told: Augmented, work: _Work, progress: Progress | None) -> Augmented:
    settings = told.settings
    tick = _Ticks(progress, told.forecast.calls)
    written = work.write(tick)
    candidates = [one for one in written if isinstance(one, Candidate)]
    dropped: Counter[str] = Counter(one for one in written if not isinstance(one, Candidate))
    judged = work.judge(candidates, tick)
    scores = {one.example.id: one.score for one, _ in judged if one.score}
    dropped["not rated"] += len(judged) - len(scores)
    known = {one.example.id: one for one, _ in judged}
    kept = tuple(known[id] for id in better_half(scores, settings.count, settings.seed))
    added = engine.add_all(told.pool, [_draft(engine, one, told) for one in kept], on_conflict="skip")
    return Augmented(
        **{
            **vars(told),
            "dropped": {reason: count for reason, count in sorted(dropped.items()) if count},
            "unread": sum(unread for _, unread in judged),
            "rated": len(scores),
            "median": median(scores.values()) if scores else None,
            "kept": kept,
            "added": added,
            "spent": work.asker.meter.spent,
        }
    )


class _Ticks:
    """Counts calls for whoever listens."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def __call__(self, calls: int) -> None:
        self._done += calls
        if self._progress:
            self._progress(self._done, self._total)


@dataclass(frozen=True)
class _Work:
    asker: Asker
    real: Sources
    task: Task
    show: Show
    settings: Augmentation
    parameters: Mapping[str, Any]
    workers: int

    def draws(self) -> list[Draw]:
        """What each candidate is made from."""
        chosen = self.settings
        return list(self.real.draws(chosen.written, chosen.shots, chosen.seed))

    def forecast(self) -> Forecast:
        """What everything takes at most, from the first prompts of either kind, which must fit into the model."""
        chosen, asker = self.settings, self.asker
        probes = list(islice(self.real.draws(chosen.written, chosen.shots, chosen.seed), _PROBES))
        each = chosen.written / len(probes)
        found = []
        for draw in probes:
            messages = write_request(draw, self.task, self.show)
            asker.fits(messages, chosen.write_tokens, "shots")
            found.append(asker.forecast(messages, chosen.write_tokens, each))
            # A candidate is about as long as what it is made from.
            messages = self._rating(draw.source, 0)
            asker.fits(messages, chosen.rate_tokens, "references")
            found.append(asker.forecast(messages, chosen.rate_tokens, each * chosen.raters))
        usd = [one.usd for one in found]
        return Forecast(
            calls=chosen.calls,
            input_tokens=sum(one.input_tokens for one in found),
            output_tokens=chosen.written * (chosen.write_tokens + chosen.raters * chosen.rate_tokens),
            usd=None if None in usd else sum(one for one in usd if one is not None),
        )

    def write(self, tick: Callable[[int], None]) -> list[Candidate | Reason]:
        """One candidate for each draw, or why there is none."""
        draws = self.draws()
        found: list[Candidate | Reason] = []
        refusals: list[ModelRefused] = []
        for one in side_by_side(self._written, draws, self.workers):
            tick(1)
            if isinstance(one, ModelRefused):
                refusals.append(one)
            found.append("refused" if isinstance(one, ModelRefused) else one)
        if len(refusals) == len(found):
            # That is no matter of single examples.
            raise refusals[0]
        return without_copies(found, [draw.mode for draw in draws], self.real.inputs, self.real.wholes)

    def judge(
        self, candidates: Sequence[Candidate], tick: Callable[[int], None]
    ) -> list[tuple[Candidate, int]]:
        """Candidates with their scores, 0 for none that can be read, and how many judgements could not be."""
        found = []
        for one, unread in side_by_side(self._judged, candidates, self.workers):
            tick(self.settings.raters)
            found.append((one, unread))
        return found

    def _written(self, draw: Draw) -> Candidate | Reason | ModelRefused:
        tokens = self.settings.write_tokens
        parameters = {"temperature": 1, "max_tokens": tokens, "seed": draw.seed, **self.parameters}
        try:
            reply = self.asker.ask(write_request(draw, self.task, self.show), parameters, tokens)
        except ModelRefused as error:
            return error
        return read_candidate(reply, draw, self.task)

    def _judged(self, candidate: Candidate) -> tuple[Candidate, int]:
        tokens = self.settings.rate_tokens

        def rate(rater: int) -> float | None:
            messages = self._rating(candidate.example, rater)
            try:
                return read_score(self.asker.ask(messages, {**LOGPROBS, "max_tokens": tokens}, tokens))
            except ModelRefused:
                return None

        score, unread = rated(rate, self.settings.raters)
        return scored(candidate, score or 0.0), unread

    def _rating(self, candidate: Example, rater: int) -> tuple[Message, ...]:
        references = self.real.references(rater, self.settings.references, self.settings.seed)
        return rate_request(candidate, references, self.task, rater, self.show)


def _draft(engine: Engine, candidate: Candidate, told: Augmented) -> Draft:
    example = candidate.example
    return Draft(
        where=f"synthetic example {candidate.number}",
        id=example.id,
        media=tuple(
            MediaFile(f"{candidate.sources[0]}[{place}]", engine.image(part.sha256), part.kind)
            for place, part in enumerate(example.media)
        ),
        text=example.text,
        answer=example.answer,
        labels=example.labels,
        group=example.group,
        split=example.split,
        tags=example.tags,
        metadata={
            "synthetic_model": told.model,
            "synthetic_sources": json.dumps(candidate.sources, ensure_ascii=False),
            "synthetic_score": round(candidate.score, 6),
            "synthetic_run": told.run,
        },
    )
