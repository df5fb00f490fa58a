"""What building prompts costs: `python benchmarks/prompts --json`.

`many_shots`: a prompt of 500 demonstrations whose images are in the cache, built and written as the service answers it,
manifest included, beside the least that anybody must do: the same images as base64 and the same texts, put together
and dumped as JSON.
Both take turns, and the ratio of their medians should be at most 1.3. `memory`: the most that either holds beyond what
was there before, as a multiple of the body; at most 2. `few_shots`: prompts a second on one core with 8 demonstrations
and images in the cache, messages and manifest, no JSON; at least 1,000.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import platform
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from shotsmith.domain.examples import Example, Pool, Query
from shotsmith.domain.media import Media
from shotsmith.domain.messages import ImagePart, Message, TextPart
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.scoring import digest
from shotsmith.domain.selections import Demonstration, Selection
from shotsmith.prompts.build import build
from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.images import prepare
from shotsmith.prompts.prices import price_of
from shotsmith.prompts.target import Target
from shotsmith.schemas import prompt_json

MODEL = "gemini/gemini-2.5-pro"  # takes so many images
SIDE = 256
_LABELS = [f"label {number}" for number in range(20)]


@cache
def picture(number: int) -> ImagePart:
    """A noisy picture, prepared: about as many bytes as a photograph."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).resize((SIDE, SIDE))
    noise = rng.normal(0, 6, (SIDE, SIDE, 3))
    pixels = np.clip(np.asarray(coarse, np.float64) + noise, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=80)
    return prepare(file.getvalue(), max_side=SIDE, quality=90)


def selection(shots: int, number: int = 0) -> Selection:
    """So many demonstrations of one image and a sentence each."""
    pool = Pool(
        "p",
        "p-1",
        "classification",
        "fake",
        "fake/1",
        datetime(2026, 1, 1, tzinfo=UTC),
        labels=tuple(_LABELS),
    )
    demonstrations = tuple(
        Demonstration(
            Example(
                f"e{place:04}",
                (_media(f"{place}", place),),
                f"What is to be seen in picture {place}?",
                _LABELS[place % 20],
                (_LABELS[place % 20],),
            ),
            rank=shots - place,
            position=place + 1,
            reason="cosine 0.5 by image",
            score=0.5,
            scores={"image": 0.5},
            stage="rices",
        )
        for place in range(shots)
    )
    query = Query((_media(f"query {number}", 9999),), f"And in this one, number {number}?")
    return Selection(pool, query, Recipe(k=shots), demonstrations, shots)


def _media(name: str, number: int) -> Media:
    part = picture(number % 1000)
    key = digest(name)
    return Media("image", key, part.mime, len(part.data), part.width, part.height, key, "0" * 16, part.data)


def ours(chosen: Selection, target: Target) -> bytes:
    """A prompt as a request's body."""
    prompt = build(chosen, labels=_LABELS, picture=_cached, target=target)
    return prompt_json(prompt)


def least(messages: tuple[Message, ...]) -> bytes:
    """The same bytes put together with nothing decided, checked or written down."""
    body = []
    for message in messages:
        texts = [part.text for part in message.parts if isinstance(part, TextPart)]
        if message.role != "user":
            body.append({"role": message.role, "content": "\n".join(texts)})
            continue
        content: list[dict[str, Any]] = []
        if len(message.parts) == 1:
            body.append({"role": "user", "content": message.parts[0].text})  # type: ignore[union-attr]
            continue
        for part in message.parts:
            if isinstance(part, ImagePart):
                url = f"data:{part.mime};base64,{base64.b64encode(part.data).decode('ascii')}"
                content.append({"type": "image_url", "image_url": {"url": url}})
            elif isinstance(part, TextPart):
                content.append({"type": "text", "text": part.text})
        body.append({"role": message.role, "content": content})
    return json.dumps({"model": MODEL, "messages": body}).encode()


def _cached(media: Media, max_side: int, quality: int) -> ImagePart:
    return _PARTS[media.sha256]


_PARTS: dict[str, ImagePart] = {}


def many_shots(shots: int, rounds: int) -> dict[str, Any]:
    """Ours beside the least, in turns."""
    target = Target(facts_of(MODEL), price_of(MODEL), bounds=True)
    chosen = selection(shots)
    _keep(chosen)
    messages = build(chosen, labels=_LABELS, picture=_cached, target=target).messages
    assert json.loads(ours(chosen, target))["messages"] == json.loads(least(messages))["messages"]
    times: dict[str, list[float]] = {"ours": [], "least": []}
    for _ in range(rounds):
        for name, action in (("least", lambda: least(messages)), ("ours", lambda: ours(chosen, target))):
            started = time.process_time()
            action()
            times[name].append(time.process_time() - started)
    size = len(least(messages))
    middle = {name: statistics.median(values) for name, values in times.items()}
    return {
        "shots": shots,
        "model": MODEL,
        "body_mb": round(size / 1e6, 1),
        "ours_ms": round(1e3 * middle["ours"], 1),
        "least_ms": round(1e3 * middle["least"], 1),
        "ratio": round(middle["ours"] / middle["least"], 2),
        "bound": 1.3,
        "memory": {
            "ours": round(_peak(lambda: ours(chosen, target)) / size, 2),
            "least": round(_peak(lambda: least(messages)) / size, 2),
            "build_alone": round(
                _peak(lambda: build(chosen, labels=_LABELS, picture=_cached, target=target)) / size, 2
            ),
            "bound": 2.0,
        },
    }


def few_shots(shots: int, prompts: int) -> dict[str, Any]:
    """Prompts a second, each for another query."""
    target = Target(facts_of(MODEL), price_of(MODEL), bounds=True)
    chosen = [selection(shots, number) for number in range(prompts)]
    for one in chosen:
        _keep(one)
    started = time.process_time()
    for one in chosen:
        build(one, labels=_LABELS, picture=_cached, target=target)
    taken = time.process_time() - started
    return {"shots": shots, "prompts": prompts, "prompts_per_s": round(prompts / taken), "bound": 1000}


def _keep(chosen: Selection) -> None:
    media = [*chosen.query.media, *(one for shot in chosen.demonstrations for one in shot.example.media)]
    for one in media:
        part = picture(9999 % 1000) if one in chosen.query.media else picture(int(_number(chosen, one)))
        part.sha256  # noqa: B018  kept with a cached part
        _PARTS[one.sha256] = part


def _number(chosen: Selection, media: Media) -> int:
    return next(place for place, shot in enumerate(chosen.demonstrations) if shot.example.media[0] is media)


def _peak(action: Callable[[], object]) -> int:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    action()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before


def main() -> None:
    """Print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--prompts", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    whole = {
        "benchmark": "prompts",
        "python": platform.python_version(),
        "many_shots": many_shots(given.shots, given.rounds),
        "few_shots": few_shots(8, given.prompts),
    }
    if given.json:
        json.dump(whole, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        print(whole)


if __name__ == "__main__":
    main()
