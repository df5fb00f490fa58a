"""An OpenAI-compatible endpoint on loopback, in a process of its own: `python benchmarks/sweep/server.py`.

It answers after a fixed time with a little jitter, as a provider that is never the bottleneck, and counts every request
by the hash of its body. It can take only so many at once (429 with `retry-after-ms`) and be down for a while (503).
Its port is the first line on standard output; it ends with its standard input.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

_LENGTH = b"content-length:"
_WORDS = ("round", "square", "striped", "dotted", "plain")


@dataclass
class State:
    """What it does, which `POST /set` changes, and what it saw, which `GET /stats` tells."""

    latency_s: float = 0.2
    jitter: float = 0.1
    capacity: int = 0  # 0: any number
    retry_after_s: float = 0.2
    down_until: float = 0.0
    keep: int = 0  # so many different bodies are kept for the peer
    seen: Counter[bytes] = field(default_factory=Counter)
    answered: Counter[bytes] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)
    inside: int = 0
    peak: int = 0
    refused: int = 0
    unavailable: int = 0
    bytes: int = 0

    def stats(self) -> dict[str, Any]:
        """Counts; a duplicate is a body that was accepted once more."""
        accepted = sum(self.seen.values())
        return {
            "accepted": accepted,
            "answered": sum(self.answered.values()),
            "unique": len(self.seen),
            "duplicates": accepted - len(self.seen),
            "answered_twice": sum(self.answered.values()) - len(self.answered),
            "refused": self.refused,
            "unavailable": self.unavailable,
            "peak": self.peak,
            "mean_bytes": round(self.bytes / accepted) if accepted else 0,
        }

    def forget(self) -> None:
        """Count anew."""
        self.seen, self.answered = Counter(), Counter()
        self.peak = self.refused = self.unavailable = self.bytes = 0


class Endpoint(asyncio.Protocol):
    """One connection; requests come one after the other, as both clients send them."""

    def __init__(self, state: State, loop: asyncio.AbstractEventLoop) -> None:
        self._state = state
        self._loop = loop
        self._draw = random.Random(id(self))
        self._buffer = bytearray()
        self._end = -1
        self._body_at = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._end < 0:
            at = self._buffer.find(b"\r\n\r\n")
            if at < 0:
                return
            head = bytes(self._buffer[:at]).lower()
            found = head.find(_LENGTH)
            length = int(head[found + len(_LENGTH) :].split(b"\r\n", 1)[0]) if found >= 0 else 0
            self._body_at, self._end = at + 4, at + 4 + length
        if len(self._buffer) >= self._end:
            head, body = bytes(self._buffer[: self._body_at]), bytes(self._buffer[self._body_at : self._end])
            del self._buffer[: self._end]
            self._end = -1
            self._route(head.split(b" ", 2)[1].decode(), body)

    def _route(self, path: str, body: bytes) -> None:
        state = self._state
        if path == "/stats":
            self._send(200, state.stats())
        elif path == "/body":
            self._write(200, state.bodies.pop() if state.bodies else b"", b"")
        elif path == "/set":
            told = json.loads(body)
            if told.pop("forget", False):
                state.forget()
            if "down_s" in told:
                state.down_until = self._loop.time() + told.pop("down_s")
            vars(state).update(told)
            self._send(200, {})
        else:
            self._chat(body)

    def _chat(self, body: bytes) -> None:
        state = self._state
        if self._loop.time() < state.down_until:
            state.unavailable += 1
            return self._send(503, {"error": {"message": "down", "type": "server_error"}})
        if state.capacity and state.inside >= state.capacity:
            state.refused += 1
            wait = f"retry-after-ms: {round(1000 * state.retry_after_s)}\r\n".encode()
            return self._send(429, {"error": {"message": "too many", "type": "rate_limit"}}, wait)
        key = hashlib.sha256(body).digest()
        if state.keep and key not in state.seen:
            state.keep -= 1
            state.bodies.append(body)
        state.seen[key] += 1
        state.bytes += len(body)
        state.inside += 1
        state.peak = max(state.peak, state.inside)
        pictures = body.count(b'"image_url":')
        jitter = 1 + state.jitter * self._draw.uniform(-1, 1)
        self._loop.call_later(state.latency_s * jitter, self._answer, key, pictures)
        return None

    def _answer(self, key: bytes, pictures: int) -> None:
        self._state.inside -= 1
        if self._transport.is_closing():
            return
        self._state.answered[key] += 1
        tokens = 60 + 90 * pictures
        self._send(
            200,
            {
                "id": f"chatcmpl-{key[:8].hex()}",
                "object": "chat.completion",
                "created": 1,
                "model": "sweep",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": _WORDS[key[0] % len(_WORDS)]},
                        "finish_reason": "stop",
                    }
                ],
                "usage": {"prompt_tokens": tokens, "completion_tokens": 2, "total_tokens": tokens + 2},
            },
        )

    def _send(self, status: int, answer: Any, more: bytes = b"") -> None:
        self._write(status, json.dumps(answer).encode(), more)

    def _write(self, status: int, body: bytes, more: bytes) -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self._transport.write(head.encode() + more + b"\r\n" + body)


async def serve() -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    state = State()
    server = await loop.create_server(lambda: Endpoint(state, loop), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=watch, daemon=True).start()
    await over.wait()


def main() -> None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        asyncio.run(serve())
    else:
        uvloop.run(serve())


if __name__ == "__main__":
    main()
