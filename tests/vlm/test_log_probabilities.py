"""Log probabilities of a provider as `Reply.alternatives`: those that come, those that do not, and broken ones."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest
from openai_server import Scripted, completion
from pydantic import SecretStr

from shotsmith.clients.vlm.ledger import LedgeredVLM, MemoryLedger
from shotsmith.clients.vlm.litellm import LiteLLM
from shotsmith.domain.errors import ModelUnavailable
from shotsmith.domain.messages import Message, Reply, Request, TextPart

pytestmark = [
    # As in test_litellm_client.py: litellm filters these itself when it is imported, and pytest takes its filters away.
    pytest.mark.filterwarnings(r"ignore:.*`ReadOnly` qualifier:UserWarning:pydantic\."),
    # openai's own types complain of shapes that they do not know, and go on.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]

MODELS = ["openai/m", "hosted_vllm/m"]
HELLO = (Message("user", (TextPart("hello"),)),)
WANTED = {"logprobs": True, "top_logprobs": 20}


@pytest.fixture(scope="module", autouse=True)
def litellm() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from shotsmith.clients.vlm.litellm import _litellm

        _litellm()


@pytest.fixture
def client(server):
    def make(model: str = "openai/m") -> LiteLLM:
        key = SecretStr("planted-key-0123456789")
        return LiteLLM(model, api_base=server.url, api_key=key, attempts=1)

    return make


def ask(vlm: LiteLLM) -> Reply:
    return vlm.complete(Request(vlm.model, HELLO, WANTED, vlm.api_base))


def telling(logprobs: Any, text: str = "cat") -> Scripted:
    """A completion with something in the place of the log probabilities."""
    reply = completion(text)
    reply.body["choices"][0]["logprobs"] = logprobs
    return reply


def token(text: str, top: dict[str, Any] | None = None, logprob: Any = -0.1) -> dict[str, Any]:
    """One token and what it could have been instead."""
    others = [{"token": one, "logprob": value, "bytes": None} for one, value in (top or {}).items()]
    return {"token": text, "logprob": logprob, "bytes": None, "top_logprobs": others}


def content(*tokens: Any) -> dict[str, Any]:
    return {"content": list(tokens)}


@pytest.mark.parametrize("model", MODELS)
def test_probabilities_are_asked_for_and_come_most_likely_first(client, server, model: str) -> None:
    chances = {"dog": 0.2, "cat": 0.7, "ant": 0.05, "bee": 0.05}
    top = {name: math.log(chance) for name, chance in chances.items()}
    server.enqueue(telling(content(token("cat", top), token(".", {".": -0.01}))))
    reply = ask(client(model))
    assert {name: server.requests[0].json[name] for name in WANTED} == WANTED
    assert [name for name, _ in reply.alternatives] == ["cat", "dog", "ant", "bee"]  # ties by name
    assert dict(reply.alternatives) == pytest.approx(chances)
    assert (reply.text, reply.notes) == ("cat", ())


@pytest.mark.parametrize("model", MODELS)
def test_the_first_token_with_any_text_counts_and_keeps_its_spaces(client, server, model: str) -> None:
    tokens = [token("", {"": -0.5, "x": -1}), token("\n ", {"\n ": -0.5}), token(" cat", {" cat": 0.0})]
    server.enqueue(telling(content(*tokens, token("s", {"s": -0.2})), "\n  cats"))
    assert ask(client(model)).alternatives == ((" cat", 1.0),)


@pytest.mark.parametrize("model", MODELS)
def test_a_later_token_never_stands_for_the_beginning(client, server, model: str) -> None:
    """Where the first token tells no others, nothing is known of how the answer might have begun."""
    server.enqueue(telling(content(token("The"), token(" cat", {" cat": -0.1, " dog": -2.4})), "The cat"))
    assert ask(client(model)).alternatives == ()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "nothing",
    [
        None,
        {},
        {"content": None},
        {"content": []},
        content(token("cat")),
        content({**token("cat"), "top_logprobs": None}),
        content(token(" ", {" ": -0.1})),
    ],
    ids=repr,
)
def test_a_provider_that_tells_none_still_answers(client, server, model: str, nothing: Any) -> None:
    server.enqueue(telling(nothing), completion("dog"))
    vlm = client(model)
    assert [(reply.text, reply.alternatives) for reply in (ask(vlm), ask(vlm))] == [("cat", ()), ("dog", ())]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "other",
    [
        {"tokens": ["cat"], "token_logprobs": [-0.1], "top_logprobs": [{"cat": -0.1}], "text_offset": [0]},
        ["cat", -0.1],
        "likely",
        3,
    ],
    ids=repr,
)
def test_another_shape_is_no_log_probability_and_no_error(client, server, model: str, other: Any) -> None:
    """The first is what completions of the old kind look like."""
    server.enqueue(telling(other))
    reply = ask(client(model))
    assert (reply.text, reply.alternatives) == ("cat", ())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("least", [-9999.0, float("-inf")])
def test_what_is_impossible_has_probability_zero(client, server, model: str, least: float) -> None:
    server.enqueue(telling(content(token("cat", {"dog": least, "cat": 0.0}))))
    assert ask(client(model)).alternatives == (("cat", 1.0), ("dog", 0.0))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("broken", [float("nan"), 0.5, 1e5], ids=["nan", "above 1", "far above 1"])
def test_what_is_no_probability_is_not_told_as_one(client, server, model: str, broken: float) -> None:
    server.enqueue(telling(content(token("cat", {"cat": broken, "dog": -0.1}))))
    reply = ask(client(model))
    assert reply.text == "cat"
    assert all(0 <= chance <= 1 for _, chance in reply.alternatives)


BROKEN = [
    content(token("cat", {"cat": None})),
    content(token("cat", {"cat": "likely"})),
    content({**token("cat"), "top_logprobs": {"cat": -0.1}}),
    content({**token("cat"), "top_logprobs": ["cat"]}),
    content({**token("cat"), "token": None}),
    content("cat"),
    {"content": "cat"},
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("broken", BROKEN, ids=repr)
def test_a_broken_shape_is_one_clear_error(client, server, model: str, broken: Any) -> None:
    """litellm reads the whole reply or none of it."""
    server.enqueue(telling(broken))
    with pytest.raises(ModelUnavailable, match="the call failed: Invalid response object") as caught:
        ask(client(model))
    assert (caught.value.field, caught.value.value, caught.value.exit_code) == ("model", model, 7)
    assert caught.value.mend


@pytest.mark.parametrize("model", MODELS)
def test_the_error_of_a_broken_shape_shows_no_traceback_and_no_path(client, server, model: str) -> None:
    server.enqueue(telling({"content": "cat"}))
    with pytest.raises(ModelUnavailable) as caught:
        ask(client(model))
    for told in (str(caught.value), str(caught.value.problem())):
        assert "Traceback" not in told
        assert ".py" not in told


def test_the_ledger_gives_probabilities_back_as_they_came(client, server) -> None:
    server.enqueue(telling(content(token("cat", {"cat": -0.1, "dog": -2.4}))))
    vlm = client()
    ledgered = LedgeredVLM(vlm, MemoryLedger())
    first, again = (ledgered.complete(Request(vlm.model, HELLO, WANTED, vlm.api_base)) for _ in range(2))
    assert len(server.requests) == 1
    assert (first.from_ledger, again.from_ledger) == (False, True)
    assert (
        first.alternatives
        == again.alternatives
        == (
            ("cat", pytest.approx(math.exp(-0.1))),
            ("dog", pytest.approx(math.exp(-2.4))),
        )
    )
