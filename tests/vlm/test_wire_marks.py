"""Cache marks arrive where they were set, in each provider's spelling, and make its cache hit."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from anthropic_server import AnthropicServer
from pydantic import SecretStr
from wire import FAMILIES, KEY, ask, said

from shotsmith.clients.vlm.litellm import LiteLLM
from shotsmith.clients.vlm.warm import warmed
from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.messages import ImagePart, Mark, Request

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:.*`ReadOnly` qualifier:UserWarning:pydantic\."),
    pytest.mark.usefixtures("litellm"),
]

BY_NAME = {family.name: family for family in FAMILIES}
IMAGE = ImagePart(b"\x89PNG" + bytes(range(256)), "image/png", 1, 1)
EPHEMERAL = {"type": "ephemeral"}
EXPLICIT = {"mode": "explicit"}
SYSTEM, IN_SHOT, ANSWER = Mark(0, 0), Mark(1, 0), Mark(2, 0)


def turns(query: str = "now", shots: int = 1):
    shown = [
        turn for _ in range(shots) for turn in (said("user", IMAGE, "Input: x"), said("assistant", "cat"))
    ]
    return [said("system", "Classify.", "Labels: []"), *shown, said("user", IMAGE, query)]


@pytest.fixture
def sent():
    """Asks a family once and gives the body."""
    servers = []

    def send(name, messages, parameters=None, **request):
        family = BY_NAME[name]
        servers.append(family.serve())
        ask(family.client(servers[-1]), messages, parameters, **request)
        return servers[-1].requests[0].json

    yield send
    for server in servers:
        server.close()


def without_marks(value):
    """A body as it is without marks; lists of one text read as that text."""
    if isinstance(value, dict):
        return {name: without_marks(item) for name, item in value.items() if name not in MARKS}
    if isinstance(value, list):
        return [without_marks(item) for item in value if item != {"cachePoint": {"type": "default"}}]
    return value


MARKS = {"cache_control", "prompt_cache_breakpoint"}


def test_anthropic_finds_each_mark_on_its_block(sent):
    marks = (Mark(0, 1), IN_SHOT, ANSWER, Mark(3, 1))
    body = sent("anthropic", turns(), marks=marks, mark_kind="cache_control")
    [system] = body["system"]
    assert system == {"type": "text", "text": "Classify.\nLabels: []", "cache_control": EPHEMERAL}
    (image, text), [answer], (last, query) = (turn["content"] for turn in body["messages"])
    assert [image["type"], image["cache_control"]] == ["image", EPHEMERAL]
    assert answer == {"type": "text", "text": "cat", "cache_control": EPHEMERAL}
    assert query["cache_control"] == EPHEMERAL
    assert "cache_control" not in text
    assert "cache_control" not in last


def test_a_mark_inside_a_system_turn_divides_it(sent):
    body = sent("anthropic", turns(), marks=(SYSTEM,), mark_kind="cache_control", mark_ttl="1h")
    assert body["system"] == [
        {"type": "text", "text": "Classify.", "cache_control": {**EPHEMERAL, "ttl": "1h"}},
        {"type": "text", "text": "Labels: []"},
    ]


def test_bedrock_finds_cache_points_behind_the_marked_blocks(sent, monkeypatch):
    monkeypatch.setenv("AWS_REGION_NAME", "us-east-1")
    body = sent("bedrock", turns(), marks=(IN_SHOT, ANSWER), mark_kind="cache_control")
    shown, answer, query = (turn["content"] for turn in body["messages"])
    point = {"cachePoint": {"type": "default"}}
    assert [next(iter(block)) for block in shown] == ["image", "cachePoint", "text"]
    assert answer == [{"text": "cat"}, point]
    assert point not in query


def test_openrouter_finds_the_marks_in_openais_format(sent):
    body = sent("openrouter", turns(), marks=(IN_SHOT, ANSWER), mark_kind="cache_control")
    _, shown, answer, _ = (turn["content"] for turn in body["messages"])
    assert shown[0]["cache_control"] == EPHEMERAL
    assert answer == [{"type": "text", "text": "cat", "cache_control": EPHEMERAL}]


def test_openai_takes_breakpoints_on_what_it_was_shown_and_keeps_nothing_else(sent):
    # OpenAI takes none on an assistant's text, so the mark moves to the part before it.
    body = sent("openai", turns(), marks=(Mark(0, 1), ANSWER), mark_kind="breakpoint")
    system, shown, answer, query = (turn["content"] for turn in body["messages"])
    assert system == [{"type": "text", "text": "Classify.\nLabels: []", "prompt_cache_breakpoint": EXPLICIT}]
    assert shown[1] == {"type": "text", "text": "Input: x", "prompt_cache_breakpoint": EXPLICIT}
    assert answer == "cat"
    assert not MARKS & (shown[0].keys() | query[0].keys() | query[1].keys())
    assert body["prompt_cache_options"] == EXPLICIT


def test_the_cache_key_is_that_of_the_prefix(server):
    def key(query, **options):
        given = {"marks": (ANSWER,), "mark_kind": "key", **options}
        ask(BY_NAME["openai"].client(server), turns(query), **given)
        return server.requests[-1].json["prompt_cache_key"]

    assert key("a") == key("b") == key("a", mark_kind="breakpoint")
    assert key("a") != key("a", marks=(SYSTEM,))
    assert len(key("a")) == 32
    assert key("a", parameters={"prompt_cache_key": "mine"}) == "mine"


@pytest.mark.parametrize("name", ["openai", "vllm", "anthropic", "gemini"])
def test_kinds_without_marks_send_nothing_of_them(sent, name):
    plain = sent(name, turns())
    assert sent(name, turns(), marks=(Mark(0, 1), ANSWER)) == plain
    if name == "openai":
        keyed = sent(name, turns(), marks=(ANSWER,), mark_kind="key")
        assert {name: value for name, value in keyed.items() if name != "prompt_cache_key"} == plain
    elif name == "anthropic":
        marked = sent(name, turns(), marks=(Mark(0, 1), ANSWER), mark_kind="cache_control")
        assert without_marks(marked) == plain


def test_marks_on_blank_parts_move_before_them(sent):
    messages = [said("system", "s"), said("user", IMAGE, " "), said("assistant", "a"), said("user", IMAGE)]
    body = sent("anthropic", messages, marks=(Mark(1, 1),), mark_kind="cache_control")
    assert [block.get("cache_control") for block in body["messages"][0]["content"]] == [EPHEMERAL]


@pytest.mark.parametrize(
    ("marks", "complaint"),
    [
        (tuple(Mark(0, part) for part in range(5)), "too many cache marks"),
        ((Mark(9, 0),), "outside the messages"),
        ((Mark(0, 2),), "outside the messages"),
        ((Mark(-1, 0),), "outside the messages"),
    ],
)
def test_marks_that_cannot_be_are_refused(sent, marks, complaint):
    messages = [said("system", "a", "b"), said("user", "q")]
    with pytest.raises(InvalidInput, match=complaint):
        sent("anthropic", messages, marks=marks, mark_kind="cache_control")


@pytest.fixture
def anthropic():
    servers = []

    def serve(**options):
        servers.append(AnthropicServer(KEY, **options))
        return servers[-1], BY_NAME["anthropic"].client(servers[-1])

    yield serve
    for server in servers:
        server.close()


def requests(vlm, queries, **options):
    """Requests that share 12 shots; the mark ends the last one's answer."""
    options = {"marks": (Mark(24, 0),), "mark_kind": "cache_control", **options}
    return [
        Request(vlm.model, tuple(turns(str(at), shots=12)), {}, vlm.api_base, **options)
        for at in range(queries)
    ]


def test_the_first_call_writes_the_prefix_and_the_others_read_it(anthropic):
    server, vlm = anthropic()
    first, *others = [vlm.complete(request) for request in requests(vlm, 3)]
    written = first.usage.cache_write_tokens
    assert written > 6000
    assert first.usage.cached_tokens == 0
    assert first.usage.input_tokens - written == server.usages[0]["input_tokens"]
    assert first.saved_usd == pytest.approx(-written * 3e-6 * 0.25)
    for reply in others:
        assert (reply.usage.cached_tokens, reply.usage.cache_write_tokens) == (written, 0)
        assert reply.usage.input_tokens == first.usage.input_tokens
        assert reply.saved_usd == pytest.approx(written * 3e-6 * 0.9)


def test_without_marks_anthropic_keeps_nothing(anthropic):
    _, vlm = anthropic()
    replies = [vlm.complete(request) for request in requests(vlm, 2, marks=())]
    assert [(reply.usage.cached_tokens, reply.usage.cache_write_tokens) for reply in replies] == [(0, 0)] * 2
    assert [reply.saved_usd for reply in replies] == [0, 0]


def test_a_fan_out_pays_for_writing_once_if_one_goes_first(anthropic):
    server, vlm = anthropic()
    replies = list(warmed(requests(vlm, 5), vlm.complete, concurrency=4))
    writes = [reply.usage.cache_write_tokens for reply in replies]
    assert writes[0] > 0
    assert writes[1:] == [0] * 4
    assert all(reply.usage.cached_tokens == writes[0] for reply in replies[1:])

    # The same without: all are in before the first is answered, and all write.
    server, vlm = anthropic(together=4)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(vlm.complete, requests(vlm, 4)))
    assert [usage["cache_creation_input_tokens"] for usage in server.usages] == [writes[0]] * 4


KINDS = {"openai": "breakpoint", "anthropic": "cache_control", "bedrock": "cache_control", "gemini": "none"}


def send_all(urls, query):
    """The same prefix and one query to each family."""
    for name, url in urls.items():
        model = BY_NAME[name].model
        vlm = LiteLLM(model, api_base=url, api_key=SecretStr(KEY))
        given = {"temperature": 0.0, "stop": ["."], "max_tokens": 9}
        marks = (Mark(0, 1), Mark(6, 0))
        ask(vlm, turns(query, shots=3), given, marks=marks, mark_kind=KINDS[name])


def test_two_processes_send_the_same_bytes_but_for_the_query(monkeypatch):
    monkeypatch.setenv("AWS_REGION_NAME", "us-east-1")
    servers = {name: BY_NAME[name].serve() for name in KINDS}
    urls = {name: server.url for name, server in servers.items()}
    try:
        send_all(urls, "query-one")
        paths = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
        code = f"import test_wire_marks; test_wire_marks.send_all({urls!r}, 'query-two')"
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "7"},
        )
    finally:
        for server in servers.values():
            server.close()
    for name, server in servers.items():
        one, two = (request.body for request in server.requests)
        assert one.count(b"query-one") == 1
        assert one.replace(b"query-one", b"query-two") == two
        shared = one[: one.index(b"query-one")]
        spelled = {
            "openai": b"prompt_cache_breakpoint",
            "anthropic": b"cache_control",
            "bedrock": b"cachePoint",
        }
        marks_shown = (
            2 if name == "openai" else 1
        )  # litellm writes the system turn behind the others elsewhere
        assert name == "gemini" or shared.count(spelled[name]) == marks_shown
