"""Tokens and money as each provider tells them, read in one meaning: input is all of the prompt."""

import pytest
from anthropic_server import message
from openai_server import completion
from wire import FAMILIES, ConverseServer, ask, said

from shotsmith.domain.messages import AudioPart, ImagePart, Usage

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:.*`ReadOnly` qualifier:UserWarning:pydantic\."),
    pytest.mark.usefixtures("litellm"),
]

BY_NAME = {family.name: family for family in FAMILIES}
QUERY = [said("user", "q")]


@pytest.fixture
def reply():
    """What a family's reply says, from a server prepared by the test."""
    servers = []

    def get(name, prepare=lambda server: None, messages=QUERY, model=None, times=1):
        family = BY_NAME[name]
        servers.append(family.serve())
        prepare(servers[-1])
        vlm = family.client(servers[-1])
        vlm.model = model or vlm.model
        return [ask(vlm, messages) for _ in range(times)][-1]

    yield get
    for server in servers:
        server.close()


def price(litellm, model, *, plain=0, read=0, written=0, out=0):
    """From the map's own entries, not by litellm's calculator."""
    entry = litellm.model_cost[model]
    return (
        plain * entry["input_cost_per_token"]
        + read * entry.get("cache_read_input_token_cost", 0)
        + written * entry.get("cache_creation_input_token_cost", 0)
        + out * entry["output_cost_per_token"]
    )


def test_openai_counts_cached_tokens_within_the_input(reply, litellm):
    usage = {
        "prompt_tokens": 2000,
        "completion_tokens": 5,
        "total_tokens": 2005,
        "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    told = reply("openai", lambda server: server.enqueue(completion(usage=usage)))
    assert told.usage == Usage(2000, 5, 1920, None)
    assert told.cost_usd == pytest.approx(price(litellm, "gpt-4o", plain=80, read=1920, out=5))
    full = price(litellm, "gpt-4o", plain=2000, out=5)
    assert told.saved_usd == pytest.approx(full - told.cost_usd)
    assert told.saved_usd > 0


def test_openai_tells_what_it_wrote_where_that_has_a_price(reply, litellm):
    usage = {
        "prompt_tokens": 2000,
        "completion_tokens": 5,
        "total_tokens": 2005,
        "prompt_tokens_details": {"cached_tokens": 300, "cache_write_tokens": 1500},
    }
    told = reply("openai", lambda server: server.enqueue(completion(usage=usage)), model="openai/gpt-6.1-sol")
    assert told.usage == Usage(2000, 5, 300, 1500)
    paid = price(litellm, "gpt-6.1-sol", plain=200, read=300, written=1500, out=5)
    assert told.cost_usd == pytest.approx(paid)
    assert told.saved_usd == pytest.approx(price(litellm, "gpt-6.1-sol", plain=2000, out=5) - paid)


def test_anthropic_counts_cached_tokens_apart_and_we_add_them(reply, litellm):
    usage = {
        "input_tokens": 50,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 400,
        "output_tokens": 7,
    }
    told = reply("anthropic", lambda server: server.enqueue(message(usage=usage, model="claude-sonnet-4-5")))
    assert told.usage == Usage(1450, 7, 1000, 400)
    paid = price(litellm, "claude-sonnet-4-5", plain=50, read=1000, written=400, out=7)
    assert told.cost_usd == pytest.approx(paid)
    assert told.saved_usd == pytest.approx(price(litellm, "claude-sonnet-4-5", plain=1450, out=7) - paid)


def test_an_hour_in_anthropics_cache_costs_what_it_costs(reply, litellm):
    usage = {
        "input_tokens": 50,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 400,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 400},
        "output_tokens": 7,
    }
    told = reply("anthropic", lambda server: server.enqueue(message(usage=usage, model="claude-sonnet-4-5")))
    entry = litellm.model_cost["claude-sonnet-4-5"]
    extra = entry["cache_creation_input_token_cost_above_1hr"] - entry["input_cost_per_token"]
    assert told.saved_usd == pytest.approx(-400 * extra)


def test_bedrock_counts_cached_tokens_apart_and_we_add_them(reply, litellm, monkeypatch):
    monkeypatch.setenv("AWS_REGION_NAME", "us-east-1")
    usage = {
        "inputTokens": 50,
        "outputTokens": 7,
        "totalTokens": 1457,
        "cacheReadInputTokens": 1000,
        "cacheWriteInputTokens": 400,
    }
    monkeypatch.setattr(ConverseServer, "usage", usage)
    told = reply("bedrock")
    assert told.usage == Usage(1450, 7, 1000, 400)
    model = BY_NAME["bedrock"].model.removeprefix("bedrock/")
    paid = price(litellm, model, plain=50, read=1000, written=400, out=7)
    assert told.cost_usd == pytest.approx(paid)
    assert told.saved_usd == pytest.approx(price(litellm, model, plain=1450, out=7) - paid)


def test_gemini_counts_cached_tokens_within_the_input(reply, litellm):
    image = ImagePart(b"\x89PNG", "image/png", 1, 1)
    shown = [said("user", *[image] * 8, "x" * 400), said("assistant", "a"), said("user", image, "q")]
    first = reply("gemini", messages=shown)
    again = reply("gemini", messages=shown, times=2)
    assert first.usage == Usage(9 * 258 + 101 + 1 + 1, 3, None, None)
    assert first.saved_usd is None
    assert again.usage == Usage(first.usage.input_tokens, 3, first.usage.input_tokens, None)
    paid = price(litellm, "gemini-2.5-flash", read=again.usage.cached_tokens, out=3)
    assert again.cost_usd == pytest.approx(paid)
    full = price(litellm, "gemini-2.5-flash", plain=again.usage.input_tokens, out=3)
    assert first.cost_usd == pytest.approx(full)
    assert again.saved_usd == pytest.approx(full - paid)


def test_gemini_charges_sounds_at_their_own_price(reply, litellm):
    told = reply("gemini", messages=[said("user", AudioPart(b"ID3", "audio/mpeg", 10), "q")])
    entry = litellm.model_cost["gemini-2.5-flash"]
    assert told.cost_usd == pytest.approx(
        320 * entry["input_cost_per_audio_token"]
        + entry["input_cost_per_token"]
        + 3 * entry["output_cost_per_token"]
    )


def test_what_is_not_told_is_unknown(reply):
    silent = reply("vllm", lambda server: server.enqueue(completion(usage=None)))
    assert silent.usage == Usage()
    assert (silent.cost_usd, silent.saved_usd) == (None, None)
    unpriced = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 4}}
    told = reply("vllm", lambda server: server.enqueue(completion(usage=unpriced)))
    assert told.usage == Usage(9, 1, 4, None)
    assert (told.cost_usd, told.saved_usd) == (None, None)
