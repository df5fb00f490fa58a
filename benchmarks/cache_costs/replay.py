"""Bills simulated traffic request by request, by the rules that providers publish.

Nothing here is taken from `shotsmith.prompts.economics`: each provider is a machine that keeps what it has seen, and
looks into it when a request comes. A prompt is a list of blocks; blocks with the same content are the same tokens.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Block:
    """A stretch of a prompt; `mark` ends a prefix that the provider is told to cache."""

    content: str
    tokens: int
    mark: bool = False


@dataclass(frozen=True)
class Request:
    """One call, `at` seconds from the start."""

    at: float
    prompt: tuple[Block, ...]
    output: int


@dataclass(frozen=True)
class PriceList:
    """US dollars per million tokens; beyond `threshold` tokens of a prompt, `above` holds."""

    input: float
    output: float
    read: float
    write: float
    threshold: int | None = None
    above: PriceList | None = None


@dataclass
class Bill:
    """What the provider reports at the end of the month."""

    requests: int = 0
    hits: int = 0
    input: int = 0
    read: int = 0
    written: int = 0
    output: int = 0
    usd: float = 0.0

    def add(self, usage: Usage, output: int, prices: PriceList) -> None:
        """One more request."""
        total = usage.plain + usage.read + usage.written
        if prices.above is not None and prices.threshold is not None and total > prices.threshold:
            prices = prices.above
        self.requests += 1
        self.hits += usage.read > 0
        self.input += total
        self.read += usage.read
        self.written += usage.written
        self.output += output
        self.usd += 1e-6 * (
            usage.plain * prices.input
            + usage.read * prices.read
            + usage.written * prices.write
            + output * prices.output
        )


@dataclass(frozen=True)
class Usage:
    """Tokens of one prompt: read from the cache, written into it, and neither."""

    read: int
    written: int
    plain: int


class Provider(Protocol):
    """Takes requests in the order of their times."""

    def serve(self, request: Request) -> Usage:
        """Answer one request and remember what there is to remember."""


@dataclass
class _Entry:
    readable: float
    expires: float


@dataclass
class MarkedPrefixes:
    """Anthropic's `cache_control`, and OpenAI's `prompt_cache_breakpoint` with the mode "explicit".

    An entry is a whole prefix up to a mark. A request looks for the entry of its last mark, then for those that end
    at the blocks before it, `look_back` places in all, and reads the longest; whatever lies between that and its last
    mark is written. A prefix below the minimum is neither read nor written, and nobody says so. An entry that another
    request is just writing cannot be read yet; who comes meanwhile pays for a write of its own. With `implicit`, as
    OpenAI has it unless told otherwise, the end of each prompt counts as a mark.
    """

    minimum: int
    ttl_s: float
    refreshed: bool
    ready_s: float = 0.0
    look_back: int | None = 20
    implicit: bool = False
    entries: dict[tuple[str, ...], _Entry] = field(default_factory=dict)

    def serve(self, request: Request) -> Usage:
        total = sum(block.tokens for block in request.prompt)
        marks = [place for place, block in enumerate(request.prompt, start=1) if block.mark]
        if self.implicit and len(request.prompt) not in marks:
            marks.append(len(request.prompt))
        if not marks:
            return Usage(0, 0, total)
        end = marks[-1]
        upto = self._tokens(request, end)
        if upto < self.minimum:
            return Usage(0, 0, total)
        read = 0
        first = 1 if self.look_back is None else max(end - self.look_back + 1, 1)
        for place in range(end, first - 1, -1):
            entry = self.entries.get(self._key(request, place))
            if entry is not None and entry.readable <= request.at < entry.expires:
                read = self._tokens(request, place)
                if self.refreshed:
                    entry.expires = request.at + self.ttl_s
                break
        for place in marks:
            if self._tokens(request, place) >= max(read + 1, self.minimum):
                self._write(request, place)
        return Usage(read, upto - read, total - upto)

    def _write(self, request: Request, end: int) -> None:
        key = self._key(request, end)
        entry = self.entries.get(key)
        if entry is None or entry.expires <= request.at:
            self.entries[key] = _Entry(request.at + self.ready_s, request.at + self.ttl_s)
        elif self.refreshed:
            entry.expires = request.at + self.ttl_s

    @staticmethod
    def _key(request: Request, place: int) -> tuple[str, ...]:
        return tuple(block.content for block in request.prompt[:place])

    @staticmethod
    def _tokens(request: Request, place: int) -> int:
        return sum(block.tokens for block in request.prompt[:place])


@dataclass
class _Node:
    expires: float = 0.0
    after: dict[str, _Node] = field(default_factory=dict)


@dataclass
class SeenPrefixes:
    """Automatic caches: OpenAI's before GPT-5.6, and Gemini's implicit one.

    Every prompt is kept, as a path of blocks, until it was not used for `ttl_s`. A request reads what it has in common
    with any of them, from the first token on, in steps beyond the minimum. Of the requests that could read,
    the share `kept` does; the others reach a machine that has not seen the prompt.
    """

    minimum: int
    step: int
    ttl_s: float
    kept: float = 1.0
    seed: int = 0
    root: _Node = field(default_factory=_Node)

    def __post_init__(self) -> None:
        self._luck = random.Random(self.seed)

    def serve(self, request: Request) -> Usage:
        total, common, node, shared = sum(block.tokens for block in request.prompt), 0, self.root, True
        for block in request.prompt:
            known = node.after.get(block.content)
            shared = shared and known is not None and known.expires > request.at
            if known is None:
                # What expired here is forgotten, or a month of traffic would not fit into memory.
                node.after = {name: one for name, one in node.after.items() if one.expires > request.at}
                known = node.after[block.content] = _Node()
            if shared:
                common += block.tokens
            known.expires = request.at + self.ttl_s
            node = known
        read = 0
        if common >= self.minimum and self._luck.random() < self.kept:
            read = self.minimum + (common - self.minimum) // self.step * self.step
        return Usage(read, 0, total - read)


@dataclass(frozen=True)
class Tokens:
    """Mean tokens of the parts of a prompt; those of single demonstrations, queries and answers vary by `spread`."""

    instruction: int = 50
    demonstration: int = 420
    query: int = 600
    output: int = 20
    spread: float = 0.4


def traffic(
    per_minute: float,
    queries: int,
    fixed: int,
    similar: int,
    *,
    tokens: Tokens,
    mark: bool,
    broken: float = 0.0,
    seed: int = 0,
) -> Iterator[Request]:
    """Queries that come as a Poisson process, each with its own similar demonstrations behind the fixed ones.

    Args:
        broken: Share of the queries in whose prefix the leak guard replaced an example.
    """
    draw = random.Random(f"{seed} {per_minute} {fixed} {similar}")
    prefix = tokens.instruction + fixed * tokens.demonstration
    now = 0.0

    def drawn(mean: int, times: int = 1) -> int:
        # The sum of so many sizes, each spread evenly over mean * (1 +- spread).
        return max(round(draw.gauss(times * mean, tokens.spread * mean * (times / 3) ** 0.5)), 0)

    for number in range(queries):
        now += draw.expovariate(per_minute / 60)
        content = f"prefix without {number}" if draw.random() < broken else "prefix"
        suffix = drawn(tokens.demonstration, similar) + drawn(tokens.query)
        prompt = (Block(content, prefix, mark), Block(f"suffix {number}", suffix))
        yield Request(now, prompt, drawn(tokens.output))


def bill(provider: Provider, requests: Iterable[Request], prices: PriceList) -> Bill:
    """The sum over all requests."""
    total = Bill()
    for request in requests:
        total.add(provider.serve(request), request.output, prices)
    return total
