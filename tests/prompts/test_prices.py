"""Prices are those that litellm would bill."""

from __future__ import annotations

from pathlib import Path

import pytest

from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.prices import price_of

# Importing litellm's response types warns about pydantic's own features.
pytestmark = pytest.mark.filterwarnings(r"ignore:.*`ReadOnly` qualifier:UserWarning:pydantic\.")

MODELS = [
    "claude-opus-4-5",
    "anthropic/claude-sonnet-4-5",
    "anthropic/claude-opus-5-5",
    "gpt-4o",
    "openai/gpt-4.1-mini",
    "gpt-5-mini",
    "gpt-5.6-sol",
    "gemini/gemini-2.5-flash",
    "gemini/gemini-2.5-pro",
    "vertex_ai/claude-opus-4-5",
    "mistral/pixtral-large-latest",
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("tokens", [1_500, 150_000, 300_000])
@pytest.mark.parametrize("shares", [(0, 0), (0.5, 0), (0.5, 0.25)])
def test_costs_equal_litellms(model: str, tokens: int, shares: tuple[float, float]) -> None:
    from litellm import cost_per_token
    from litellm.types.utils import PromptTokensDetailsWrapper, Usage

    price = price_of(model)
    assert price is not None
    cached = int(tokens * shares[0]) if price.rates.cache_read != price.rates.input else 0
    written = int(tokens * shares[1]) if price.rates.cache_write != price.rates.input else 0
    usage = Usage(
        prompt_tokens=tokens,
        completion_tokens=700,
        total_tokens=tokens + 700,
        prompt_tokens_details=PromptTokensDetailsWrapper(cached_tokens=cached, cache_creation_tokens=written),
        cache_read_input_tokens=cached,
        cache_creation_input_tokens=written,
    )
    expected = sum(cost_per_token(model=model, usage_object=usage))
    assert price.cost(tokens, 700, cached, written) == pytest.approx(expected, rel=1e-9)


def test_completion_cost_of_a_reply() -> None:
    from litellm import completion_cost
    from litellm.types.utils import ModelResponse, Usage

    reply = ModelResponse(
        model="gpt-4o", usage=Usage(prompt_tokens=1000, completion_tokens=100, total_tokens=1100)
    )
    price = price_of("gpt-4o")
    assert price is not None
    assert price.cost(1000, 100) == pytest.approx(completion_cost(completion_response=reply, model="gpt-4o"))


def test_longer_prompts_have_other_rates_for_all_of_their_tokens() -> None:
    price = price_of("gemini/gemini-2.5-pro")
    assert price is not None
    (threshold, above), *rest = price.above
    assert (threshold, rest) == (200_000, [])
    assert price.at(200_000) == price.rates
    assert price.at(200_001) == above
    assert above.input == 2 * price.rates.input
    assert price.cost(200_001, 0) > 1.9 * price.cost(200_000, 0)


def test_claude_sells_two_times_of_keeping() -> None:
    price = price_of("claude-sonnet-4-5")
    assert price is not None
    rates = price.rates
    assert (rates.input, rates.output, rates.cache_read) == (3e-6, 1.5e-5, 3e-7)
    assert (rates.cache_write, rates.cache_write_long) == (3.75e-6, 6e-6)
    assert price.cost(1000, 0, written=1000, long=True) == pytest.approx(0.006)


def test_missing_cache_prices_are_those_of_the_facts() -> None:
    price, facts = price_of("gpt-4.1-mini"), facts_of("gpt-4.1-mini")
    assert price is not None
    assert price.rates.cache_write == price.rates.input * facts.cache.write


@pytest.mark.parametrize(
    "model", ["hosted_vllm/gpt-4o", "ollama/mine", "nobody/x", "", "sample_spec/x", "x/y/z"]
)
def test_what_nobody_sells_has_no_price(model: str) -> None:
    assert price_of(model) is None


def test_more_cached_than_sent_costs_no_less_than_nothing() -> None:
    price = price_of("gpt-4o")
    assert price is not None
    assert price.cost(10, 0, cached=20) == pytest.approx(20 * price.rates.cache_read)
    assert price.cost(0, 0) == 0


def test_a_price_of_the_users_stands_above_the_map(tmp_path: Path) -> None:
    file = tmp_path / "facts.toml"
    file.write_text(
        '[[models]]\nmatch = ["gpt-4o", "hosted_vllm/mine"]\nprice = { input = 1e-6, output = 2e-6 }\n'
    )
    for model in ("gpt-4o", "hosted_vllm/mine"):
        price = price_of(facts_of(model, file))
        assert price is not None
        assert price.cost(1000, 1000) == pytest.approx(0.003)
    assert price_of("offline/knn-vote") is not None
    assert price_of("offline/knn-vote").cost(10**6, 10**6) == 0  # type: ignore[union-attr]
