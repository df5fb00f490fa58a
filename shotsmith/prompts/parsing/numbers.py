"""Reading one number with its sign and unit. A range, a bound, a fraction or two numbers are not one number."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from ...domain.parsed import Quantity
from .units import Unit, convert, unit_of
from .words import fold, peel, plain

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWER = re.compile("(?<=10)[⁻⁺]?[⁰¹²³⁴-⁹]+")
_GROUP = re.compile("(?<=[0-9])[\u00a0\u2007\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>(?<![-+])[-+])?(?P<money>[$€£¥])?"
    r"(?P<body>[0-9]+(?:[.,][0-9]+)*|\.[0-9]+)"
    r"(?P<power>[eE][-+]?[0-9]+(?!\w)|\s?[x×*·]\s?10\s?(?:\^\s?)?(?P<ten>[-+]?[0-9]+)(?!\w))?"
)
_ENGLISH = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_EUROPEAN = re.compile(r"[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,})")
_BOUND = re.compile(
    r"(?:[<>≤≥±]=?|\b(?:than|at least|at most|over|under|above|below|up to|max|min|minimum|maximum))\s*$"
)
_GOES_ON = re.compile(
    r"\.\.|\+|\s?(?:[/⁄±:^]|\+/-|[x×*·])\s?-?[0-9]|\s?(?:hundred|thousand|[mbtr]+illion|dozen)s?\b|(?<=[0-9])(?:,|\.)(?=[0-9])"
)
_UNIT = re.compile(r"\s?(?:[^\W\d_]|[°%$€£¥])[^\s.,;:!?()\[\]{}\"'*`]*")
_SENTENCE = re.compile(r"\n|\.\s")
_MINUS = re.compile(r"\b(?:minus|negative)\s$")
_APART = re.compile(r"(?:^|[\n:=(])\s*-\s+$")
_MARK = re.compile(r"\banswer\b(?:\s+is)?\s*[:=]\s*")
_NAMES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *(
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ),
)
_WORDS = {word: float(number) for number, word in enumerate(_NAMES)}


def read_number(text: str, unit: str = "") -> tuple[Quantity | None, str]:
    """The one quantity in a reply, and an empty text, or None and why.

    Understood are signs and typographic minuses, `1,234.5`, `1.234,5`, `1 234` with a hard or thin space, `1e-3`,
    `1.2 × 10⁻³`, currency signs and, as a whole reply, words up to twenty. `1,5` is not: it may be a list, or a decimal
    comma. Behind `Answer:` counts what stands there alone. Several numbers are one when they are the same quantity.

    Args:
        text: The reply.
        unit: Wanted; a unit that measures the same is converted exactly, another one is refused, and a number without
            one is in the wanted unit. Empty keeps whatever unit is there.
    """
    whole = peel(fold(text))
    if whole in _WORDS:
        return convert(Quantity(_WORDS[whole]), unit), ""
    body = plain(_POWER.sub(lambda one: "^" + one[0].translate(_SUPERSCRIPTS), _GROUP.sub("", text)))
    body = re.sub(r"[*_`]{2,}|(?<![\w*])[*_`](?=\S)|(?<=\S)[*_`](?![\w*])", "", body)
    lowered = body.casefold()
    if len(lowered) == len(body) and (marks := list(_MARK.finditer(lowered))):
        ends = [*(mark.start() for mark in marks[1:]), len(body)]
        parts = (body[mark.end() : end] for mark, end in zip(marks, ends, strict=True))
        body = "\n".join(_SENTENCE.split(part, maxsplit=1)[0] for part in parts)
    try:
        found = list(_quantities(body, unit))
    except ValueError as refused:
        return None, str(refused)
    if not found:
        return None, "no number"
    first, *others = found
    converted = convert(first, unit)
    if converted is None:
        return None, f"{first.unit} is not {unit}"
    if any(convert(one, converted.unit or one.unit) != converted for one in others):
        return None, "several numbers"
    return converted, ""


def spelled(quantity: Quantity) -> str:
    """A quantity in its shortest spelling."""
    number = quantity.number
    text = str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
    return f"{text} {quantity.unit}" if quantity.unit else text


def _quantities(text: str, wanted: str) -> Iterator[Quantity]:
    for match in _NUMBER.finditer(text):
        before, after = text[: match.start()], text[match.end() :]
        if match["sign"] is None and before.endswith(("-", "+")):
            if len(before) > 1 and before[-2].isalpha():
                continue  # a name, such as covid-19
            raise ValueError("a range or a sum")
        unit = _unit(after, wanted)
        if unit is None and (after[:1].isalnum() or after[:1] == "_"):
            continue  # a word, such as 3rd or 3D
        if match["sign"] is None and _APART.search(before):
            raise ValueError("a minus or a bullet")
        if _BOUND.search(before.casefold()):
            raise ValueError("a bound")
        if _GOES_ON.match(after):
            raise ValueError("a range, a fraction or a term")
        money = unit_of(match["money"]) if match["money"] else None
        named = money or unit
        value = _value(match)
        if match["sign"] is None and _MINUS.search(before.casefold()):
            value = -value
        yield Quantity(value + 0.0, named.symbol if named else "")  # no negative zero


def _value(match: re.Match[str]) -> float:
    body = match["body"]
    if _ENGLISH.fullmatch(body):
        digits = body.replace(",", "")
    elif _EUROPEAN.fullmatch(body):
        digits = body.replace(".", "").replace(",", ".")
    else:
        raise ValueError(f"separators that may mean two things: {body}")
    power = match["power"] or ""
    exponent = match["ten"] or power.lstrip("eE") or "0"
    value = float(f"{match['sign'] or ''}{digits}e{exponent}")
    if not math.isfinite(value):
        raise ValueError("too large")
    return value


def _unit(after: str, wanted: str) -> Unit | None:
    """The unit right behind a number: up to three words, the longest that is one."""
    words: list[str] = []
    rest = after
    while len(words) < 3 and (word := _UNIT.match(rest)):
        words.append(word[0])
        rest = rest[word.end() :]
    for count in range(len(words), 0, -1):
        name = "".join(words[:count]).strip()
        # "5 in the box" is no length.
        if name == "in" and after[:1].isspace() and after.strip(" .!\n") != "in":
            continue
        if (unit := unit_of(name, wanted)) is not None:
            return unit
    return None
