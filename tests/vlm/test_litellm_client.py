"""How the client of every remote model calls, retries, reports and fails. What it sends is in test_wire_*.py."""

import base64
import os
import threading

import pytest
from openai_server import USAGE, Scripted, completion, failure
from pydantic import SecretStr

from shotsmith.clients.vlm import open_model
from shotsmith.clients.vlm.litellm import LiteLLM
from shotsmith.domain.errors import (
    ContextExceeded,
    InvalidInput,
    InvalidParameter,
    ModelRateLimited,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
)
from shotsmith.domain.messages import ImagePart, Message, Request, TextPart
from shotsmith.domain.protocols import VLM

KEY = "planted-key-0123456789"
HELLO = (Message("user", (TextPart("hello"),)),)

# litellm filters these itself when it is imported, and pytest takes its filters away.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:.*`ReadOnly` qualifier:UserWarning:pydantic\."),
    pytest.mark.usefixtures("litellm"),
]


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def client(server, pauses):
    """A client of the loopback server that does not really sleep."""

    def make(model="openai/m", **options):
        settings = {"api_base": server.url, "api_key": SecretStr(KEY), "sleep": pauses.append, **options}
        return LiteLLM(model, **settings)

    return make


def ask(vlm: LiteLLM, messages=HELLO, **parameters):
    return vlm.complete(Request(vlm.model, tuple(messages), parameters, vlm.api_base))


@pytest.mark.parametrize("model", ["openai/m", "hosted_vllm/m"])
def test_images_arrive_byte_for_byte_with_roles_and_order(client, server, picture, model):
    red, blue = picture("red"), picture("blue")
    noise = ImagePart(bytes(range(256)) * 50, "image/jpeg", 1, 1)
    ask(
        client(model),
        [
            Message("system", (TextPart("Classify."), TextPart('Labels: ["ä", "b"]'))),
            Message("user", (red, noise, TextPart("Input: one"))),
            Message("assistant", (TextPart("a"),)),
            Message("user", (blue,)),
        ],
    )
    [request] = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json["model"] == "m"
    assert [turn["role"] for turn in request.json["messages"]] == ["system", "user", "assistant", "user"]
    system, shown, answer, asked = (turn["content"] for turn in request.json["messages"])
    assert system == 'Classify.\nLabels: ["ä", "b"]'
    assert answer == "a"
    assert [part["type"] for part in shown] == ["image_url", "image_url", "text"]
    assert shown[2]["text"] == "Input: one"
    for part, image in [(shown[0], red), (shown[1], noise), (asked[0], blue)]:
        head, data = part["image_url"]["url"].split(",")
        assert head == f"data:{image.mime};base64"
        assert base64.b64decode(data) == image.data


def test_parameters_are_passed_on(client, server):
    given = {"temperature": 0.25, "max_tokens": 7, "seed": 3, "stop": ["."], "top_k": 4, "top_p": None}
    ask(client(), **given, extra_body={"guided_choice": ["a"]})
    body = server.requests[0].json
    assert {name: body.get(name) for name in given} == given
    assert "top_p" not in body
    assert body["guided_choice"] == ["a"]


def test_reply_tells_usage_price_and_model(client, server, litellm):
    price = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6, "cache_read_input_token_cost": 1e-7}
    litellm.register_model({"openai/priced": {**price, "litellm_provider": "openai", "mode": "chat"}})
    server.enqueue(completion("a cat", usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 100}}))
    reply = ask(client("openai/priced"))
    assert (reply.text, reply.model, reply.finish_reason) == ("a cat", "served-model", "stop")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cached_tokens) == (120, 3, 100)
    assert reply.cost_usd == pytest.approx(20 * 1e-6 + 100 * 1e-7 + 3 * 2e-6)
    assert 0 < reply.latency_ms < 60_000
    assert reply.notes == ()
    assert not reply.from_ledger


def test_unknown_price_and_unknown_usage_are_none(client, server):
    server.enqueue(completion(), completion(usage=None))
    unpriced, uncounted = ask(client()), ask(client("openai/priced"))
    assert unpriced.cost_usd is None
    assert unpriced.usage.input_tokens == 120
    assert unpriced.usage.cached_tokens is None
    assert uncounted.cost_usd is None
    assert uncounted.usage.input_tokens is None
    assert uncounted.usage.output_tokens is None


@pytest.mark.parametrize(("text", "reason"), [(None, "content_filter"), ("", "length"), (None, "stop")])
def test_reply_without_text_is_empty_text(client, server, text, reason):
    server.enqueue(completion(text, finish_reason=reason))
    reply = ask(client())
    assert (reply.text, reply.finish_reason) == ("", reason)
    assert reply.notes == (f"the reply has no text ({reason})",)


def test_refusal_and_reply_without_choices(client, server):
    nothing = completion()
    nothing.body["choices"] = []
    server.enqueue(completion(None, refusal="I cannot"), nothing)
    assert ask(client()).notes == ("the model refused: I cannot",)
    reply = ask(client())
    assert (reply.text, reply.finish_reason) == ("", "unknown")


def test_dropped_parameters_are_noted_and_not_sent(client, server):
    reply = ask(client("openai/gpt-5-mini"), temperature=0.2, logprobs=True, max_tokens=5)
    assert reply.notes == tuple(
        f"openai/gpt-5-mini does not take {name}: dropped" for name in ("logprobs", "temperature")
    )
    body = server.requests[0].json
    assert body.keys() == {"messages", "model", "max_completion_tokens"}


def test_anthropic_gets_the_same_turns(client, server, picture):
    red = picture("red")
    usage = {
        "input_tokens": 10,
        "output_tokens": 2,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 3,
    }
    server.enqueue(
        Scripted(
            body={
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-4-5",
                "content": [{"type": "text", "text": "cat"}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": usage,
            }
        )
    )
    base = server.url.removesuffix("/v1")
    turns = [Message("system", (TextPart("Classify."),)), Message("user", (red, TextPart("Input: x")))]
    reply = ask(client("anthropic/claude-sonnet-4-5", api_base=base), turns, seed=1)
    assert (reply.text, reply.usage.input_tokens, reply.usage.cached_tokens) == ("cat", 18, 5)
    assert reply.notes == ("anthropic/claude-sonnet-4-5 does not take seed: dropped",)
    image, text = server.requests[0].json["messages"][0]["content"]
    assert base64.b64decode(image["source"]["data"]) == red.data
    assert text["text"] == "Input: x"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (failure(400, "bad image", type="invalid_request_error"), ModelRefused),
        (failure(401, "wrong", type="invalid_request_error", code="invalid_api_key"), ModelUnauthorized),
        (failure(403), ModelUnauthorized),
        (failure(404, "no such model", code="model_not_found"), ModelRefused),
        (failure(413, "too large"), ContextExceeded),
        (failure(422), ModelRefused),
        (
            failure(400, "maximum context length is 8192 tokens", code="context_length_exceeded"),
            ContextExceeded,
        ),
    ],
)
@pytest.mark.parametrize("model", ["openai/m", "hosted_vllm/m"])
def test_what_cannot_succeed_is_not_retried(client, server, pauses, model, response, error):
    server.enqueue(response)
    with pytest.raises(error, match=response.body["error"]["message"]) as caught:
        ask(client(model))
    assert type(caught.value) is error
    assert len(server.requests) == 1
    assert pauses == []
    assert caught.value.value == model
    assert caught.value.mend
    assert "litellm" not in str(caught.value).lower()


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
@pytest.mark.parametrize("model", ["openai/m", "hosted_vllm/m"])
def test_what_may_pass_is_retried(client, server, pauses, model, status):
    server.enqueue(failure(status), failure(status))
    reply = ask(client(model, attempts=3))
    assert reply.text == "cat"
    assert reply.notes == ("answered at attempt 3",)
    assert len(server.requests) == 3
    assert len(pauses) == 2
    assert all(0 < pause <= 31 for pause in pauses)


@pytest.mark.parametrize(("status", "error"), [(429, ModelRateLimited), (503, ModelUnavailable)])
def test_retries_are_counted_and_end(client, server, status, error):
    server.enqueue(*[failure(status, "busy")] * 9)
    with pytest.raises(error, match=rf"{status}: busy \(3 attempts\)"):
        ask(client(attempts=3))
    assert len(server.requests) == 3


@pytest.mark.parametrize("model", ["openai/m", "hosted_vllm/m"])
def test_waits_as_long_as_the_provider_asks(client, server, pauses, model):
    server.enqueue(failure(429, headers={"retry-after": "47"}))
    ask(client(model))
    assert 47 <= pauses[0] < 50


def test_does_not_wait_beyond_the_deadline(client, server, pauses):
    server.enqueue(failure(429, headers={"retry-after": "61"}))
    with pytest.raises(ModelRateLimited, match="Try again in 61 s"):
        ask(client(deadline_s=60))
    assert pauses == []
    assert len(server.requests) == 1


def test_provider_may_forbid_a_retry(client, server):
    server.enqueue(failure(503, headers={"x-should-retry": "false"}))
    with pytest.raises(ModelUnavailable):
        ask(client())
    assert len(server.requests) == 1


@pytest.mark.parametrize("model", ["openai/m", "hosted_vllm/m"])
def test_timeouts_are_unavailable(client, server, pauses, model):
    server.enqueue(*[Scripted(hold=server.closing)] * 2)
    with pytest.raises(ModelUnavailable, match="2 attempts"):
        ask(client(model, timeout_s=0.1, attempts=2))
    assert len(server.requests) == 2
    assert len(pauses) == 1


@pytest.mark.parametrize("model", ["openai/m", "hosted_vllm/m"])
def test_refused_connection_is_unavailable(client, server, pauses, model):
    closed = client(model, attempts=2)
    server.close()
    with pytest.raises(ModelUnavailable, match="the call failed"):
        ask(closed)
    assert len(pauses) == 1


@pytest.mark.parametrize("model", ["openai/m", "hosted_vllm/m"])
def test_answer_that_is_no_completion_is_unavailable(client, server, model):
    server.enqueue(*[Scripted(body=b"<html>proxy</html>")] * 2)
    with pytest.raises(ModelUnavailable):
        ask(client(model, attempts=2))


@pytest.mark.parametrize("model", ["openai/m", "hosted_vllm/m", "anthropic/claude-sonnet-4-5"])
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_no_secret_leaves_in_an_error(client, server, picture, monkeypatch, caplog, capfd, model, status):
    monkeypatch.setenv("OTHER_API_KEY", "another-secret-value")
    image = picture("red")
    url = f"data:image/png;base64,{base64.b64encode(image.data).decode()}"
    echo = f"key {KEY} and another-secret-value refused, Authorization: Bearer {KEY}, sent {url}, {url[30:]}"
    server.enqueue(*[failure(status, echo)] * 2)
    with pytest.raises(Exception, match="refused") as caught:
        ask(client(model, attempts=2), [Message("user", (image,))])
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    out, err = capfd.readouterr()
    seen = [str(error), repr(error), str(error.problem()), caplog.text, out, err]
    for text in seen:
        assert KEY not in text
        assert "another-secret-value" not in text
        assert url[30:90] not in text


def test_missing_key_is_unauthorized_at_once(server, pauses, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    keyless = LiteLLM("openai/m", api_base=server.url, sleep=pauses.append)
    with pytest.raises(ModelUnauthorized, match="SHOTSMITH_MODEL_API_KEY"):
        ask(keyless)
    assert server.requests == []
    assert pauses == []
    assert ask(LiteLLM("hosted_vllm/m", api_base=server.url)).text == "cat"


@pytest.mark.parametrize("model", ["nonsense", "nowhere/m", "openai/"])
def test_name_without_a_provider_is_refused(server, capfd, model):
    with pytest.raises(ModelRefused, match=r"Write provider/model, e.g. openai/gpt-5-mini"):
        ask(LiteLLM(model))
    assert capfd.readouterr() == ("", "")


def test_request_for_another_model_or_endpoint_is_refused(client, server):
    vlm = client()
    with pytest.raises(InvalidParameter, match=r"^model: "):
        vlm.complete(Request("openai/other", HELLO, api_base=server.url))
    for base in ("http://127.0.0.1:1/v1", None):
        with pytest.raises(InvalidParameter, match=r"^api_base: "):
            vlm.complete(Request("openai/m", HELLO, api_base=base))
    assert server.requests == []


@pytest.mark.parametrize(
    "parameters",
    [{"api_base": "http://127.0.0.1:1"}, {"mock_response": "x"}, {"n": 2}, {"temperature": float("nan")}],
)
def test_what_is_no_sampling_parameter_is_refused(client, server, parameters):
    with pytest.raises(InvalidParameter, match=r"^parameters: "):
        ask(client(), **parameters)
    assert server.requests == []


def test_image_outside_a_user_turn_is_refused(client, server, picture):
    with pytest.raises(InvalidInput, match="only user turns"):
        ask(client(), [Message("assistant", (picture("red"),))])


def test_threads_share_a_client(client, server):
    vlm = client()
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(ask(vlm).text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == ["cat"] * 8
    assert len(server.requests) == 8


def test_opened_by_name_and_quiet_about_its_key(server):
    vlm = open_model("openai/m", api_base=server.url, api_key=SecretStr(KEY))
    assert isinstance(vlm, LiteLLM)
    assert isinstance(vlm, VLM)
    assert KEY not in repr(vlm)
    assert ask(vlm).text == "cat"


def test_litellm_is_set_to_stay_offline(litellm):
    assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    assert os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] == "True"
    assert litellm.suppress_debug_info
    assert litellm.success_callback == litellm.failure_callback == []
