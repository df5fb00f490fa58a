"""Each provider's own errors become ours, without keys and image data, and only what may pass is tried again."""

import base64
import sys

import anthropic_server
import gemini_server
import pytest
from pydantic import SecretStr
from scripted_server import Scripted
from wire import FAMILIES, KEY, ask, said

from shotsmith.clients.vlm.litellm import LiteLLM
from shotsmith.domain.errors import (
    ContextExceeded,
    ModelRateLimited,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
)
from shotsmith.domain.messages import ImagePart

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:.*`ReadOnly` qualifier:UserWarning:pydantic\."),
    pytest.mark.usefixtures("litellm"),
]

BY_NAME = {family.name: family for family in FAMILIES}
IMAGE = ImagePart(bytes(range(256)) * 4, "image/png", 1, 1)
TOO_LONG = "prompt is too long: 212345 tokens > 200000 maximum"
TOO_MANY = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
RETRY = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]


@pytest.fixture(params=["anthropic", "gemini"])
def family(request):
    return BY_NAME[request.param]


@pytest.fixture
def fails():
    """Asks a family whose server follows a script, and gives its error, the server and the pauses."""
    servers = []

    def ask_it(name, *responses, attempts=2, key=KEY, messages=None, **parameters):
        family = BY_NAME[name]
        server = family.serve()
        servers.append(server)
        server.enqueue(*responses)
        pauses = []
        vlm = family.client(server, attempts=attempts, api_key=SecretStr(key), sleep=pauses.append)
        with pytest.raises(Exception) as caught:
            ask(vlm, messages or [said("user", IMAGE, "q")], parameters)
        return caught.value, server, pauses

    yield ask_it
    for server in servers:
        server.close()


A = anthropic_server.failure
G = gemini_server.failure


@pytest.mark.parametrize(
    ("name", "response", "kind", "reason"),
    [
        ("anthropic", A(400, "invalid_request_error", "messages: bad"), ModelRefused, "messages: bad"),
        ("anthropic", A(400, "invalid_request_error", TOO_LONG), ContextExceeded, "too long"),
        ("anthropic", A(401, "authentication_error", "invalid x-api-key"), ModelUnauthorized, "x-api-key"),
        ("anthropic", A(403, "permission_error"), ModelUnauthorized, "403"),
        ("anthropic", A(404, "not_found_error", "model: claude-9"), ModelRefused, "claude-9"),
        ("anthropic", A(413, "request_too_large", "over 32 MB"), ContextExceeded, "over 32 MB"),
        ("gemini", G(400, "INVALID_ARGUMENT", "Unable to process input image"), ModelRefused, "image"),
        ("gemini", G(400, "INVALID_ARGUMENT", TOO_MANY), ContextExceeded, "1200000"),
        ("gemini", G(403, "PERMISSION_DENIED"), ModelUnauthorized, "403"),
        ("gemini", G(404, "NOT_FOUND", "models/gemini-9 is not found"), ModelRefused, "gemini-9"),
    ],
)
def test_what_cannot_pass_is_told_at_once(fails, name, response, kind, reason):
    error, server, pauses = fails(name, response)
    assert type(error) is kind
    assert reason in str(error)
    assert "litellm" not in str(error).lower()
    assert "Exception" not in str(error)
    assert (len(server.requests), pauses) == (1, [])


@pytest.mark.parametrize(
    ("name", "response", "kind"),
    [
        ("anthropic", A(429, "rate_limit_error"), ModelRateLimited),
        ("anthropic", A(500, "api_error"), ModelUnavailable),
        ("anthropic", A(529, "overloaded_error", "Overloaded"), ModelUnavailable),
        ("gemini", G(429, "RESOURCE_EXHAUSTED", "Quota exceeded", RETRY), ModelRateLimited),
        ("gemini", G(503, "UNAVAILABLE", "The model is overloaded"), ModelUnavailable),
    ],
)
def test_what_may_pass_is_tried_again(fails, name, response, kind):
    error, server, pauses = fails(name, response, response)
    assert type(error) is kind
    assert "(2 attempts)" in str(error)
    assert (len(server.requests), len(pauses)) == (2, 1)


def test_anthropics_wait_is_kept(fails):
    limited = A(429, "rate_limit_error", headers={"retry-after": "31"})
    error, _, pauses = fails("anthropic", limited, limited)
    assert 31 <= pauses[0] < 33
    assert "31 s" in error.mend


def test_a_wrong_key_is_unauthorised(fails, family):
    error, server, pauses = fails(family.name, key="another-key-0123456789")
    assert type(error) is ModelUnauthorized
    assert "another-key" not in str(error)
    assert (len(server.requests), pauses) == (1, [])


def test_no_secret_and_no_image_leaves_in_an_error(fails, family, caplog, capfd):
    data = base64.b64encode(IMAGE.data).decode()
    echo = f"key {KEY} refused, x-api-key: {KEY}, url ?key={KEY} sent data:image/png;base64,{data} {data}"
    make = A if family.name == "anthropic" else G
    for status in (400, 401, 500):
        error, _, _ = fails(family.name, make(status, "INTERNAL", echo), attempts=1)
        told = [str(error), repr(error), str(error.problem()), caplog.text, *capfd.readouterr()]
        assert "refused" in told[0]
        assert not any(KEY in text or data[:60] in text for text in told)
        assert error.__cause__ is None
        assert error.__context__ is None


def test_replies_that_are_no_replies_are_unavailable(fails, family):
    page = Scripted(body=b"<html>gateway</html>")
    error, server, _ = fails(family.name, page, page)
    assert type(error) is ModelUnavailable
    assert "Traceback" not in str(error)
    assert len(server.requests) == 2


def test_what_a_strict_server_refuses_is_its_reason(fails):
    error, _, _ = fails("gemini", extra_body={"no_such_field": 1})
    assert type(error) is ModelRefused
    assert "no_such_field" in str(error)


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
def test_extra_body_that_litellm_would_not_unpack_is_dropped_with_a_note(name, monkeypatch):
    monkeypatch.setenv("AWS_REGION_NAME", "us-east-1")
    server = BY_NAME[name].serve()
    try:
        reply = ask(BY_NAME[name].client(server), [said("user", "q")], {"extra_body": {"x": 1}})
    finally:
        server.close()
    assert reply.notes == (f"{BY_NAME[name].model} does not take extra_body: dropped",)
    assert b"extra_body" not in server.requests[0].body


def test_a_model_that_litellm_reaches_with_another_package_is_refused_at_once(fails, monkeypatch):
    # litellm sends some models to the Responses API, by way of a package that it does not install.
    monkeypatch.setitem(sys.modules, "mcp", None)
    server = BY_NAME["openai"].serve()
    pauses = []
    vlm = LiteLLM("openai/o1-pro", api_base=server.url, api_key=SecretStr(KEY), sleep=pauses.append)
    try:
        with pytest.raises(ModelRefused, match=r"mcp.*Install the package"):
            ask(vlm, [said("user", "q")])
    finally:
        server.close()
    assert (server.requests, pauses) == ([], [])
