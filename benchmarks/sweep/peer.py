"""The peer: the least that anybody must do, an asyncio loop around httpx that sends bodies and reads answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import httpx2

_HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-local-endpoint"}


def replay(url: str, bodies: Sequence[bytes], calls: int, concurrency: int) -> dict[str, Any]:
    """Send so many requests, the bodies over and over; nothing is chosen, kept or retried."""
    started, cpu = time.monotonic(), time.process_time()
    answers = asyncio.run(_replay(url, bodies, calls, concurrency))
    seconds = time.monotonic() - started
    return {"calls": answers, "seconds": seconds, "cpu_s": time.process_time() - cpu}


async def _replay(url: str, bodies: Sequence[bytes], calls: int, concurrency: int) -> int:
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    left = islice(cycle(bodies), calls)
    async with httpx2.AsyncClient(base_url=url, headers=_HEADERS, limits=limits, timeout=60) as http:
        return sum(await asyncio.gather(*(_work(http, left) for _ in range(concurrency))))


async def _work(http: httpx2.AsyncClient, left: Iterator[bytes]) -> int:
    done = 0
    for body in left:
        response = await http.post("/v1/chat/completions", content=body)
        response.raise_for_status()
        assert response.json()["choices"][0]["message"]["content"]
        done += 1
    return done
