"""Reading a model's reply by task. An answer is read or it is not; nothing is guessed, and a failure counts as wrong.

One module a kind of answer: `labels` (one of a closed space), `lists` (several), `numbers` and `units`, `yes_no`,
`jsons`; `confidence` for how sure the model is, `tally` for what could not be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...domain.errors import InvalidParameter
from ...domain.examples import normal_text
from ...domain.parsed import Confidence, How, Parsed, Quantity, Step
from ...domain.scoring import canonical_json
from .confidence import by_probabilities, verbalised
from .jsons import read_json, response_format
from .labels import label_space, parse_answer
from .lists import read_list
from .nearest import MARGIN, THRESHOLD, Embed, nearest
from .numbers import read_number, spelled
from .tally import Failure, Tally, tally
from .tasks import Task, TaskKind, task_of
from .yes_no import read_yes_no

__all__ = [
    "MARGIN",
    "THRESHOLD",
    "Confidence",
    "Embed",
    "Failure",
    "How",
    "Parsed",
    "Quantity",
    "Step",
    "Tally",
    "Task",
    "TaskKind",
    "parse",
    "parse_answer",
    "response_format",
    "tally",
    "task_of",
]


def parse(
    text: str,
    task: Task,
    *,
    embed: Embed | None = None,
    threshold: float = THRESHOLD,
    margin: float = MARGIN,
    alternatives: Sequence[tuple[str, float]] = (),
) -> Parsed:
    """Read the answer to a task from a reply, with every rule that was tried.

    What a reply says of its confidence is read first and left out of the answer; log probabilities, where there are
    any, say it better.

    Args:
        text: What the model said.
        task: What kind of answer is read.
        embed: Embeds texts, for the nearest label where no other rule finds one; without it none is looked for.
        threshold: Least cosine of the nearest label.
        margin: Its least lead over the next one.
        alternatives: How the reply might have begun, with probabilities (`Reply.alternatives`).

    Raises:
        InvalidParameter: A label task without labels, a JSON task without a schema, or a schema that is none.
    """
    if task.kind == "json":
        return _json(text, task)
    said, confidence = verbalised(text)
    match task.kind:
        case "label":
            parsed = _label(said, _closed(task), embed, threshold, margin)
        case "labels":
            return replace(_labels(said, _closed(task)), confidence=confidence)
        case "number":
            return replace(_number(said, task), confidence=confidence)
        case "yes or no":
            parsed = _yes_no(said)
        case "text":
            return replace(_text(said), confidence=confidence)
    if parsed.answer is None:
        return parsed
    possible = task.labels or ("yes", "no")
    told = by_probabilities(alternatives, possible, parsed.answer) if alternatives else None
    return replace(parsed, confidence=told or confidence)


def _closed(task: Task) -> tuple[str, ...]:
    if not task.labels:
        raise InvalidParameter(
            "a closed task needs labels", field="task.labels", mend="Give the label space, or read free text"
        )
    return task.labels


def _label(
    text: str, labels: tuple[str, ...], embed: Embed | None, threshold: float, margin: float
) -> Parsed:
    parsed = parse_answer(text, labels)
    steps = [Step("exact", parsed.answer if parsed.how == "exact" and parsed.answer else "no")]
    if parsed.how != "exact":
        steps.append(
            Step("normalised", parsed.answer if parsed.how == "normalised" and parsed.answer else "no")
        )
    if parsed.how in ("found in text", "failed"):
        steps.append(Step("found in text", ", ".join(parsed.found) or "no"))
    if parsed.answer is None and embed is not None:
        # A reply that names several labels is ambiguous, whatever it is near to.
        best, why = (
            (None, "not tried: several labels occur")
            if parsed.found
            else nearest(text, labels, embed, threshold=threshold, margin=margin)
        )
        steps.append(Step("nearest", why))
        if best is not None:
            parsed = Parsed(best, "nearest")
    return replace(parsed, steps=tuple(steps), value=parsed.answer)


def _labels(text: str, labels: tuple[str, ...]) -> Parsed:
    listed = read_list(text, label_space(labels))
    steps = [Step("list", ", ".join(listed.labels) or ("no label fits" if listed.empty else "no"))]
    if listed.unknown:
        steps.append(Step("unknown", ", ".join(listed.unknown)))
    if not listed.labels and not listed.empty:
        return Parsed(None, "failed", steps=tuple(steps), unknown=listed.unknown)
    how: How = "list" if listed.clean else "found in text"
    return Parsed(
        ", ".join(listed.labels),
        how,
        listed.labels,
        tuple(steps),
        value=listed.labels,
        unknown=listed.unknown,
    )


def _number(text: str, task: Task) -> Parsed:
    quantity, wrong = read_number(text, task.unit)
    if quantity is None:
        return Parsed(None, "failed", steps=(Step("number", wrong),))
    return Parsed(spelled(quantity), "number", steps=(Step("number", spelled(quantity)),), value=quantity)


def _yes_no(text: str) -> Parsed:
    said, how = read_yes_no(text)
    if said is None:
        return Parsed(None, "failed", steps=(Step("yes or no", "neither, or both"),))
    answer = "yes" if said else "no"
    return Parsed(answer, how, steps=(Step("yes or no", answer),), value=said)


def _text(text: str) -> Parsed:
    parsed = parse_answer(text)
    value = None if parsed.answer is None else normal_text(parsed.answer)
    return replace(parsed, value=value, steps=(Step("free-form", "read" if parsed.answer else "empty"),))


def _json(text: str, task: Task) -> Parsed:
    if task.schema is None:
        raise InvalidParameter("a JSON task needs a schema", field="task.schema", mend="Give a JSON Schema")
    value, wrong = read_json(text, task.schema)
    if wrong:
        return Parsed(None, "failed", steps=(Step("json", wrong),))
    return Parsed(
        canonical_json(value).decode(), "json", steps=(Step("json", "as the schema says"),), value=value
    )
