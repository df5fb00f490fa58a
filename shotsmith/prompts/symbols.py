"""Symbols for labels: what is left of in-context learning when a label's own name says nothing.

A model that stays above chance has learnt the mapping from the demonstrations and not from the names (Wei et al. 2023,
arXiv 2305.08298; ManyICL writes "Class 1" and so on). All functions are pure; the empty mapping changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count

from ..domain.examples import normal_text
from ..domain.recipes import SymbolKind
from ..domain.scoring import seed_bytes, shuffled

_CONSONANTS = "bcdfghjklmnpqrstvwxz"
_VOWELS = "aeiou"
_STEMS = ("Class", "Category", "Group")
_FEWEST_LETTERS, _FEWEST_SOUNDS = 3, 5


def encode(labels: Iterable[str], kind: SymbolKind, seed: int) -> dict[str, str]:
    """A symbol for each label, in the order of the labels: equal sets of labels get equal symbols.

    No two labels share a symbol, no symbol is a label or the beginning of another symbol, however case and width are
    written. Which label gets which one depends on the seed alone and not on the labels' order.

    Args:
        labels: The label space; repetitions count once.
        kind: "classes" for "Class 1" and so on, "letters" for three or more random consonants, "words" for invented
            words that can be spoken; "none" for no symbols.
        seed: Of the recipe.

    Returns:
        Symbol by label; empty for "none".
    """
    given = tuple(dict.fromkeys(labels))
    if kind == "none":
        return {}
    taken = frozenset(map(normal_text, given))
    drawn = shuffled(given, seed, f"symbols|{kind}")
    if kind == "classes":
        found = dict(zip(drawn, _classes(len(drawn), taken), strict=True))
    else:
        found = _spelled(drawn, kind, seed, taken)
    return {label: found[label] for label in given}


def encode_answer(
    answer: str, symbols: Mapping[str, str], labels: Sequence[str] = (), *, joint: str = ", "
) -> str | None:
    """An answer with symbols in place of its labels.

    Args:
        answer: A label, or several behind commas.
        symbols: As `encode` gave them.
        labels: The example's labels, where it has any; they count instead of the answer, which may say more.
        joint: What is written between several.

    Returns:
        None when it holds anything but labels: shown as it is, it would tell what the symbols hide.
    """
    if not symbols:
        return answer
    read = list(labels) or _parts(answer, symbols)
    if read is None or any(label not in symbols for label in read):
        return None
    return joint.join(symbols[label] for label in read)


def decode(answer: str, symbols: Mapping[str, str], *, joint: str = ", ") -> str | None:
    """An answer with labels in place of its symbols: the inverse of `encode_answer`.

    Case, width and spaces do not matter. None when it holds anything but symbols.
    """
    if not symbols:
        return answer
    labels = {symbol: label for label, symbol in symbols.items()}
    read = _parts(answer, labels)
    return None if read is None else joint.join(labels[symbol] for symbol in read)


def _parts(answer: str, names: Mapping[str, str]) -> list[str] | None:
    """An answer as the names that it lists, a whole name before several, a longer one before a shorter one."""
    if answer in names:
        return [answer]
    read, longest = _reader(tuple(names))
    pieces = answer.split(",")
    # From the right, the first name of what begins at each piece; names may hold commas themselves.
    ways: list[list[str] | None] = [None] * len(pieces) + [[]]
    for start in range(len(pieces) - 1, -1, -1):
        for end in range(min(len(pieces), start + longest), start, -1):
            rest = ways[end]
            name = read(",".join(pieces[start:end])) if rest is not None else None
            if rest is not None and name is not None:
                ways[start] = [name, *rest]
                break
    return ways[0]


@lru_cache(maxsize=64)
def _reader(names: tuple[str, ...]) -> tuple[Callable[[str], str | None], int]:
    """Finds the name of a text, and the number of pieces between commas in the longest name."""
    exact = {name.strip(): name for name in names}
    folded: dict[str, str | None] = {}
    for name in names:
        form = normal_text(name)
        folded[form] = (
            None if form in folded else name
        )  # two names of one form: only their own spelling tells

    def read(text: str) -> str | None:
        text = text.strip()
        return exact[text] if text in exact else folded.get(normal_text(text))

    return read, 1 + max((name.count(",") for name in names), default=0)


def _classes(wanted: int, taken: frozenset[str]) -> list[str]:
    """Numbers of equal length, so that none begins another, under the first stem that no label uses."""
    width = len(str(wanted))
    for stem in _STEMS:
        found = [f"{stem} {number:0{width}}" for number in range(1, wanted + 1)]
        if not taken.intersection(map(normal_text, found)):
            return found
    while len(free := _free(width, taken)) < wanted:
        width += 1
    return free[:wanted]


def _free(width: int, taken: frozenset[str]) -> list[str]:
    """Classes of so many digits that no label is."""
    found = (f"{_STEMS[0]} {number:0{width}}" for number in range(1, 10**width))
    return [name for name in found if normal_text(name) not in taken]


def _spelled(drawn: Sequence[str], kind: SymbolKind, seed: int, taken: frozenset[str]) -> dict[str, str]:
    """Random spellings of equal length: consonants, or consonants and vowels by turns."""
    sounds = (_CONSONANTS,) if kind == "letters" else (_CONSONANTS, _VOWELS)
    length = _FEWEST_LETTERS if kind == "letters" else _FEWEST_SOUNDS
    while _spellings(sounds, length) < 4 * (len(drawn) + len(taken)):
        length += 1
    used = set(taken)
    found = {}
    for label in drawn:
        for attempt in count():
            symbol = _spell(seed_bytes(seed, f"symbols|{kind}|{attempt}|{label}"), sounds, length)
            if symbol not in used:
                break
        used.add(symbol)
        found[label] = symbol.upper() if kind == "letters" else symbol
    return found


def _spellings(sounds: Sequence[str], length: int) -> int:
    total = 1
    for place in range(length):
        total *= len(sounds[place % len(sounds)])
    return total


def _spell(secret: bytes, sounds: Sequence[str], length: int) -> str:
    number = int.from_bytes(secret, "big")
    letters = []
    for place in range(length):
        choice = sounds[place % len(sounds)]
        number, at = divmod(number, len(choice))
        letters.append(choice[at])
    return "".join(letters)
