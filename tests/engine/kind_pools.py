"""The same pictures and texts as pools of every kind: only labels and answers differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from drafts import draft
from selector_cases import LISTS

from shotsmith.domain.examples import Draft, PoolKind
from shotsmith.engine import Engine
from shotsmith.settings import Settings

SIZE = 24
HELD_OUT = (11, 23)  # in the split "test"
QUERY = "e001"
ELIGIBLE = SIZE - len(HELD_OUT) - 1
#: Reads as a rating, as a ranking and as a description.
SAYS = "fake/3 > 1 > 2"

SENTENCES = ["a red bird", "two cats", "nothing", "the old house"]
LABEL_SETS = [("class 0",), ("class 1", "odd"), ("odd", "class 2"), ("class 3", "odd", "rare")]


class Kind(NamedTuple):
    """A pool's kind, what its examples answer, and whether they have labels to balance by."""

    kind: PoolKind
    fields: Callable[[int], Mapping[str, Any]]
    labelled: bool


def numbers(number: int) -> dict[str, Any]:
    return {"labels": (), "answer": str(number * number % 17 / 2)}


def sentences(number: int) -> dict[str, Any]:
    return {"labels": (), "answer": SENTENCES[number * 7 % 4]}


KINDS = {
    "multi-label": Kind("classification", lambda number: {"labels": LABEL_SETS[number % 4]}, True),
    "regression": Kind("regression", numbers, False),
    "numbers as labels": Kind("regression", lambda n: {"labels": (str(n % 5 / 2),)}, True),
    "vqa": Kind("vqa", sentences, False),
    "captioning": Kind("captioning", sentences, False),
    "open": Kind("open", sentences, False),
    "labelled vqa": Kind("vqa", lambda number: {"labels": (SENTENCES[number % 4],)}, True),
}


def drafts(fields: Callable[[int], Mapping[str, Any]]) -> list[Draft]:
    return [
        draft(
            number,
            number % 4,
            **{
                "split": "test" if number in HELD_OUT else None,
                "metadata": {"site": "AB"[number % 2], "device": number % 3},
                "group": f"g{number % 5}",
                **fields(number),
            },
        )
        for number in range(SIZE)
    ]


@contextmanager
def opened(
    place: Path, kind: PoolKind, fields: Callable[[int], Mapping[str, Any]], **given: Any
) -> Iterator[Engine]:
    """An engine on SQLite with such a pool `p`, and a neighbour list for the query."""
    settings = Settings(data_dir=place, index_url="memory:", encoder="fake", model=SAYS)
    with Engine(settings) as engine:
        engine.create_pool("p", kind=kind, **given)
        engine.add("p", drafts(fields))
        engine.import_neighbours("p", LISTS, {QUERY: ["e003", "e010", "e009", "e014"]})
        yield engine
